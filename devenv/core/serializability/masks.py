"""What of an answer changes from run to run (ids, times, nonces), found in plays of the same sequence.

In JSON it is a place (a dotted path, ``items.0.id``); in other text it is a word after certain other words,
as a token stands in a page: where that page has another line more, the token is still known.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from devenv.core.serializability.ends import HttpAnswer

MASK = "\0changes"
"""Stands for a value that changes."""
_WORDS = re.compile(r"[\w.+/:%-]+|\s+|.", re.DOTALL)
_CONTEXT = 4
"""This many words and marks before a changing word are its place in a text."""

Place = tuple[str, ...]
"""In JSON: ``("json", path)``; in text: ``("text", …the words before)``; ``("header", "location")``; all of a
body: ``("body",)``."""
WHOLE: Place = ("body",)
LOCATION: Place = ("header", "location")


@dataclass(slots=True)
class Masks:
    """By request, the places of what changes from run to run. It only grows."""

    places: dict[str, set[Place]] = field(default_factory=dict)

    def learn(self, request: str, one: HttpAnswer, other: HttpAnswer) -> bool:
        """Note where two answers to ``request`` differ that should be equal; whether that was not known.

        Answers with different statuses are no two plays of one thing: nothing is noted.
        """
        if one.status != other.status or self.seen(request, one) == self.seen(request, other):
            return False
        known = self.places.setdefault(request, set())
        before = len(known)
        if one.location != other.location:
            known.add(LOCATION)
        if one.body != other.body:
            known.update(_differing(one, other))
        if self.seen(request, one) != self.seen(request, other):  # a word that came once and once not
            known.add(WHOLE)
        return len(known) > before

    def seen(self, request: str, answer: HttpAnswer) -> Hashable:
        """The answer as it is compared: without what changes."""
        places = self.places.get(request, ())
        location = MASK if LOCATION in places else answer.location
        if WHOLE in places:
            return answer.status, MASK, location
        data = answer.data
        if isinstance(data, dict | list):
            paths = {place[1] for place in places if place[0] == "json"}
            return answer.status, _frozen(data, paths, ""), location
        contexts = {place[1:] for place in places if place[0] == "text"}
        return answer.status, _masked_text(answer.text, contexts) if contexts else answer.body, location

    def hides(self, request: str) -> bool:
        """Whether nothing of the bodies of this request's answers can be compared."""
        return WHOLE in self.places.get(request, ())

    def described(self) -> Mapping[str, tuple[str, ...]]:
        """By request, what is not compared, in words."""
        return {
            request: tuple(sorted(_in_words(place) for place in places))
            for request, places in sorted(self.places.items())
            if places
        }


def _in_words(place: Place) -> str:
    match place:
        case ("json", path):
            return path
        case ("header", name):
            return f"the header {name}"
        case ("text", *before):
            return f"the word after {''.join(before).strip()!r}"
    return "the whole body"


# --- JSON ---------------------------------------------------------------------------------------------------


def _differing(one: HttpAnswer, other: HttpAnswer) -> Iterator[Place]:
    first, second = one.data, other.data
    if isinstance(first, dict | list) and isinstance(second, dict | list):
        yield from (("json", path) if path else WHOLE for path in _paths(first, second, ""))
    elif isinstance(first, dict | list) or isinstance(second, dict | list):
        yield WHOLE
    else:
        yield from _text_places(one.text, other.text)


def _paths(one: Any, other: Any, path: str) -> Iterator[str]:
    """Where two JSON values differ; where they are built in another way, the place of the whole."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from _paths(one[name], other[name], f"{path}.{name}" if path else name)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from _paths(first, second, f"{path}.{index}" if path else str(index))
    elif one != other or type(one) is not type(other):
        yield path


def _frozen(data: Any, masked: Iterable[str], path: str) -> Hashable:
    """JSON as a value that can be compared and hashed; true is not 1."""
    if path in masked:
        return MASK
    if isinstance(data, dict):
        inner = (
            (name, _frozen(item, masked, f"{path}.{name}" if path else name)) for name, item in data.items()
        )
        return "{", tuple(sorted(inner, key=lambda pair: pair[0]))
    if isinstance(data, list):
        return "[", tuple(
            _frozen(item, masked, f"{path}.{index}" if path else str(index))
            for index, item in enumerate(data)
        )
    return type(data).__name__, data


# --- text ---------------------------------------------------------------------------------------------------


def _text_places(one: str, other: str) -> Iterator[Place]:
    first, second = _WORDS.findall(one), _WORDS.findall(other)
    if len(first) == len(second):
        for index, (a, b) in enumerate(zip(first, second, strict=True)):
            if a != b:
                yield "text", *_before(first, index)
        return
    for kind, start, end, *_ in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if kind == "replace":
            for index in range(start, end):
                yield "text", *_before(first, index)


def _before(words: list[str], index: int) -> tuple[str, ...]:
    """The place of a word: the words before it, a space for any space."""
    return tuple(" " if word.isspace() else word for word in words[max(0, index - _CONTEXT) : index])


def _masked_text(text: str, contexts: Iterable[tuple[str, ...]]) -> str:
    known = set(contexts)
    words = _WORDS.findall(text)
    for index in range(len(words)):
        if _before(words, index) in known:
            words[index] = MASK
    return "".join(words)
