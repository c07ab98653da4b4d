"""Places in TOML text: ``tomllib`` gives the values and keeps no places.

The line of a key; the line of a key with too many parts, which costs ``tomllib`` the square of their number.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence

_HEADER = re.compile(r"\s*\[(\[?)([^\[\]=]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"([^=\[\]#{}]+)=")
_QUOTED_PART = r'"(?:[^"\\\n]++|\\.)*+"?+|\'[^\'\n]*+\'?+'
_PART = re.compile(rf"[\w-]++|{_QUOTED_PART}")
_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\.|"{1,2}(?!"))*+(?:""")?+|\'\'\'(?:[^\']++|\'{1,2}(?!\'))*+(?:\'\'\')?+|#[^\n]*+'
    rf"|((?:{_PART.pattern})(?:[ \t]*+\.[ \t]*+(?:{_PART.pattern}))*+)",
    re.DOTALL,
)
"""A text of several lines, a comment; or a key, which a value of one line looks like too.

What has no closing quotation mark ends with the text: it is read once, and ``tomllib`` refuses it.
"""
MOST_PARTS = 100
"""Of a dotted key."""


def line_of_long_key(text: str) -> int | None:
    """The line of the first key with over ``MOST_PARTS`` parts; None where there is none."""
    for token in _TOKEN.finditer(text):
        key = token[1]
        if key is not None and key.count(".") >= MOST_PARTS and len(_PART.findall(key)) > MOST_PARTS:
            return text.count("\n", 0, token.start()) + 1
    return None


def line_of(text: str, place: Sequence[str]) -> int | None:
    """The line (from 1) of the key at ``place``, else of the nearest table around it; None for neither.

    List positions are words of digits. Keys inside an inline table stand in the line of that table's key.
    """
    best, depth = None, 0
    for line, path in _keys(text):
        shared = len(path)
        if depth < shared <= len(place) and tuple(place[:shared]) == path:
            best, depth = line, shared
    return best


def _keys(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Every line that begins a table or sets a key, with that key's whole path."""
    table: tuple[str, ...] = ()
    counts: Counter[tuple[str, ...]] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if (header := _HEADER.fullmatch(line)) is not None:
            path = _path(header[2])
            if header[1]:
                table = (*path, str(counts[path]))
                counts[path] += 1
                yield number, path
            else:
                table = path
            yield number, table
        elif (key := _KEY.match(line)) is not None:
            yield number, (*table, *_path(key[1]))


def _path(key: str) -> tuple[str, ...]:
    """The words of a dotted key; of text that is none (a line within a long string), nothing."""
    try:
        data = tomllib.loads(f"{key.strip()} = 0")
    except tomllib.TOMLDecodeError:
        return ("",)
    names: list[str] = []
    while isinstance(data, dict):
        [(word, data)] = data.items()
        names.append(word)
    return tuple(names)
