"""Redis' replies as plain values, and the bytes that they are on the wire.

Integers are ``int``, bulk strings ``bytes``, nil is None, arrays are tuples; the rest has a type of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Status:
    """A simple string: ``OK``, ``QUEUED``, the name of a type."""

    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An error; ``text`` begins with its code: ``ERR``, ``WRONGTYPE``, ``EXECABORT`` …"""

    text: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """A map: to RESP2 clients a flat array."""

    items: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class NoArray:
    """What EXEC answers when a watched key has changed: RESP2 tells it from nil."""


Reply = Status | Failure | Pairs | NoArray | int | bytes | tuple["Reply", ...] | None

OK = Status("OK")
QUEUED = Status("QUEUED")


def encode(reply: Reply, protocol: Literal[2, 3] = 2) -> bytes:
    """The reply on the wire: https://redis.io/docs/reference/protocol-spec/."""
    match reply:
        case None:
            return b"_\r\n" if protocol == 3 else b"$-1\r\n"
        case NoArray():
            return b"_\r\n" if protocol == 3 else b"*-1\r\n"
        case Status(text=text):
            return f"+{text}\r\n".encode()
        case Failure(text=text):
            return f"-{text}\r\n".encode()
        case int():
            return f":{reply}\r\n".encode()
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case Pairs(items=items):
            flat = b"".join(encode(part, protocol) for pair in items for part in pair)
            return (b"%%%d\r\n" % len(items) if protocol == 3 else b"*%d\r\n" % (2 * len(items))) + flat
        case tuple():
            return b"*%d\r\n" % len(reply) + b"".join(encode(part, protocol) for part in reply)
