"""Times of the clock in the words of requests: in a model whose time stands still they stand still, too.

A session library writes when a session was last used, or until when it is good, into the session itself. Two
requests that do the same then write different texts, and each such text would be a name of its own, which no
other request could read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from devenv.core.search.behaviour import Answered, Heard, Issued, Lost, Seen, renamed

MASK = "…"
"""Stands for a time of the clock where texts are compared."""
_EPOCH = r"(?<![0-9A-Za-z.])1[4-9][0-9]{8}(?:[0-9]{3}|[0-9]{6}|[0-9]{9})?(?:\.[0-9]{1,9})?(?![0-9A-Za-z])"
"""Seconds, milliseconds, microseconds or nanoseconds since 1970, of the years 2014 to 2033."""
_ISO = r"20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
_TIME = re.compile(f"{_EPOCH}|{_ISO}")

Skeleton = tuple[str, ...]
"""A text without its times: what stands between them."""


def skeleton(text: str) -> tuple[Skeleton, tuple[str, ...]]:
    """What stands between the times of a text, and the times."""
    return tuple(_TIME.split(text)), tuple(_TIME.findall(text))


def without_times(text: str) -> str:
    """The text with ``MASK`` for each time in it."""
    return _TIME.sub(MASK, text)


@dataclass(slots=True)
class StandingTimes:
    """The times that texts of one form have: those with which the form was met first.

    A word that is nothing but a time stays as it is: it may be a name, such as that of a lock's owner.
    """

    _known: dict[tuple[str, int, Skeleton], tuple[str, ...]] = field(default_factory=dict)

    def stand(
        self, heard: Sequence[Heard], seen: Sequence[Seen]
    ) -> tuple[tuple[Heard, ...], tuple[Seen, ...]]:
        """One request's replies and commands with these times in place of its own."""
        renames: dict[str, str] = {}
        for one in seen:
            for label, position, text in _texts(one):
                form, times = skeleton(text)
                if times and any(form):
                    known = self._known.setdefault((label, position, form), times)
                    renames.update((old, new) for old, new in zip(times, known, strict=True) if old != new)
        if not renames:
            return tuple(heard), tuple(seen)
        return tuple(_heard(item, renames) for item in heard), tuple(_seen(item, renames) for item in seen)


def _texts(seen: Seen) -> list[tuple[str, int, str]]:
    """The words of what a request did, each with the command's name and its position."""
    if isinstance(seen, Answered):
        return [("", 0, seen.body)]
    return [
        (seen.label, position, word.decode("latin-1"))
        for words in seen.commands
        for position, word in enumerate(words)
    ]


def _heard(heard: Heard, renames: dict[str, str]) -> Heard:
    if isinstance(heard, Lost):
        return heard
    for old, new in renames.items():
        heard = renamed(heard, old.encode(), new.encode())
    return heard


def _seen(seen: Seen, renames: dict[str, str]) -> Seen:
    if isinstance(seen, Answered):
        return replace(seen, body=_renamed(seen.body, renames))
    words = (
        tuple(_renamed(word.decode("latin-1"), renames).encode("latin-1") for word in command)
        for command in seen.commands
    )
    return Issued(tuple(words), seen.transaction)


def _renamed(text: str, renames: dict[str, str]) -> str:
    return _TIME.sub(lambda match: renames.get(match[0], match[0]), text)
