"""What tells the covers of ``cover`` apart: the store, and how far the processes have come."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from devenv.core.search.states.origins import BEGIN

Origins: TypeAlias = tuple[tuple[int, ...], ...]
"""For each group where its processes came to by their last change of the store (``OriginsOf``), sorted."""


class Early(NamedTuple):
    """Few answers were graded: every process is kept apart."""

    store: int
    origins: Origins

    @property
    def rank(self) -> int:
        """Covers are taken by this number, the lowest first; steps that change the store seldom lower it."""
        return -sum(each.count(BEGIN) for each in self.origins)


class Late(NamedTuple):
    """More answers were graded than a session takes."""

    store: int
    fresh: int
    """How many requests have not changed the store yet."""
    ended: bool
    """Whether an answer or an event surely ended the session."""
    events: Origins
    """The origins of the groups that are no requests."""

    @property
    def rank(self) -> int:
        """As of an early cover."""
        return -self.fresh - sum(each.count(BEGIN) for each in self.events)
