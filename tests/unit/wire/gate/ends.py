"""Both ends of a conversation at the gate, its clock and its timers, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from devenv.core.model.events import RedisCommand
from devenv.wire.gate.conversation import Conversation
from devenv.wire.gate.holds import Holds, Then
from devenv.wire.gate.message_queue import Bytes
from devenv.wire.gate.nodes import NodePorts, Relocation
from devenv.wire.gate.record import Recorder
from devenv.wire.gate.rules import Rule, RuleSet


def no_sockets(_pod: str, _node: tuple[str, int]) -> asyncio.Protocol:
    raise AssertionError("a conversation accepts nothing")


class Timer:
    def __init__(self, moment: float, call: Callable[[], None]) -> None:
        self.when, self.call, self.cancelled = moment, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Ends:
    """Both ends of one conversation."""

    def __init__(self, *rules: dict[str, Any], capacity: int = 1000, cluster: bool = False) -> None:
        self.now = 0.0
        self.client = b""
        self.upstream = b""
        self.hung_up = False
        self.upstream_told = False
        self.reading = {"client": True, "upstream": True}
        self.timers: list[Timer] = []
        self.traced: list[RedisCommand] = []
        self.rules = RuleSet([Rule.from_json(rule) for rule in rules])
        self.holds = Holds()
        self.recorder = Recorder(capacity, self.traced.extend)
        node = ("127.0.0.1", 7000)
        relocation = Relocation(NodePorts(no_sockets), "captcha-api-a", node, lambda: "127.0.0.1")
        self.conversation = Conversation(
            "captcha-api-a",
            1,
            self.rules,
            self.recorder,
            self.holds,
            lambda: self.now,
            self,
            relocation if cluster else None,
        )

    def to_client(self, data: Bytes) -> None:
        self.client += bytes(data)

    def to_upstream(self, data: Bytes) -> None:
        assert not self.upstream_told
        self.upstream += bytes(data)

    def end_upstream(self) -> None:
        self.upstream_told = True

    def hang_up(self) -> None:
        self.hung_up = True

    def read_client(self, on: bool) -> None:
        self.reading["client"] = on

    def read_upstream(self, on: bool) -> None:
        self.reading["upstream"] = on

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = Timer(self.now + seconds, call)
        self.timers.append(timer)
        return timer

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for timer in sorted(self.timers, key=lambda timer: timer.when):
            if timer.when <= self.now and not timer.cancelled:
                timer.cancelled = True
                timer.call()

    def send(self, *commands: bytes) -> None:
        self.now += 1.0
        self.conversation.from_client(b"".join(wire(command) for command in commands))

    def reply(self, data: bytes) -> None:
        self.now += 1.0
        self.conversation.from_upstream(data)

    def release(self, then: Then = Then.PASS) -> int:
        return len(self.holds.release(lambda _held: True, then))

    def record(self) -> list[tuple[str, str, str | None]]:
        """(command, fate, reply) of all."""
        return [(c.command, c.fate, c.reply) for c in self.recorder.since(0, 1000)]


def wire(command: bytes) -> bytes:
    words = command.split(b" ")
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


GET, SET, OK, VALUE = wire(b"GET k"), wire(b"SET k v"), b"+OK\r\n", b"$1\r\nv\r\n"
