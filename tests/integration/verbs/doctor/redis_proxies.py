"""A proxy before a real Redis that passes on some commands only, as twemproxy, Envoy and others do."""

from __future__ import annotations

import os
import shutil
import socket
import socketserver
import subprocess
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support import HANG_GUARD_S, ending_with_us, free_port, until

FEW = ("PING", "SET", "SETEX", "GET", "TTL", "DEL")
"""What the proxy of the case passes on."""
NO_PING = ("SET", "SETEX", "GET", "TTL", "PTTL", "EXISTS", "EXPIRE", "DEL", "EVAL")
"""Commands about one key only: twemproxy without PING."""


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target)) as behind:
            replies = behind.makefile("rb")
            while (request := self._request()) is not None:
                name = request[1].split(b"\r\n")[1].decode().upper()
                if name in self.server.passed:
                    behind.sendall(request[0] + b"".join(b"$" + part for part in request[1:]))
                    self.wfile.write(_reply(replies))
                elif self.server.refusal:
                    self.wfile.write(self.server.refusal.replace("{name}", name).encode() + b"\r\n")
                else:
                    return

    def _request(self) -> list[bytes] | None:
        """The head of one command, then its words, each as ``length CRLF word CRLF``."""
        head = self.rfile.readline()
        if not head.startswith(b"*"):
            return None
        parts = [head]
        for _ in range(int(head[1:])):
            size = self.rfile.readline()[1:]
            parts.append(size + self.rfile.read(int(size) + 2))
        return parts


def _reply(replies: Any) -> bytes:
    line: bytes = replies.readline()
    size = int(line[1:]) if line[:1] in (b"$", b"*") else -1
    if line[:1] == b"$" and size >= 0:
        return line + bytes(replies.read(size + 2))
    if line[:1] == b"*" and size > 0:
        return line + b"".join(_reply(replies) for _ in range(size))
    return line


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    target: int
    passed: Collection[str]
    refusal: str


@contextmanager
def redis_proxy(target: int, passed: Collection[str], refusal: str = "") -> Iterator[int]:
    """The port of a proxy before the Redis at port ``target``.

    ``passed`` are the commands that go through. At others it answers ``refusal``; without one it hangs up.
    """
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.target, server.passed, server.refusal = target, passed, refusal
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@contextmanager
def haproxy(target: int, folder: Path) -> Iterator[int]:
    """The port of a real HAProxy in TCP mode before port ``target``."""
    binary = shutil.which("haproxy")
    if binary is None:
        assert not os.environ.get("DEVENV_REQUIRE_TOOLS"), "haproxy is not installed"
        pytest.skip("haproxy is not installed")
    port = free_port()
    config = folder / "haproxy.cfg"
    config.write_text(
        "defaults\n mode tcp\n retries 0\n timeout connect 1s\n timeout client 30s\n timeout server 30s\n"
        f"listen redis\n bind 127.0.0.1:{port}\n server r 127.0.0.1:{target}\n",
        encoding="utf-8",
    )
    process = subprocess.Popen(ending_with_us([binary, "-db", "-f", str(config)]))
    try:
        until(lambda: _accepts(port), "HAProxy listens")
        yield port
    finally:
        process.terminate()
        process.wait(HANG_GUARD_S)


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
