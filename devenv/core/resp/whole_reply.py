"""One reply after the other as a plain value, from bytes that come in any pieces."""

from __future__ import annotations

import re

from devenv.core.resp.replies import Reply as FramedReply
from devenv.core.resp.replies import ReplyFramer
from devenv.core.resp.values import AGGREGATES, BULKS, LINES, Reply, decode_reply

_SHOWN_BYTES = 40
_KINDS = frozenset(LINES + BULKS + AGGREGATES)


_INTEGER = re.compile(rb":[+-]?[0-9]+")


class _Framer(ReplyFramer):
    """Sees a number that is none as soon as its line is there, not only at the reply's end."""

    def _read_line(self, reply: FramedReply, line: bytes) -> None:
        if line.startswith(b":") and not _INTEGER.fullmatch(line):
            self.error = f"{line[:20]!r} is no number"
        else:
            super()._read_line(reply, line)


class NotResp(ValueError):
    """The bytes are no reply of RESP2, or a longer one than is read; ``str()`` shows how they begin."""


class ReplyReader:
    """Takes bytes of one connection and gives its replies (RESP2). It is of no use after ``NotResp``."""

    def __init__(self, max_bytes: int) -> None:
        """``max_bytes``: of one reply; a longer one is refused as soon as its announced length says so."""
        self._max_bytes = max_bytes
        self._framer = _Framer()
        self._received = b""
        """Bytes that were not looked at yet."""
        self._reply = bytearray()
        """The bytes of the reply that is not complete yet."""

    @property
    def midway(self) -> bool:
        """Whether the bytes so far end inside a reply."""
        return bool(self._reply)

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._received += data

    def take(self) -> tuple[Reply] | None:
        """The next reply, in a tuple as it may be nil; None: its end has not come yet. Raises NotResp."""
        data, self._received = self._received, b""
        if not data:
            return None
        if not self._reply and data[0] not in _KINDS:
            raise NotResp(_shown(data))
        reply, _, end = self._framer.feed(data)[0]
        self._reply += data[:end]
        if reply is None or len(self._reply) + self._framer.payload_left > self._max_bytes:
            raise NotResp(_shown(self._reply))
        if not reply.complete:
            return None
        self._received, whole = data[end:], bytes(self._reply)
        self._reply.clear()
        self._framer = _Framer()  # it was fed what comes behind this reply, too
        try:
            return (decode_reply(whole),)
        except ValueError:
            raise NotResp(_shown(whole)) from None


def _shown(data: bytes | bytearray) -> str:
    return repr(bytes(data[:_SHOWN_BYTES]))
