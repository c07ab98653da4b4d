"""What pods say to Redis while a few requests run, by Redis' own MONITOR.

MONITOR (https://redis.io/docs/latest/commands/monitor/) tells commands without their replies and costs the
server throughput, so it is for pictures of a handful of requests, not for trials or measurements.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from devenv.core.topology import Endpoints
from devenv.lab.sequence import SequenceMessage

_PASSING = frozenset({"HELLO", "CLIENT", "PING", "AUTH", "SELECT", "COMMAND", "SCRIPT", "INFO", "MONITOR"})
_END = "devenv:watch-ends"
_JOIN_S = 5.0
_LONGEST_ID = 6


@dataclass(frozen=True, slots=True)
class Heard:
    """One command: when Redis got it (seconds since the epoch) and its words."""

    time: float
    words: tuple[str, ...]


@contextmanager
def watch(endpoints: Endpoints) -> Iterator[list[Heard]]:
    """Hear every command in the block, handshakes left out; the list is complete when the block is left.

    Commands that a script calls are not told apart from it: the EVALSHA is what the pod said.
    """
    heard: list[Heard] = []
    client = redis.Redis(
        host=endpoints.redis_host, port=endpoints.redis_port, socket_timeout=_JOIN_S, decode_responses=True
    )
    with client, client.monitor() as monitor:  # type: ignore[no-untyped-call,unused-ignore]
        listener = threading.Thread(target=_listen, args=(monitor, heard), name="MONITOR", daemon=True)
        listener.start()
        try:
            yield heard
        finally:
            client.echo(_END)
            listener.join(_JOIN_S)


def _listen(monitor: Any, heard: list[Heard]) -> None:
    while True:
        try:
            told = monitor.next_command()
        except (redis.RedisError, OSError):
            return
        words = tuple(str(told["command"]).split(" "))
        if words[-1] == _END:
            return
        if told["client_type"] != "lua" and words[0].upper() not in _PASSING:
            heard.append(Heard(float(told["time"]), words))


def with_commands(
    messages: Sequence[SequenceMessage], heard: Sequence[Heard], pods: Sequence[str]
) -> list[SequenceMessage]:
    """The messages with each command as an arrow to Redis from the pod that was answering a request then.

    Holds only where requests ran one after the other. A command outside every request is left out.
    """
    found = list(messages)
    for command in heard:
        before = [it for it in messages if it.time <= command.time and it.kind != "note"]
        if before and before[-1].kind == "request" and before[-1].target in pods:
            found.append(SequenceMessage(command.time, before[-1].target, "redis", label(command.words)))
    return sorted(found, key=lambda message: message.time)


def label(words: Sequence[str]) -> str:
    """A command in short: its name, its key with the id cut, and an expiry where it sets one."""
    name = words[0].upper()
    key = next((word for word in words[1:] if word.count(":") >= 2), "")
    place, _, session = key.rpartition(":")
    short = f" {place.rpartition(':')[2]}:{session[:_LONGEST_ID]}…" if key else ""
    expiry = ""
    upper = [word.upper() for word in words]
    if name == "SETEX" and len(words) > 2:
        expiry = f" EX {words[2]}"
    elif name == "SET" and "EX" in upper[2:-1]:
        expiry = f" EX {words[upper.index('EX', 2) + 1]}"
    return f"{name}{short}{expiry}"
