"""A real redis-server of its own, and wires to it that speak bytes."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hiredis
import pytest

from tests.support import HANG_GUARD_S, free_port, redis_command, until


class Wire:
    """One connection; gives replies as the bytes that came, and as values."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=HANG_GUARD_S)

    def send(self, *words: bytes | str | int) -> bytes:
        """The bytes of the reply to one command."""
        encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        parts = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)
        self._socket.sendall(b"*%d\r\n" % len(encoded) + parts)
        reader, received = hiredis.Reader(), b""
        while reader.gets() is False:
            data = self._socket.recv(65536)
            assert data, "Redis closed the connection"
            received += data
            reader.feed(data)
        return received

    def ask(self, *words: bytes | str | int) -> Any:
        """The reply as hiredis reads it; errors are hiredis.ReplyError."""
        reader = hiredis.Reader()
        reader.feed(self.send(*words))
        return reader.gets()

    def close(self) -> None:
        self._socket.close()


class RealRedis:
    """A redis-server on a free port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        command = redis_command(self.port, folder)
        with (folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wires: list[Wire] = []
        until(self._answers, "redis-server answers")

    def _answers(self) -> bool:
        try:
            return bool(self.wire().ask("PING") == b"PONG")
        except ConnectionError:
            return False

    def wire(self) -> Wire:
        self._wires.append(Wire(self.port))
        return self._wires[-1]

    def stop(self) -> None:
        for wire in self._wires:
            wire.close()
        self.process.kill()
        self.process.wait(HANG_GUARD_S)


@pytest.fixture(scope="module")
def real_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRedis]:
    server = RealRedis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()
