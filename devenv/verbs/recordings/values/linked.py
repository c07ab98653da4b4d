"""Which links a request follows: those with which its path and query begin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Links(Generic[T]):
    """Links with what is known of each, looked up by a target; a target is tried at each of their lengths."""

    known: dict[str, T] = field(default_factory=dict)
    """By path and query, in the order in which they came."""
    _lengths: set[int] = field(default_factory=set)

    def add(self, link: str, value: T) -> None:
        """Know a link; what was known of it first stays."""
        if link not in self.known:
            self.known[link] = value
            self._lengths.add(len(link))

    def followed(self, target: str) -> Iterator[str]:
        """The links to which, or to something under which, a request with this target is, longest first."""
        for length in sorted((length for length in self._lengths if length <= len(target)), reverse=True):
            if target[length : length + 1] in ("", "/", "?", "&") and target[:length] in self.known:
                yield target[:length]
