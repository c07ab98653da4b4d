"""Values that stand whole in texts: ids, and what an answer gave; only those that share a word are tried."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from urllib.parse import quote

_WORD = re.compile("[A-Za-z0-9]+")
_READ = 2_000
"""Characters of a form whose words it may be listed under."""


@dataclass(slots=True)
class WholeValues:
    """Many values, looked up in a text by its words: each is listed under its rarest one."""

    _by_word: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """A form of a value, and the value, by one word of the form: the one that fewest of them have."""
    _wordless: list[tuple[str, str]] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)
    """Of each value how many were added before it."""

    def add(self, values: Iterable[str]) -> None:
        """Look for these too."""
        for value in values:
            if value not in self._places:
                self._places[value] = len(self._places)
                self._index(value)

    def standing_in(self, text: str) -> list[str]:
        """Those that stand whole in ``text``, in the order in which they were added."""
        words = dict.fromkeys(_WORD.findall(text))
        listed = chain(self._wordless, chain.from_iterable(self._by_word.get(word, ()) for word in words))
        return sorted({value for form, value in listed if _stands(form, text)}, key=self._places.__getitem__)

    def _index(self, value: str) -> None:
        for form in _forms(value):
            words = dict.fromkeys(_first_words(form))
            rarest = min(words, key=lambda word: len(self._by_word.get(word, ())), default=None)
            listed = self._wordless if rarest is None else self._by_word.setdefault(rarest, [])
            listed.append((form, value))


def _first_words(form: str) -> list[str]:
    """The words of the first ``_READ`` characters, each whole; of a longer first word, all words."""
    words = _WORD.findall(form, 0, _READ)
    if len(form) > _READ and words and _WORD.match(form, _READ):
        words.pop()  # it may go on
    return words or _WORD.findall(form)


def _stands(form: str, text: str) -> bool:
    """Whether it stands in the text as no part of a longer word."""
    start = text.find(form)
    while start >= 0:
        end = start + len(form)
        if not _WORD.match(text, end) and (start == 0 or not _WORD.match(text, start - 1)):
            return True
        start = text.find(form, start + 1)
    return False


def whole(value: str) -> re.Pattern[str]:
    """Finds a value that is no part of a longer word, as it is or percent-encoded."""
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, _forms(value)))})(?![A-Za-z0-9])")


def _forms(value: str) -> list[str]:
    """A value as it is and percent-encoded, the longest form first."""
    escaped = quote(value, safe="")
    return sorted({value, escaped, escaped.replace("%20", "+")}, key=len, reverse=True)
