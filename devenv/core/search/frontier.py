"""A search with sleep sets as pieces of work that can be done side by side, in any order.

Each piece is one run from the beginning: a prefix, then always the first process that does not sleep. What
was left out on the way are further pieces. All pieces together run every trace once (Godefroid, 1996), and a
few runs end blocked. Unlike with source sets nothing found in one piece changes another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from devenv.core.search.access import Touched


def independent(one: Touched, other: Touched) -> bool:
    """Whether the order of two steps cannot matter."""
    return not (one.writes & (other.reads | other.writes) or other.writes & one.reads)


def awake(pending: Sequence[Touched | None], sleep: frozenset[int]) -> list[int]:
    """The processes that may go on, in order."""
    return [process for process, step in enumerate(pending) if step is not None and process not in sleep]


def still_asleep(pending: Sequence[Touched | None], sleep: frozenset[int], process: int) -> frozenset[int]:
    """Who sleeps after ``process`` took its pending step."""
    step = pending[process]
    assert step is not None
    kept = []
    for other in sorted(sleep):
        its = pending[other]
        if its is not None and independent(its, step):
            kept.append(other)
    return frozenset(kept)


@dataclass(frozen=True, slots=True)
class Branch:
    """A piece of work: run a prefix, then go on."""

    prefix: tuple[int, ...] = ()
    """The processes of the first steps."""
    sleep: frozenset[int] = frozenset()
    """The processes that are asleep after them (a sleep set)."""


@dataclass(frozen=True, slots=True)
class Walked:
    """What a piece of work came to: the whole run, and before each step who could go on with what."""

    run: tuple[int, ...]
    pending: tuple[tuple[Touched | None, ...], ...]
    blocked: bool
    """Whether all that could have gone on at the end slept."""


@dataclass(slots=True)
class Frontier:
    """The pieces of work that are left, deep ones first."""

    waiting: list[Branch] = field(default_factory=lambda: [Branch()])
    traces: int = 0
    """Complete runs so far."""
    blocked: int = 0
    """Runs so far that ended with all processes asleep."""

    def take(self) -> Branch | None:
        """The next piece; None where none waits."""
        return self.waiting.pop() if self.waiting else None

    def done(self, branch: Branch, walked: Walked) -> None:
        """A piece was done: its alternatives wait now."""
        if walked.blocked:
            self.blocked += 1
        else:
            self.traces += 1
        sleep = branch.sleep
        branches: list[Branch] = []
        for step in range(len(branch.prefix), len(walked.run)):
            pending = walked.pending[step]
            first, *others = awake(pending, sleep)
            assert first == walked.run[step]
            tried = sleep | {first}
            for other in others:
                branches.append(Branch((*walked.run[:step], other), still_asleep(pending, tried, other)))
                tried |= {other}
            sleep = still_asleep(pending, sleep, first)
        self.waiting += branches
