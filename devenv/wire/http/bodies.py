"""Where a message body ends (RFC 9112 §6 and §7.1), incrementally and without I/O.

Every body has ``feed(data, start)``, which gives the position after the bytes of ``data`` that belong to it,
and ``done``. Bodies are passed on as they are, so feeding only finds the end and checks the form.
"""

from __future__ import annotations

import re
from typing import Protocol

from devenv.core.model.http_name import HTTP_NAME

MAX_LINE = 4096
"""Bytes of one chunk-size or trailer line."""

MAX_TRAILERS = 16384
MAX_LINES = 256
"""Lines that one call of ``ChunkedBody.feed`` reads, so that many tiny chunks delay no other connection."""

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER = re.compile(b"(" + HTTP_NAME.encode() + rb"):[\t\x20-\x7e\x80-\xff]*\r\n")
_NOT_IN_TRAILERS = frozenset(
    (b"transfer-encoding", b"content-length", b"host", b"connection", b"upgrade", b"te", b"trailer")
)


class Malformed(Exception):
    """What was received is no HTTP/1.1 message that we take; ``status`` is the answer to a client."""

    def __init__(self, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status


class Body(Protocol):
    """A body being received."""

    done: bool

    def feed(self, data: bytes, start: int = 0) -> int:
        """The position in ``data`` after this body's part of it; Malformed where the form is broken.

        Where it stops before the end of ``data`` without being ``done``, the rest is to be fed again.
        """


class LengthBody:
    """``remaining`` bytes, from a Content-Length above 0."""

    __slots__ = ("done", "remaining")

    def __init__(self, length: int) -> None:
        self.remaining = length
        self.done = length == 0

    def feed(self, data: bytes, start: int = 0) -> int:
        """See ``Body``."""
        available = len(data) - start
        if available < self.remaining:
            self.remaining -= available
            return len(data)
        end = start + self.remaining
        self.remaining = 0
        self.done = True
        return end


class CloseBody:
    """Everything until the sender closes; only responses may be so delimited."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = False

    def feed(self, data: bytes, start: int = 0) -> int:
        """See ``Body``; never ``done`` by itself."""
        return len(data)


class ChunkedBody:
    """The chunked coding with its extensions and trailers.

    Stricter than many: lines end in CRLF only, sizes are 1 to 15 hexadecimal digits.
    """

    __slots__ = ("_line", "_payload", "_remaining", "_state", "_trailers", "done")

    def __init__(self) -> None:
        self.done = False
        self._payload: list[bytes] = []
        self._remaining = 0
        self._line = b""
        self._state = self._size_line
        self._trailers = 0

    def feed(self, data: bytes, start: int = 0) -> int:
        """See ``Body``; at most ``MAX_LINES`` lines are read."""
        position, size, lines = start, len(data), 0
        while position < size and not self.done and lines < MAX_LINES:
            if self._remaining:
                end = min(size, position + self._remaining)
                self._payload.append(data[position:end])
                self._remaining -= end - position
                position = end
                continue
            lines += 1
            newline = data.find(b"\n", position, position + MAX_LINE + 1)
            end = size if newline < 0 else newline + 1
            line = self._line + data[position:end]
            position = end
            if len(line) > MAX_LINE:
                raise Malformed("a line of the chunked body is too long")
            if newline < 0:
                self._line = line
            else:
                self._line = b""
                self._state(line)
        return position

    def take_payload(self) -> bytes:
        """The decoded bytes of what was fed since the last call."""
        payload = b"".join(self._payload)
        self._payload.clear()
        return payload

    def _size_line(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise Malformed("a chunk size is malformed")
        self._remaining = int(match[1], 16)
        self._state = self._end_of_chunk if self._remaining else self._trailer_line

    def _end_of_chunk(self, line: bytes) -> None:
        if line != b"\r\n":
            raise Malformed("a chunk is longer than its size says")
        self._state = self._size_line

    def _trailer_line(self, line: bytes) -> None:
        if line == b"\r\n":
            self.done = True
            return
        self._trailers += len(line)
        match = _TRAILER.fullmatch(line)
        if match is None or self._trailers > MAX_TRAILERS or match[1].lower() in _NOT_IN_TRAILERS:
            raise Malformed("a trailer of the chunked body is malformed or not allowed")
