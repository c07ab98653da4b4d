"""Where one reply ends and the next begins, in the bytes Redis sends to a client: RESP2 and all of RESP3.

Source: the RESP3 specification (github.com/redis/redis-specifications, protocol/RESP3.md), the streamed
types included; numbers and limits as hiredis reads them.
"""

from __future__ import annotations

from devenv.core.resp.numbers import INT64_MAX, parse_length
from devenv.core.resp.values import AGGREGATES, BULKS, LINES

MAX_DEPTH = 1024
"""Aggregates within aggregates: more is taken for a broken stream."""
MAX_ELEMENTS = 2**32 - 1
"""Elements of one aggregate, as in hiredis."""
MAX_NUMBER_LINE = 32
"""Bytes in a line that can only be a length."""
KEPT_BYTES = 1024
"""How many wire bytes of a reply are kept for the record."""

_STREAMED = -1
# How many bytes there are from the end of the line with the length on; -1 is the null bulk.
_BULK_SIZES = {b"-1": 2, **{b"%d" % size: size + 4 for size in range(4096)}}
_PUSH, _MAP, _ATTRIBUTE = 0x3E, 0x25, 0x7C


class Reply:
    """One reply or push as far as it has been seen."""

    __slots__ = ("complete", "kind", "prefix", "size")

    def __init__(self) -> None:
        self.kind = ""
        """Its type byte; "" while only attributes have come."""
        self.prefix = b""
        """Its first ``KEPT_BYTES`` bytes as they came."""
        self.size = 0
        """The number of bytes seen so far."""
        self.complete = False
        """Whether its last byte was seen."""

    @property
    def push(self) -> bool:
        """Whether it answers no request (RESP3 ``>``)."""
        return self.kind == ">"


ReplyPart = tuple[Reply | None, int, int]
"""(reply, start, stop): these bytes of those just fed belong to ``reply``; None: past a protocol error."""


