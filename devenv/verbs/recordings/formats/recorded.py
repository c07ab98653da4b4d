"""What a recording holds, wherever it came from: requests with what is known of their answers."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from devenv.core.model.bodies import answered_fields
from devenv.verbs.recordings.formats.bodies import fields_of

_MOST_NUMBERS = 8
_NONE: Mapping[str, str] = MappingProxyType({})
"""No headers, once for all requests: lists of commands have none of answers."""
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


class Recorded(NamedTuple):
    """One request. None is what the recording does not say. Header names are lower-case.

    A tuple, as a short list of commands holds very many: a frozen dataclass takes twice as long to make.
    """

    number: int
    """Its entry or line in the file, from 1."""
    method: str
    target: str
    """The path with its query."""
    started: float | None = None
    """Seconds since the epoch."""
    seconds: float | None = None
    """How long it took."""
    headers: Mapping[str, str] = _NONE
    body: str | None = None
    status: int | None = None
    answer_headers: Mapping[str, str] = _NONE
    answer: str | None = None
    host: str = ""
    client: str = ""
    """Who sent it, where several did."""
    pod: str | None = None
    """Who answered."""
    body_missing: bool = False
    """Whether a body was sent that is not in the recording."""
    answer_missing: bool = False
    """Whether the answer had a body that is not in the recording."""

    @property
    def path_and_query(self) -> str:
        """Without scheme and host, which a target may have."""
        parts = urlsplit(self.target)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    @property
    def path(self) -> str:
        """Without the query."""
        return urlsplit(self.target).path

    @property
    def ended(self) -> float | None:
        """Seconds since the epoch."""
        return None if self.started is None else self.started + (self.seconds or 0.0)

    @property
    def sent(self) -> Mapping[str, Any]:
        """The fields of the JSON object or the form that was sent; empty where there was neither."""
        return fields_of(self.body, self.headers.get("content-type", "")) if self.body else {}

    @property
    def got(self) -> Mapping[str, Any]:
        """The JSON object that was answered, also as an event stream; empty where there was none."""
        return answered_fields(self.answer) if self.answer else {}


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded sequence."""

    source: str
    """Where it is from: ``chrome.har``."""
    form: str
    """In which form it was."""
    requests: tuple[Recorded, ...]
    bodies: bool = True
    """Whether this form of recording holds bodies."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""
    unit: str = "entry"
    """What ``Recorded.number`` counts: entry or line."""


def encoded_target(target: str) -> str:
    """A path and query as HTTP sends it: what is no printable ASCII percent-encoded."""
    if target.isascii() and target.isprintable() and " " not in target:
        return target
    return quote(target, safe=_PRINTABLE)


@dataclass(slots=True)
class Numbers:
    """Numbers of entries or lines: how many, and the first of them; the others are not kept."""

    count: int = 0
    first: list[int] = field(default_factory=list)
    """The lowest, ascending."""

    def add(self, number: int) -> None:
        """Count one more, which was not counted before."""
        self.count += 1
        if len(self.first) < _MOST_NUMBERS:
            self.first = sorted([*self.first, number])
        elif number < self.first[-1]:
            self.first = sorted([*self.first[:-1], number])

    def __len__(self) -> int:
        return self.count


def numbered(unit: str, numbers: Iterable[int] | Numbers) -> str:
    """``entry 3``, ``entries 3, 5``; of many the first ones."""
    if not isinstance(numbers, Numbers):
        known = set(numbers)
        numbers = Numbers(len(known), heapq.nsmallest(_MOST_NUMBERS, known))
    several = {"entry": "entries"}.get(unit, f"{unit}s")
    shown = ", ".join(map(str, numbers.first))
    more = f" and {numbers.count - _MOST_NUMBERS} more" if numbers.count > _MOST_NUMBERS else ""
    return f"{unit if numbers.count == 1 else several} {shown}{more}"
