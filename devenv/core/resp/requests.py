"""Where one command ends and the next begins, in the bytes a client sends to Redis.

Follows the server's own reader (Redis 7.2, networking.c: ``processInlineBuffer`` and
``processMultibulkBuffer``): a header line ends at CR and the byte after it is taken unseen, an inline
command ends at LF, ``*0`` and an empty inline line are no command, and the limits are the server's.
"""

from __future__ import annotations

import re

from devenv.core.resp.numbers import parse_length
from devenv.core.resp.words import split_inline

MAX_LINE = 64 * 1024
"""Bytes in an inline command or a header line: PROTO_INLINE_MAX_SIZE."""
MAX_WORDS = 2**31 - 1
"""Words in one command: Redis 7 takes INT_MAX (1024 * 1024 before)."""
MAX_BULK = 512 * 1024 * 1024
"""Bytes in one word: the default of proto-max-bulk-len."""
KEPT_WORDS = 64
"""How many words of a command are kept for rules and records; the rest are only counted."""
KEPT_BYTES = 1024
"""How many bytes of each of them are kept."""

_SHORT = 2048
_COUNT_LINES = {count: b"*%d" % count for count in range(1, KEPT_WORDS + 1)}
_PLAIN_LINES = re.compile(rb"(?:(?!\*)[^\n\"'\0\v\f]{0,%d}+\n)++" % KEPT_BYTES)
"""Inline commands whose words are what stands between their blanks, and are short enough to be kept."""
_LENGTH_LINES = {length: b"$%d" % length for length in range(KEPT_BYTES + 1)}


class Request:
    """One command as far as it has been seen.

    ``words`` are its first ``KEPT_WORDS`` words, each cut at ``KEPT_BYTES``; ``count`` is how many it has in
    all (0 while unknown, and for empty lines or ``*0``, which no server answers); ``size`` is the number of
    wire bytes seen so far; ``complete`` is true once the last byte was seen.
    """

    __slots__ = ("complete", "count", "size", "words")

    def __init__(self, words: list[bytes], count: int = 0, size: int = 0, complete: bool = False) -> None:
        self.words = words
        self.count = count
        self.size = size
        self.complete = complete


RequestPart = tuple[Request | None, int, int]
"""(request, start, stop): these of the bytes just fed belong to ``request``; None: past a protocol error."""


