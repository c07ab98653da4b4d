"""Random bytes on both sides: no crash, no hang, nothing left behind."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

WORDS = [
    b"*2\r\n",
    b"$3\r\n",
    b"GET",
    b"\r\n",
    b"$536870912\r\n",
    b"*-1\r\n",
    b"PING\r\n",
    b"MULTI\r\n",
    b"EXEC\r\n",
    b"SUBSCRIBE c\r\n",
    b"+OK\r\n",
    b"-ERR x\r\n",
    b">2\r\n",
    b"%1\r\n",
    b"|1\r\n",
    b"$-1\r\n",
    b"*?\r\n",
    b"_\r\n",
    b'"',
]


def noise(chance: random.Random) -> bytes:
    pieces = [
        chance.choice(WORDS) if chance.random() < 0.8 else chance.randbytes(chance.randrange(1, 300))
        for _ in range(chance.randrange(1, 40))
    ]
    return b"".join(pieces)


class NoisyRedis:
    """Answers whatever comes with noise, and sometimes hangs up."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            chance = random.Random(number)
            with connection:
                connection.settimeout(0.2)
                try:
                    for _ in range(chance.randrange(1, 5)):
                        connection.sendall(noise(chance))
                        if not connection.recv(65536):
                            break
                except OSError:
                    pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def noisy() -> Iterator[NoisyRedis]:
    server = NoisyRedis()
    yield server
    server.close()


RULES: list[list[dict[str, Any]]] = [
    [],
    [{"action": "hold", "seconds": 0.01}],
    [{"action": "delay", "direction": "reply", "seconds": 0.01}, {"action": "error", "command": "PING"}],
    [{"action": "disconnect", "nth": 3}, {"action": "blackhole", "direction": "reply", "nth": 5}],
]


def babble(gate: Any, rounds: int, poll: Callable[..., Any]) -> None:
    idle = gate.tasks()
    for number in range(rounds):
        chance = random.Random(1000 + number)
        gate.rules(*RULES[number % len(RULES)])
        with gate.socket("captcha-api-a" if number % 2 else "captcha-api-b") as connection:
            connection.settimeout(0.05)
            try:
                for _ in range(chance.randrange(1, 4)):
                    connection.sendall(noise(chance))
                    connection.recv(65536)
            except OSError:  # a time-out, or hung up on
                pass
    poll(lambda: gate.links() == 0 and gate.tasks() == idle, 20)
    assert gate.call(gate.gate.holds.current) == []
    gate.call(gate.gate.flush)
    numbers = sorted(command.seq for command in gate.traced)
    assert numbers == list(range(1, gate.call(lambda: gate.gate.recorder.last) + 1))


def test_noise_from_pods_to_a_real_redis(gate: Any, poll: Callable[..., Any]) -> None:
    babble(gate, 120, poll)
    gate.rules()
    assert gate.client().set("k", "v")


def test_noise_on_both_sides(unstarted: Any, noisy: NoisyRedis, poll: Callable[..., Any]) -> None:
    unstarted.upstream = noisy.port
    unstarted.start()
    babble(unstarted, 120, poll)
