"""Final states of a learned system, judged."""

from __future__ import annotations

from devenv.core.search.composition import PackedState
from devenv.core.search.outcome import Outcome, OutcomeViolation, judge
from devenv.verbs.explore.learner import LearnedSystem


class Judged:
    """Outcomes and findings of final states, each worked out once."""

    def __init__(self, learned: LearnedSystem) -> None:
        self.learned = learned
        self._states: dict[PackedState, tuple[Outcome, tuple[OutcomeViolation, ...]]] = {}
        self._findings: dict[Outcome, tuple[OutcomeViolation, ...]] = {}

    def of(self, state: PackedState) -> tuple[Outcome, tuple[OutcomeViolation, ...]]:
        """What a final state comes to, and what is wrong with it."""
        known = self._states.get(state)
        if known is None:
            outcome = self.learned.outcome(state)
            findings = self._findings.get(outcome)
            if findings is None:
                findings = self._findings[outcome] = judge(
                    self.learned.cast, outcome, self.learned.limit, self.learned.usual
                )
            known = self._states[state] = (outcome, findings)
        return known

    def kinds(self, state: PackedState) -> list[str]:
        """The kinds only."""
        return [finding.kind for finding in self.of(state)[1]]
