"""Gathers what a search meets: traces, kinds of violations with the best run of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from devenv.core.search.outcome import Outcome, OutcomeViolation
from devenv.core.search.reporter import SearchReporter
from devenv.core.search.system import Stopped

CHECK_EVERY = 256
"""Traces between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop: after this number of traces, or at a moment of ``clock``. None: never."""

    traces: int | None = None
    deadline: float | None = None


@dataclass(slots=True)
class Occurrence:
    """One kind: in how many traces, and the shortest run so far: steps, then switches, then as numbers."""

    finding: OutcomeViolation
    run: tuple[int, ...]
    source: int
    count: int = 1

    def better(self, run: Sequence[int]) -> bool:
        """Whether ``run`` is a better example."""
        return _rank(run) < _rank(self.run)


def _rank(run: Sequence[int]) -> tuple[int, int, tuple[int, ...]]:
    switches = sum(1 for before, after in pairwise(run) if before != after)
    return len(run), switches, tuple(run)


@dataclass(slots=True)
class Collected:
    """Counts and kinds, reported now and then. ``note`` raises Stopped at the end of the budget."""

    budget: Budget
    clock: Callable[[], float]
    reporter: SearchReporter = field(default_factory=SearchReporter)
    source: int = 0
    """Numbers what is being searched, where that is several systems one after the other."""
    traces: int = 0
    blocked: int = 0
    remark: str | None = None
    """Why a search that came to its end is not complete all the same."""
    kinds: dict[str, Occurrence] = field(default_factory=dict)
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    """How many traces came to which outcome."""

    def note(self, run: Sequence[int], outcome: Outcome, findings: Sequence[OutcomeViolation]) -> None:
        """One trace."""
        self.traces += 1
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        for finding in findings:
            met = self.kinds.get(finding.kind)
            if met is None:
                self.kinds[finding.kind] = Occurrence(finding, tuple(run), self.source)
                continue
            met.count += 1
            if len(run) <= len(met.run) and met.better(run):
                met.run, met.finding, met.source = tuple(run), finding, self.source
        if self.traces % CHECK_EVERY == 0:
            self.look()
        if self.budget.traces is not None and self.traces >= self.budget.traces:
            raise Stopped

    def look(self) -> None:
        """Say how far it is; raise Stopped where the time is over."""
        self.reporter.searching(self.traces, self.counts())
        self.in_time()

    def counts(self) -> dict[str, int]:
        """In how many traces each kind was met."""
        return {kind: occurrence.count for kind, occurrence in self.kinds.items()}

    def in_time(self) -> None:
        """Raise Stopped where the time is over."""
        if self.budget.deadline is not None and self.clock() >= self.budget.deadline:
            raise Stopped
