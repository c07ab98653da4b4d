"""What pods said to Redis, as the gate recorded it, drawn into a sequence picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from devenv.lab.sequence import SequenceMessage

HANDSHAKE = frozenset({"HELLO", "CLIENT", "PING", "AUTH", "SELECT", "COMMAND", "SCRIPT", "INFO", "ECHO"})
"""Commands that set a connection up or look after it: no part of a story."""

_ID_LETTERS = 6
_LONGEST_REPLY = 24


def with_commands(
    messages: Sequence[SequenceMessage], trace: Iterable[Mapping[str, Any]]
) -> list[SequenceMessage]:
    """The messages with each Redis command of ``trace`` (trace.jsonl objects) as arrows there and back."""
    found = list(messages)
    for event in trace:
        if event["kind"] != "redis" or event["command"].upper() in HANDSHAKE:
            continue
        pod = event["pod"]
        found.append(SequenceMessage(event["received"], pod, "redis", command_label(event)))
        if event["answered"] is not None:
            reply = _cut(str(event["reply"]))
            found.append(SequenceMessage(event["answered"], "redis", pod, reply, "reply"))
    return sorted(found, key=lambda message: message.time)


def command_label(event: Mapping[str, Any]) -> str:
    """A command in short: its name, its key with the id cut, and an expiry where it sets one."""
    name, words = str(event["command"]).upper(), [str(word) for word in event["args"]]
    upper = [word.upper() for word in words]
    expiry = ""
    if name == "SETEX" and len(words) > 1:
        expiry = f" EX {words[1]}"
    elif name == "SET" and "EX" in upper[2:-1]:
        expiry = f" EX {words[upper.index('EX', 2) + 1]}"
    return f"{name}{short_key(event['key'])}{expiry}"


def short_key(key: str | None) -> str:
    """`` abstract:3f2a44…`` for ``rcaptcha:abstract:3f2a44…``; nothing without a key."""
    if not key:
        return ""
    place, _, session = key.rpartition(":")
    return f" {place.rpartition(':')[2]}:{session[:_ID_LETTERS]}…" if place else f" {_cut(key)}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_REPLY else text[: _LONGEST_REPLY - 1] + "…"
