"""Redis' replies as values, and the bytes that they are on the wire: one parser and one writer of them.

``Reply`` is a plain value: integers are ``int``, bulk strings ``bytes``, nil is None, arrays are tuples; the
rest has a type of its own. ``WireValue`` keeps every byte of RESP2 and RESP3, also of a reply's beginning.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from devenv.core.resp.numbers import parse_length


@dataclass(frozen=True, slots=True)
class Status:
    """A simple string: ``OK``, ``QUEUED``, the name of a type."""

    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An error."""

    text: str
    """Begins with its code: ``ERR``, ``WRONGTYPE``, ``EXECABORT`` …"""


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


def encode_reply(reply: Reply, protocol: Literal[2, 3] = 2) -> bytes:
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
            flat = b"".join(encode_reply(part, protocol) for pair in items for part in pair)
            return (b"%%%d\r\n" % len(items) if protocol == 3 else b"*%d\r\n" % (2 * len(items))) + flat
        case tuple():
            return b"*%d\r\n" % len(reply) + b"".join(encode_reply(part, protocol) for part in reply)


def encode_command(words: Sequence[bytes]) -> bytes:
    """A command on the wire."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


MAX_DEPTH = 64
"""Aggregates within aggregates; what is deeper is left out, so that the value is not whole."""
LINES = b"+-:_#,("
"""Type bytes of values that are one line."""
BULKS = b"$!="
"""Type bytes of strings behind their length."""
AGGREGATES = b"*~>%|"
"""Type bytes of values that hold others behind their number."""


@dataclass(slots=True)
class WireValue:
    """One value of a reply: its type byte, the line behind it, and the bulk or the values that follow."""

    kind: bytes
    """The type byte; any byte at all where what was read is no RESP."""
    line: bytes
    """The line behind the type byte, without its end."""
    bulk: bytes | None = None
    """The string of a bulk; None of anything else, and of a null."""
    items: list[WireValue] | None = None
    """The values of an aggregate; of an attribute also the value that it belongs to, as the last."""
    whole: bool = True
    """Whether it is RESP, not streamed, and no byte of it is missing."""
    cut: bool = False
    """Whether the bytes end before its line, its string, or its last item begins or ends."""

    def wire(self) -> bytes:
        """Its bytes, of a whole value."""
        head = self.kind + self.line + b"\r\n"
        if self.bulk is not None:
            return head + self.bulk + b"\r\n"
        return head + b"".join(item.wire() for item in self.items or ())


def parse_value(data: bytes, pos: int = 0, depth: int = 0) -> tuple[WireValue, int]:
    """The value that begins at ``pos`` and where it ends. Never raises: see ``whole`` and ``cut``."""
    end = data.find(b"\r\n", pos)
    if end < 0:
        return WireValue(data[pos : pos + 1], data[pos + 1 :], whole=False, cut=True), len(data)
    value, pos = WireValue(data[pos : pos + 1], data[pos + 1 : end]), end + 2
    if value.kind in BULKS:
        return value, _parse_bulk(value, data, pos)
    if value.kind in AGGREGATES:
        return value, _parse_items(value, data, pos, depth)
    value.whole = value.kind in LINES
    return value, pos


def _parse_bulk(value: WireValue, data: bytes, pos: int) -> int:
    if value.line == b"?":
        return _parse_chunks(value, data, pos)
    size = parse_length(value.line)
    if size is None or size < 0:
        value.whole = value.line == b"-1"
        return pos
    value.bulk = data[pos : pos + size]
    value.cut = len(value.bulk) < size
    value.whole = pos + size + 2 <= len(data)
    return min(pos + size + 2, len(data))


def _parse_chunks(value: WireValue, data: bytes, pos: int) -> int:
    """A streamed string: its chunks up to the empty one."""
    value.bulk, value.whole = b"", False
    while data[pos : pos + 1] == b";":
        end = data.find(b"\r\n", pos)
        size = parse_length(data[pos + 1 : end]) if end > 0 else None
        if size is None or size < 0:
            break
        pos = end + 2
        if size == 0:
            return pos
        value.bulk += data[pos : pos + size]
        pos = min(pos + size + 2, len(data))
    value.cut = True
    return pos


def _parse_items(value: WireValue, data: bytes, pos: int, depth: int) -> int:
    streamed = value.line == b"?"
    count = -1 if streamed else parse_length(value.line)
    if count is None or (count < 0 and not streamed):
        value.whole = value.line == b"-1"
        return pos
    value.whole = not streamed
    value.items = items = []
    left = count * (2 if value.kind in b"%|" else 1) + (value.kind == b"|" and not streamed)
    while left:
        if pos >= len(data) or depth >= MAX_DEPTH:
            value.whole, value.cut = False, True
            return len(data)
        if streamed and data.startswith(b".\r\n", pos):
            pos += 3
            if value.kind != b"|":
                break
            streamed, left = False, 1  # the value that the attribute belongs to
            continue
        item, pos = parse_value(data, pos, depth + 1)
        items.append(item)
        value.whole = value.whole and item.whole
        left -= 1
    return pos


def decode_reply(data: bytes) -> Reply:
    """One whole reply of RESP2 as a plain value. Raises ValueError."""
    value, end = parse_value(data)
    if not value.whole or end != len(data):
        raise ValueError(f"not a whole reply: {data[:40]!r}")
    return _plain(value)


def _plain(value: WireValue) -> Reply:
    match value.kind:
        case b":":
            return int(value.line)
        case b"+":
            return Status(value.line.decode("utf-8", "backslashreplace"))
        case b"-":
            return Failure(value.line.decode("utf-8", "backslashreplace"))
        case b"$":
            return value.bulk
        case b"*":
            return NoArray() if value.items is None else tuple(_plain(item) for item in value.items)
    raise ValueError(f"not a reply of RESP2: {value.kind!r}")


REDIRECTION = re.compile(rb"\b(MOVED|ASK) (\d{1,5}) (\S*):(\d{1,5})(?!\d)")
"""Which node of a cluster an error names: the word, the slot, the host and the port."""


@dataclass(frozen=True, slots=True)
class Redirection:
    """What an error MOVED or ASK says."""

    word: str
    """MOVED (the node owns the slot) or ASK (the node is importing the slot: only for this command)."""
    slot: int
    host: str
    """"" means the host that was asked."""
    port: int


def redirection(error: str) -> Redirection | None:
    """What an error's text says where it is a redirection (``MOVED 866 127.0.0.1:7001``); else None."""
    match = REDIRECTION.match(error.encode("utf-8", "backslashreplace"))
    if match is None:
        return None
    host = match[3].decode("utf-8", "backslashreplace")
    return Redirection(match[1].decode(), int(match[2]), "" if host == "?" else host, int(match[4]))
