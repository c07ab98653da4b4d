"""Replies of a real Redis beside subscriptions and CLIENT REPLY: each goes to its own command."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import redis

DEADLINE = 10.0
PUBLISHED = 3


class Connection:
    """A connection through the gate that speaks RESP by hand."""

    def __init__(self, plain: socket.socket) -> None:
        self.socket = plain
        self.received = b""

    def send(self, *commands: str) -> None:
        words = [command.split() for command in commands]
        self.socket.sendall(b"".join(_wire(command) for command in words))

    def until(self, end: bytes) -> bytes:
        """What has come since the last time, up to ``end``."""
        while end not in self.received:
            data = self.socket.recv(4096)
            assert data, f"closed before {end!r}: {self.received!r}"
            self.received += data
        before, _, self.received = self.received.partition(end)
        return before + end


def _wire(words: list[str]) -> bytes:
    return f"*{len(words)}\r\n".encode() + b"".join(f"${len(w)}\r\n{w}\r\n".encode() for w in words)


@pytest.fixture(params=["passing", "sorting"])
def connection(request: pytest.FixtureRequest, gate: Any) -> Any:
    """One connection; with a rule that never fits, the gate sorts what it passes."""
    if request.param == "sorting":
        gate.rules({"action": "delay", "seconds": 1.0, "command": "NEVER"})
    with gate.socket() as plain:
        yield Connection(plain)


def replies(gate: Any, command: str) -> list[tuple[str, str | None]]:
    result = gate.call(gate.gate.commands, 0, 100_000)
    return [(one.fate, one.reply) for one in result if one.command == command]


@pytest.mark.parametrize("protocol", [2, 3])
def test_every_count_is_given_to_its_incr(
    gate: Any, direct: redis.Redis, connection: Connection, protocol: int
) -> None:
    connection.send(f"HELLO {protocol}")
    for round_number in range(PUBLISHED):
        connection.send("SUBSCRIBE c d", "PSUBSCRIBE p*", "SSUBSCRIBE s")
        connection.until(b"ssubscribe\r\n$1\r\ns\r\n:1\r\n")
        direct.publish("c", f"first{round_number}")
        direct.publish("p1", f"second{round_number}")
        connection.until(b"second%d\r\n" % round_number)
        if protocol == 3:
            connection.send("INCR n")
            direct.publish("d", "beside")
        connection.send("UNSUBSCRIBE", "PUNSUBSCRIBE p*", "SUNSUBSCRIBE", "INCR n", "ECHO done")
        connection.until(b"done\r\n")
    counts = [str(count + 1) for count in range(PUBLISHED * (protocol - 1))]
    assert replies(gate, "INCR") == [("passed", count) for count in counts]
    assert {reply for _fate, reply in replies(gate, "ECHO")} == {"done"}


def test_commands_without_a_reply_take_no_reply_of_others(gate: Any, connection: Connection) -> None:
    connection.send(
        "CLIENT REPLY SKIP", "INCR n", "INCR n", "CLIENT REPLY OFF", "INCR n", "CLIENT REPLY SKIP"
    )
    connection.send("INCR n", "CLIENT REPLY ON", "INCR n", "CLIENT REPLY NONSENSE", "INCR n", "ECHO done")
    assert connection.until(b"done\r\n").startswith(b":2\r\n+OK\r\n:5\r\n-ERR")
    assert replies(gate, "INCR") == [
        ("no-reply", None), ("passed", "2"), ("no-reply", None), ("no-reply", None), ("passed", "5"),
        ("passed", "6"),
    ]  # fmt: skip


def test_a_rule_meets_what_comes_over_a_connection_that_has_subscribed(
    gate: Any, connection: Connection
) -> None:
    connection.send("HELLO 3", "SUBSCRIBE c")
    connection.until(b"subscribe\r\n$1\r\nc\r\n:1\r\n")
    gate.rules({"action": "error", "command": "GET", "text": "LOADING not yet"})
    connection.send("GET k")
    connection.until(b"-LOADING not yet\r\n")
    assert replies(gate, "GET") == [("error", "-LOADING not yet")]


def test_a_rule_for_every_command_leaves_out_what_clients_send_on_connecting(
    gate: Any, connection: Connection
) -> None:
    gate.rules({"action": "error", "text": "ERR by the rule"})
    handshake = ("HELLO 3", "CLIENT SETINFO LIB-NAME x", "info", "INFO REPLICATION", "COMMAND COUNT", "ROLE")
    connection.send(*handshake, "SUBSCRIBE c", "GET k")
    before = connection.until(b"-ERR by the rule\r\n")
    assert before.count(b"by the rule") == 1
    assert [fate for fate, _ in replies(gate, "INFO")] == ["handshake"] * 2
