"""Every order of choices: which request goes on next, and which gives up waiting for a lock.

A run is a prefix of choices, and then always the first that is possible. What was left out on the way are
further prefixes. No two orders are taken for one: what a request does between two Redis commands may be about
something that is not in Redis.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

START = "start"
"""A request is sent: a step of its own."""
GIVES_UP = "gives-up"
"""A request tries its lock again and again, until it does something else by its own limit."""


class Choice(NamedTuple):
    """What happens next."""

    request: int
    """The position of the request in the meeting."""
    gives_up: bool = False
    """Whether it gives up waiting; else it goes on."""


@dataclass(frozen=True, slots=True)
class OrderStep:
    """One step that was taken."""

    choice: Choice
    label: str
    """The name of a Redis command, ``START`` or ``GIVES_UP``."""
    possible: tuple[Choice, ...]
    """All that could have been chosen."""
    key: str = ""
    """The command's first key."""
    reply: str = ""
    """In short."""

    def to_json(self) -> list[Any]:
        """A plain list."""
        return [list(self.choice), self.label, [list(item) for item in self.possible], self.key, self.reply]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> OrderStep:
        """The inverse of ``to_json``."""
        choice, label, possible, key, reply = data
        return cls(Choice(*choice), label, tuple(Choice(*item) for item in possible), key, reply)


Path = tuple[OrderStep, ...]


@dataclass(slots=True)
class OrderFrontier:
    """The prefixes that are left to run, deep ones first: so those in which all start at once come first."""

    endless: set[int] = field(default_factory=set)
    """The requests that never give up: that choice of theirs is not tried again."""
    waiting: list[tuple[Choice, ...]] = field(default_factory=lambda: [()])

    def take(self) -> tuple[Choice, ...] | None:
        """The next prefix; None where none is left."""
        while self.waiting:
            prefix = self.waiting.pop()
            if not any(item.gives_up and item.request in self.endless for item in prefix):
                return prefix
        return None

    def done(self, prefix: Sequence[Choice], path: Path) -> None:
        """A prefix was run, and came to ``path``: its alternatives wait now."""
        for position in range(len(prefix), len(path)):
            before = tuple(step.choice for step in path[:position])
            others = [item for item in path[position].possible if item != path[position].choice]
            self.waiting += [(*before, item) for item in others if not self._is_endless(item)]

    def _is_endless(self, choice: Choice) -> bool:
        return choice.gives_up and choice.request in self.endless


def commands_of(path: Path) -> tuple[tuple[int, str], ...]:
    """The order of the commands, without the starts: what two runs have in common that count as one order."""
    return tuple((step.choice.request, step.label) for step in path if step.label != START)


def together(path: Path, count: int) -> bool:
    """Whether all ``count`` requests were under way, in the expression's order, before a command ran."""
    begun = [step.choice.request for step in path[:count] if step.label == START]
    return begun == list(range(count))


def rank(path: Path) -> Hashable:
    """Smaller for an order that is easier to read: together, then few steps, then few switches."""
    begun = [step.label == START for step in path]
    late = sum(1 for before, after in pairwise(begun) if after and not before)
    turns = [step.choice.request for step in path if step.label != START]
    switches = sum(1 for before, after in pairwise(turns) if before != after)
    return late, len(path), switches, tuple(step.choice for step in path)


def shown(path: Path, names: Sequence[str]) -> list[tuple[str, str]]:
    """The steps as pairs of a request's name and what it does; a start only where something was before it."""
    pairs = []
    begun = False
    for step in path:
        if step.label != START:
            begun = True
        if begun or step.label != START:
            pairs.append((names[step.choice.request], step.label))
    return pairs


@dataclass(slots=True)
class OrderCount:
    """One order of the commands, however the requests were started: its runs, and what was wrong."""

    runs: int = 0
    together: bool = False
    """Whether a run with all started at once came to this order."""
    kinds: set[str] = field(default_factory=set)
    kinds_together: set[str] = field(default_factory=set)
    refused: bool = False
    """Whether a request was refused in it that was not in a sequence of all."""
