"""Values of one answer that a later request uses: captured where they come from, put in where they go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devenv.verbs.recordings.recorded import Recorded
from devenv.verbs.recordings.sessions import Event

SHORTEST = 8
"""Characters. Shorter values (yes, 42, en) are the same by chance."""
MOST = 5000
_LEFT_OUT_HEADERS = ("set-cookie", "date", "server", "etag", "last-modified", "x-served-by", "x-request-id")
_WORDY = re.compile(r"[A-Za-z ,.!?'-]+")
"""Words and sentences: no value that stands for something."""


@dataclass(slots=True)
class Captures:
    """Finds what is captured and substitutes it. ``ids``: of sessions, to their names."""

    ids: Mapping[str, str]
    by_event: dict[int, dict[str, str]] = field(default_factory=dict)
    _placeholders: dict[str, str] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def find(self, events: Sequence[Event]) -> None:
        """Look for values of answers of ``other`` events that later such events send."""
        self._placeholders = {
            challenge_id: f"{{challenge:{name}}}" for challenge_id, name in self.ids.items()
        }
        origins: dict[str, tuple[int, str]] = {}
        for number, event in enumerate(events):
            if event.use != "other" or event.request is None:
                continue
            sent = _sent_text(event.request)
            for value, (origin, where) in origins.items():
                if value in sent and value not in self._placeholders and _whole(value).search(sent):
                    name = self._name(where)
                    self._placeholders[value] = f"{{captured:{name}}}"
                    self.by_event.setdefault(origin, {})[name] = where
            if len(origins) < MOST:
                for where, value in _values(event.request):
                    origins.setdefault(value, (number, where))

    def put(self, text: str) -> str:
        """``text`` with placeholders for what was captured, the longest first."""
        for value in sorted(self._placeholders, key=len, reverse=True):
            if value in text:
                text = _whole(value).sub(self._placeholders[value], text)
        return text

    def _name(self, where: str) -> str:
        """A name after the field: ``data.token`` becomes token, then token-2."""
        word = re.sub(r"[^A-Za-z0-9]+", "-", where.rpartition(".")[2].rpartition(":")[2]).strip("-")
        base = name = word if word[:1].isalpha() else f"value-{word}".rstrip("-")
        number = 1
        while name in self._names:
            number += 1
            name = f"{base}-{number}"
        self._names.add(name)
        return name


def _whole(value: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])")


def _sent_text(request: Recorded) -> str:
    return "\n".join([request.target, *request.headers.values(), request.body or ""])


def _values(request: Recorded) -> Iterator[tuple[str, str]]:
    """Where in the answer, and the value."""
    yield from _leaves(request.got, "")
    for name, value in request.answer_headers.items():
        if name not in _LEFT_OUT_HEADERS and not name.startswith("content-") and _telling(value):
            yield f"header:{name}", value


def _leaves(data: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, f"{where}.{key}" if where else str(key))
    elif isinstance(data, list):
        for at, value in enumerate(data):
            yield from _leaves(value, f"{where}.{at}" if where else str(at))
    elif isinstance(data, str) and _telling(data):
        yield where, data


def _telling(value: str) -> bool:
    return len(value) >= SHORTEST and _WORDY.fullmatch(value) is None
