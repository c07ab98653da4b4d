"""What is still to be gone through, the items of the lowest rank first."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar


class Ranked(Hashable, Protocol):
    """Something with a number that says when its turn is."""

    @property
    def rank(self) -> int:
        """The lowest has the first turn."""


Item = TypeVar("Item", bound=Ranked)


class Agenda(Generic[Item]):
    """Items, each once. Of those of one rank, the one that was added first is taken first."""

    def __init__(self) -> None:
        self._ranks: dict[int, dict[Item, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._ranks)

    def add(self, item: Item) -> None:
        """Take it in, unless it waits already."""
        self._ranks.setdefault(item.rank, {})[item] = None

    def take(self) -> Item:
        """Give the next item, which does not wait any more. Raises ValueError where none does."""
        rank = min(self._ranks)
        items = self._ranks[rank]
        item = next(iter(items))
        del items[item]
        if not items:
            del self._ranks[rank]
        return item
