"""Gathers what a search meets: traces, kinds of violations with the best run of each."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from devenv.core.search.outcome import Outcome, OutcomeViolation, is_graded
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
    count: int | None = 1
    """None: not counted."""

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
    counted: bool = True
    """Whether ``traces`` are all that were searched."""
    ends_counted: bool = True
    """Whether ``ends`` are all that there are."""
    graded: bool = False
    """Whether any answer said what came of its request."""
    ungraded: Outcome | None = None
    """An end in which no answer did."""
    ends: dict[Hashable, int] = field(default_factory=dict)
    """By outcome, equal requests taken for one: in how many ways it can be given to them."""

    def note(self, run: Sequence[int], outcome: Outcome, findings: Sequence[OutcomeViolation]) -> None:
        """One trace."""
        self.traces += 1
        self.ends[outcome] = 1
        self.look_at_answers(outcome)
        for finding in findings:
            met = self.kinds.get(finding.kind)
            if met is None:
                self.kinds[finding.kind] = Occurrence(finding, tuple(run), self.source)
                continue
            met.count = None if met.count is None else met.count + 1
            if len(run) <= len(met.run) and met.better(run):
                met.run, met.finding, met.source = tuple(run), finding, self.source
        if self.traces % CHECK_EVERY == 0:
            self.look()
        if self.budget.traces is not None and self.traces >= self.budget.traces:
            raise Stopped

    def look_at_answers(self, outcome: Outcome) -> None:
        """Note whether any answer was graded."""
        if is_graded(outcome):
            self.graded = True
        elif self.ungraded is None:
            self.ungraded = outcome

    def note_end(
        self,
        outcome: tuple[Hashable, int],
        findings: Sequence[OutcomeViolation],
        run: Callable[[], Sequence[int]],
        traces: int | None,
    ) -> None:
        """An end to which this many traces lead (None: not counted), with one of its runs.

        ``outcome``: what it is, and in how many ways equal requests can share it.
        """
        self.ends[outcome[0]] = outcome[1]
        self.traces += traces or 0
        self.counted &= traces is not None
        for finding in findings:
            met = self.kinds.get(finding.kind)
            if met is None:
                self.kinds[finding.kind] = Occurrence(finding, tuple(run()), self.source, traces)
            else:
                met.count = None if met.count is None or traces is None else met.count + traces

    @property
    def outcomes(self) -> int | None:
        """In how many ways it ended; None: not counted."""
        return sum(self.ends.values()) if self.ends_counted else None

    def look(self) -> None:
        """Say how far it is; raise Stopped where the time is over."""
        self.reporter.searching(self.traces, self.counts())
        self.in_time()

    def counts(self) -> dict[str, int | None]:
        """In how many traces each kind was met; None: not counted."""
        return {kind: occurrence.count for kind, occurrence in self.kinds.items()}

    def in_time(self) -> None:
        """Raise Stopped where the time is over."""
        if self.budget.deadline is not None and self.clock() >= self.budget.deadline:
            raise Stopped