class RequestFramer:
    """Finds the commands in a stream of bytes, fed in any pieces; empty lines on end are one request.

    ``feed`` never raises: at a protocol error ``error`` says why, in the server's words, and from there on
    everything is one part without a request. Nothing of a command is kept but the beginnings of its words.
    """

    def __init__(self, max_bulk: int = MAX_BULK) -> None:
        self.error: str | None = None
        self._max_bulk = max_bulk
        self._request: Request | None = None
        self._inline = False
        self._words_left = 0
        self._payload_left = 0
        self._word = bytearray()
        self._word_left = 0
        self._line = bytearray()

    @property
    def midway(self) -> bool:
        """Whether the last byte fed was inside a command."""
        return self._request is not None

    def whole(self, data: bytes) -> list[bytes] | None:
        """The words of the next bytes where they are exactly one short command, as they nearly always are.

        None in all other cases; then ``feed`` must be given the same bytes.
        """
        if len(data) > _SHORT or self._request is not None or self.error is not None:
            return None
        lines = data.split(b"\r\n")
        words = lines[2::2]  # lines: *2, $3, GET, $1, k, and nothing behind the last end of line
        if (
            len(lines) == 2 * len(words) + 2
            and lines[0] == _COUNT_LINES.get(len(words))
            and lines[1:-1:2] == [*map(_LENGTH_LINES.get, map(len, words))]
            and not lines[-1]
        ):
            return words
        return None

    def feed(self, data: bytes) -> list[RequestPart]:
        """Take the next bytes; returns the parts they consist of, in order and without gaps."""
        parts: list[RequestPart] = []
        pos, length = 0, len(data)
        while pos < length:
            if self.error is not None:
                parts.append((None, pos, length))
                break
            start = pos
            request = self._request
            if request is None:
                if (lines := _PLAIN_LINES.match(data, pos)) is not None:
                    pos = _inline_commands(lines[0], pos, parts)
                    continue
                request = self._request = Request([])
                self._inline = data[pos] != 0x2A  # "*"
            if self._inline:
                pos = self._feed_inline(request, data, pos)
            else:
                pos = self._feed_multibulk(request, data, pos)
            if self.error is not None:
                self._request = None
                parts.append((None, start, length))
                break
            request.size += pos - start
            if request.complete:
                self._request = None
            parts.append((request, start, pos))
        return parts

    def _feed_inline(self, request: Request, data: bytes, pos: int) -> int:
        end = data.find(b"\n", pos)
        if end < 0:
            self._line += data[pos:]
        else:
            self._line += data[pos:end]
        if len(self._line) > MAX_LINE:
            self.error = "too big inline request"
        if end < 0 or self.error is not None:
            return len(data)
        line = bytes(self._line)
        self._line.clear()
        if b"\0" in line:  # the server reads a C string and would wait here for ever
            self.error = "NUL in an inline command"
            return end + 1
        words = split_inline(line.removesuffix(b"\r"))
        if words is None:
            self.error = "unbalanced quotes in request"
            return end + 1
        request.words = [word[:KEPT_BYTES] for word in words[:KEPT_WORDS]]
        request.count = len(words)
        request.complete = True
        return end + 1

    def _feed_multibulk(self, request: Request, data: bytes, pos: int) -> int:
        """Take bytes of one command in the usual form until it or ``data`` ends; returns where."""
        length = len(data)
        while pos < length:
            if self._payload_left:
                pos = self._feed_payload(request, data, pos)
                if request.complete:
                    return pos
                continue
            # A header line: nearly always whole in these bytes.
            end = data.find(b"\r", pos) if not self._line else -1
            if end < 0 or end + 1 >= length:
                line, pos = self._rest_of_line(data, pos)
                if line is None:
                    return pos
            else:
                line = data[pos:end]
                pos = end + 2
            if self._words_left:
                self._start_word(line)
            elif not self._start_command(request, line):
                request.complete = self.error is None
            if self.error is not None or request.complete:
                return pos
            # The word itself, where it is whole in these bytes too.
            left = self._payload_left
            if left and pos + left <= length:
                if len(request.words) < KEPT_WORDS:
                    request.words.append(data[pos : pos + min(left - 2, KEPT_BYTES)])
                pos += left
                self._payload_left = 0
                self._words_left -= 1
                if not self._words_left:
                    request.complete = True
                    return pos
        return pos

    def _start_command(self, request: Request, line: bytes) -> bool:
        """Read ``*<n>``; false where no word follows."""
        count = parse_length(line[1:])
        if count is None or count > MAX_WORDS:
            self.error = "invalid multibulk length"
            return False
        if count <= 0:
            return False
        request.count = self._words_left = count
        return True

    def _start_word(self, line: bytes) -> None:
        """Read ``$<n>``."""
        if line[:1] != b"$":
            # CR and LF as the server's error replies show them
            got = line[:1].decode("latin-1").strip("\n") or " "
            self.error = f"expected '$', got '{got}'"
            return
        size = parse_length(line[1:])
        if size is None or not 0 <= size <= self._max_bulk:
            self.error = "invalid bulk length"
            return
        self._payload_left = size + 2
        self._word_left = min(size, KEPT_BYTES)

    def _feed_payload(self, request: Request, data: bytes, pos: int) -> int:
        """Take bytes of a word that came in pieces, and of the two bytes behind it."""
        if self._word_left:
            kept = data[pos : pos + self._word_left]
            self._word += kept
            self._word_left -= len(kept)
        taken = min(self._payload_left, len(data) - pos)
        self._payload_left -= taken
        if not self._payload_left:
            if len(request.words) < KEPT_WORDS:
                request.words.append(bytes(self._word))
            self._word.clear()
            self._words_left -= 1
            request.complete = not self._words_left
        return pos + taken

    def _rest_of_line(self, data: bytes, pos: int) -> tuple[bytes | None, int]:
        """A header line that came in pieces: the line, or None where it goes on, and where to go on."""
        line = self._line
        if line.endswith(b"\r"):
            whole = bytes(line[:-1])
            line.clear()
            return whole, pos + 1
        end = data.find(b"\r", pos)
        stop = len(data) if end < 0 else end + 1
        line += data[pos:stop]
        if len(line) > MAX_LINE:
            self.error = "too big bulk count string" if self._words_left else "too big mbulk count string"
            return None, stop
        if end < 0 or stop == len(data):
            return None, stop
        whole = bytes(line[:-1])
        line.clear()
        return whole, stop + 1


def _inline_commands(lines: bytes, pos: int, parts: list[RequestPart]) -> int:
    """Add the commands of ``lines``, which begin at ``pos``, to ``parts``; returns where they end."""
    empty: Request | None = None
    for line in lines[:-1].split(b"\n"):
        start = pos
        pos += len(line) + 1
        if words := line.split():
            count = len(words)
            if count > KEPT_WORDS:
                del words[KEPT_WORDS:]
            parts.append((Request(words, count, pos - start, True), start, pos))
            empty = None
        elif empty is None:
            empty = Request([], 0, pos - start, True)
            parts.append((empty, start, pos))
        else:
            empty.size += pos - start
            parts[-1] = (empty, parts[-1][1], pos)
    return pos
