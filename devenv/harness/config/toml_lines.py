"""The line of a key in TOML text: ``tomllib`` gives the values and keeps no places."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence

_HEADER = re.compile(r"\s*\[(\[?)([^\[\]=]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"([^=\[\]#{}]+)=")


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
    words: list[str] = []
    while isinstance(data, dict):
        [(word, data)] = data.items()
        words.append(word)
    return tuple(words)
