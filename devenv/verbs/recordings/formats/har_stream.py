"""A HAR read piece by piece: its entries one after the other, however long the file is.

An own reader over ``json``'s decoder, for its messages with line and column.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.reading import TOO_DEEP, check_depth

_DECODER = json.JSONDecoder()
_BLANK = " \t\n\r"
_TAIL = 32
"""Characters before the end of what was read in which an error may only say that more is to come."""
HINT = "in the browser's network tab: save all as HAR with content"


class HarText:
    """The text of a HAR. ``log`` has what small the log says of itself, once ``entries`` is exhausted."""

    def __init__(self, pieces: Iterable[str], name: str) -> None:
        self._pieces = iter(pieces)
        self._name = name
        self._text = ""
        self._at = 0
        self._line = 1
        """Of the first character of ``_text``."""
        self._column = 1
        self.log: dict[str, Any] = {}

    def entries(self) -> Iterator[Any]:
        """The entries of the log. Raises UsageProblem that names file and line."""
        listed = False
        for key in self._keys():
            if key != "log":
                self._value()
            elif self._next() != "{":
                self._value()
                raise self._no_har()
            else:
                for inner in self._keys():
                    if inner == "entries" and self._next() == "[":
                        listed = True
                        yield from self._items()
                    else:
                        value = self._value()
                        listed = listed and inner != "entries"
                        self.log |= {inner: value} if inner in ("browser", "creator") else {}
        if self._next():
            raise self._broken("Extra data", self._at)
        if not listed:
            raise self._no_har()

    def _no_har(self) -> UsageProblem:
        return UsageProblem(f"{self._name}: this is no HAR file: log.entries is missing", hint=HINT)

    def _keys(self) -> Iterator[str]:
        """The keys of the object that is next; who asks takes the value of each."""
        if self._next() != "{":
            self._value()
            raise self._no_har()
        self._at += 1
        if self._next() == "}":
            self._at += 1
            return
        while True:
            if self._next() != '"':
                raise self._broken("Expecting property name enclosed in double quotes", self._at)
            key = self._value()
            if self._next() != ":":
                raise self._broken("Expecting ':' delimiter", self._at)
            self._at += 1
            yield key
            if self._more("}"):
                return

    def _items(self) -> Iterator[Any]:
        """The items of the list that is next."""
        self._at += 1
        if self._next() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            if self._more("]"):
                return

    def _more(self, end: str) -> bool:
        """Take a comma, or ``end``; whether it was the end."""
        mark = self._next()
        if mark not in (",", end) or not mark:
            raise self._broken("Expecting ',' delimiter", self._at)
        self._at += 1
        return mark == end

    def _next(self) -> str:
        """The next character that is not blank; empty at the end of the text."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read():
                return ""

    def _value(self) -> Any:
        """The value that is next."""
        self._next()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut_off = error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _TAIL
                problem = self._broken(error.msg, error.pos)  # the place, before what was taken is forgotten
                if cut_off and self._read():
                    continue
                raise problem from None
            except RecursionError:
                raise UsageProblem(f"{self._name}: not readable as JSON: {TOO_DEEP}") from None
            except ValueError as error:
                raise UsageProblem(f"{self._name}: not readable as JSON: {error}") from None
            if end == len(self._text) and self._read():
                continue  # a number may go on
            try:
                check_depth(value, self._text[self._at : end])
            except ValueError as error:
                raise UsageProblem(f"{self._name}: not readable as JSON: {error}") from None
            self._at = end
            return value

    def _read(self) -> bool:
        """Read on, as much again as is there; False at the end. What was taken is forgotten."""
        taken, self._text = self._text[: self._at], self._text[self._at :]
        self._at = 0
        if lines := taken.count("\n"):
            self._line += lines
            self._column = len(taken) - taken.rindex("\n")
        else:
            self._column += len(taken)
        wanted, parts = len(self._text), []
        while wanted >= 0 and (piece := next(self._pieces, "")):
            parts.append(piece)
            wanted -= len(piece)
            if wanted <= 0:
                break
        self._text += "".join(parts)
        return bool(parts)

    def _broken(self, why: str, place: int) -> UsageProblem:
        before = self._text[:place]
        lines = before.count("\n")
        column = len(before) - before.rfind("\n") if lines else self._column + len(before)
        return UsageProblem(
            f"{self._name}:{self._line + lines}: not readable as JSON: {why} (column {column})"
        )
