"""The words of an inline command, split as the server does (Redis 7.2, sds.c ``sdssplitargs``)."""

from __future__ import annotations

import re

_SPACE = b" \n\r\t\v\f"
_WORD_ENDS = b" \n\r\t"
_SPECIAL = re.compile(rb"[\"'\v\f]")
"""Without these a word ends where Python splits."""
_HEX = b"0123456789abcdefABCDEF"
_ESCAPES = {0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09, 0x62: 0x08, 0x61: 0x07}  # n r t b a


def split_inline(line: bytes) -> list[bytes] | None:
    """The words of ``line``; None where its quotes do not close or something follows a closing quote."""
    if _SPECIAL.search(line) is None:
        return line.split()
    words: list[bytes] = []
    pos, length = 0, len(line)
    while True:
        while pos < length and line[pos] in _SPACE:
            pos += 1
        if pos >= length:
            return words
        match = _word(line, pos)
        if match is None:
            return None
        word, pos = match
        words.append(word)


def _word(line: bytes, pos: int) -> tuple[bytes, int] | None:
    """The word that starts at ``pos`` and where it ends."""
    word = bytearray()
    length = len(line)
    while pos < length and line[pos] not in _WORD_ENDS:
        char = line[pos]
        pos += 1
        if char not in b"\"'":
            word.append(char)
            continue
        closed = _quoted(line, pos, char, word)
        if closed is None or (closed < length and line[closed] not in _SPACE):
            return None
        pos = closed
        break
    return bytes(word), pos


def _quoted(line: bytes, pos: int, quote: int, word: bytearray) -> int | None:
    """Append what stands up to the closing ``quote`` to ``word``; the position behind it, None if missing."""
    length = len(line)
    while pos < length:
        char = line[pos]
        if char == quote:
            return pos + 1
        if char != 0x5C or pos + 1 >= length:
            word.append(char)
            pos += 1
        elif quote == 0x27:  # in single quotes only \' is an escape
            word.append(0x27 if line[pos + 1] == 0x27 else char)
            pos += 2 if line[pos + 1] == 0x27 else 1
        elif line[pos + 1] == 0x78 and pos + 3 < length and line[pos + 2] in _HEX and line[pos + 3] in _HEX:
            word.append(int(line[pos + 2 : pos + 4], 16))
            pos += 4
        else:
            word.append(_ESCAPES.get(line[pos + 1], line[pos + 1]))
            pos += 2
    return None