class ReplyFramer:
    """Finds the replies in a stream of bytes, fed in any pieces.

    ``feed`` never raises: at bytes that are no RESP ``error`` says why, and from there on everything is one
    part without a reply. Only the prefix of a reply is kept.
    """

    def __init__(self) -> None:
        self.error: str | None = None
        self._reply: Reply | None = None
        self._payload_left = 0
        self._payload_ends_value = True
        self._line = bytearray()
        self._line_ended_in_cr = False
        # One entry per open aggregate: how many values it still wants, and whether it is an attribute.
        self._open: list[int] = []
        self._attribute: list[bool] = []
        self._streamed_string = False

    @property
    def midway(self) -> bool:
        """Whether the last byte fed was inside a reply."""
        return self._reply is not None

    @property
    def payload_left(self) -> int:
        """How many bytes of the current string, its line end included, are still to come."""
        return self._payload_left

    def whole(self, data: bytes) -> bool:
        """Whether the next bytes are exactly one plain line or bulk, as they nearly always are.

        False in all other cases; then ``feed`` must be given the same bytes.
        """
        if self._reply is not None or self.error is not None:
            return False
        end = data.find(b"\r\n")
        if end < 1:
            return False
        if data[0] in LINES:
            return end == len(data) - 2
        return data[0] == 0x24 and _BULK_SIZES.get(data[1:end]) == len(data) - end

    def feed(self, data: bytes) -> list[ReplyPart]:
        """Take the next bytes; returns the parts they consist of, in order and without gaps."""
        parts: list[ReplyPart] = []
        pos, length = 0, len(data)
        while pos < length:
            if self.error is not None:
                parts.append((None, pos, length))
                break
            reply = self._reply
            if reply is None:
                reply = self._reply = Reply()
            stop = self._feed_reply(reply, data, pos)
            if self.error is not None:
                self._reply = None
                parts.append((None, pos, length))
                break
            room = KEPT_BYTES - reply.size
            if room > 0:
                reply.prefix += data[pos : min(stop, pos + room)]
            reply.size += stop - pos
            if reply.complete:
                self._reply = None
            parts.append((reply, pos, stop))
            pos = stop
        return parts

    def _feed_reply(self, reply: Reply, data: bytes, pos: int) -> int:
        """Take bytes of one reply until it or ``data`` ends; returns where."""
        length = len(data)
        while pos < length:
            if self._payload_left:
                taken = min(self._payload_left, length - pos)
                self._payload_left -= taken
                pos += taken
                if not self._payload_left and self._payload_ends_value:
                    self._value_ended(reply)
            else:
                end = data.find(b"\r\n", pos) if not self._line else -1
                if end >= 0:
                    line = data[pos:end]
                    pos = end + 2
                else:
                    whole, pos = self._rest_of_line(data, pos)
                    if whole is None:
                        return pos
                    line = whole
                self._read_line(reply, line)
            if reply.complete or self.error is not None:
                return pos
        return pos

    def _read_line(self, reply: Reply, line: bytes) -> None:
        kind = line[0] if line else 0
        if self._streamed_string and kind != 0x3B:
            self.error = "a streamed string goes on with something else than a chunk"
        elif kind in LINES:
            self._name_kind(reply, kind)
            self._value_ended(reply)
        elif kind in BULKS:
            self._name_kind(reply, kind)
            self._start_bulk(reply, line)
        elif kind in AGGREGATES:
            self._start_aggregate(reply, kind, line[1:])
        elif kind == 0x3B and self._streamed_string:  # ";"
            self._start_chunk(reply, line)
        elif line == b"." and self._open and self._open[-1] == _STREAMED:
            self._close_aggregate(reply)
        else:
            self.error = f"no reply begins with {line[:1]!r}"

    def _name_kind(self, reply: Reply, kind: int) -> None:
        if not reply.kind and not self._open:
            reply.kind = chr(kind)

    def _start_bulk(self, reply: Reply, line: bytes) -> None:
        if line == b"$?":
            self._streamed_string = True
            return
        size = parse_length(line[1:])
        if size is None or not -1 <= size < INT64_MAX - 2:
            self.error = "invalid bulk length"
        elif size < 0:
            self._value_ended(reply)
        else:
            self._payload_left = size + 2
            self._payload_ends_value = True

    def _start_chunk(self, reply: Reply, line: bytes) -> None:
        size = parse_length(line[1:])
        if size is None or not 0 <= size < INT64_MAX - 2:
            self.error = "invalid chunk length"
        elif size == 0:
            self._streamed_string = False
            self._value_ended(reply)
        else:
            self._payload_left = size + 2
            self._payload_ends_value = False

    def _start_aggregate(self, reply: Reply, kind: int, text: bytes) -> None:
        if kind != _ATTRIBUTE:
            self._name_kind(reply, kind)
        count = _STREAMED if text == b"?" else parse_length(text)
        if count is None or not -1 <= count <= MAX_ELEMENTS:
            self.error = "invalid aggregate length"
        elif len(self._open) >= MAX_DEPTH:
            self.error = "aggregates nested too deep"
        elif count > 0 or text == b"?":
            doubled = kind in (_MAP, _ATTRIBUTE) and count > 0
            self._open.append(count * 2 if doubled else count)
            self._attribute.append(kind == _ATTRIBUTE)
        elif kind != _ATTRIBUTE:
            self._value_ended(reply)

    def _close_aggregate(self, reply: Reply) -> None:
        self._open.pop()
        if not self._attribute.pop():
            self._value_ended(reply)

    def _value_ended(self, reply: Reply) -> None:
        """A value is over, and with it every aggregate whose last value it was."""
        while self._open:
            if self._open[-1] == _STREAMED:
                return
            self._open[-1] -= 1
            if self._open[-1]:
                return
            self._open.pop()
            if self._attribute.pop():  # what an attribute belongs to is still to come
                return
        reply.complete = True

    def _rest_of_line(self, data: bytes, pos: int) -> tuple[bytes | None, int]:
        """A line that came in pieces: its beginning once it ended, None while it goes on; and where to go on.

        Of a long text only the beginning is kept; a long line that ought to be a length ends the stream.
        """
        line = self._line
        if self._line_ended_in_cr and data[pos] == 0x0A:
            end, stop = pos, pos + 1
        else:
            end = data.find(b"\r\n", pos)
            stop = len(data) if end < 0 else end + 2
        room = MAX_NUMBER_LINE - len(line)
        if room > 0:
            line += data[pos : min(stop, pos + room)]
        self._line_ended_in_cr = end < 0 and data.endswith(b"\r")
        if end < 0:
            if len(line) >= MAX_NUMBER_LINE and line[0] not in LINES:
                self.error = f"a line that begins with {bytes(line[:1])!r} is too long"
            return None, stop
        whole = bytes(line)
        line.clear()
        self._line_ended_in_cr = False
        return whole.removesuffix(b"\n").removesuffix(b"\r"), stop
