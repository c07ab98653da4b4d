"""What the fixture's methods give, with the assertions that explain themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from devenv.core.model.vocabulary import Strategy
from devenv.pytest_plugin.reports import exploration_command, exploration_report, replay_report
from devenv.verbs.explore.result import Exploration, ExploredViolation
from devenv.verbs.replay.usecase import Replayed


@dataclass(frozen=True, repr=False)
class ReplayOutcome:
    """A replayed scenario."""

    replayed: Replayed
    """Everything that is known of it."""

    @property
    def holds(self) -> bool:
        """Whether what happened is what the scenario expects of this store, each time."""
        return self.replayed.result.verdict == "holds"

    @property
    def shows_bug(self) -> bool:
        """Whether it went as expected, and the scenario calls that the bug."""
        return self.holds and self.replayed.result.bug

    @property
    def violations(self) -> tuple[str, ...]:
        """What is wrong with any session, whatever is expected of the store: a sentence each."""
        return tuple(map(str, self.replayed.result.violations))

    @property
    def deviations(self) -> tuple[str, ...]:
        """What is not as the scenario expects of the store, a sentence each."""
        return tuple(map(str, self.replayed.result.deviations))

    @property
    def strategy(self) -> Strategy:
        """The store that it was played with."""
        return self.replayed.result.strategy

    @property
    def run_id(self) -> str:
        """Its folder in .devenv/runs."""
        return self.replayed.run.id

    @property
    def command(self) -> str:
        """What does it again."""
        return self.replayed.result.command

    @property
    def report(self) -> str:
        """What happened and why, in some lines."""
        return replay_report(self.replayed)

    def assert_holds(self) -> Self:
        """Raise AssertionError with the report, unless it went as the scenario expects."""
        __tracebackhide__ = True
        if not self.holds:
            raise AssertionError(self.report)
        return self

    def assert_shows_bug(self) -> Self:
        """Raise AssertionError unless it went as expected and that is the bug: the test knows of it."""
        __tracebackhide__ = True
        self.assert_holds()
        if not self.shows_bug:
            raise AssertionError(f"{self.report}\nexpected the bug, and this store does not have it")
        return self

    def __repr__(self) -> str:
        result = self.replayed.result
        word = "holds" if self.holds else f"{result.verdict} ({len(result.failures)} reasons)"
        return f"<replay {word}; {self.command}>"


@dataclass(frozen=True, repr=False)
class ExploreOutcome:
    """An exploration."""

    exploration: Exploration
    """Everything that is known of it."""
    kinds: tuple[str, ...] = field(init=False)
    """The kinds of violation that were confirmed."""

    def __post_init__(self) -> None:
        confirmed = tuple(violation.kind for violation in self.exploration.violations if violation.confirmed)
        object.__setattr__(self, "kinds", confirmed)

    @property
    def holds(self) -> bool:
        """Whether every order was tried and none violates anything."""
        return self.exploration.holds

    @property
    def inconclusive(self) -> bool:
        """Whether not everything was tried, or something was not confirmed, and nothing else was found."""
        return self.exploration.exit_code not in (0, 1)

    @property
    def violations(self) -> tuple[ExploredViolation, ...]:
        """Those that were confirmed on real pods."""
        return tuple(violation for violation in self.exploration.violations if violation.confirmed)

    @property
    def run_id(self) -> str | None:
        """Its folder in .devenv/runs."""
        return self.exploration.run_id

    @property
    def report(self) -> str:
        """Each violation with its shortest order and its command, in some lines."""
        return exploration_report(self.exploration)

    def assert_holds(self) -> Self:
        """Raise AssertionError with the report on a violation, and where it is inconclusive."""
        __tracebackhide__ = True
        if not self.holds:
            raise AssertionError(self.report)
        return self

    def assert_violates(self, kind: str) -> ExploredViolation:
        """The violation of this kind, confirmed on real pods; AssertionError with the report without one."""
        __tracebackhide__ = True
        for violation in self.violations:
            if violation.kind == kind:
                return violation
        raise AssertionError(
            f"{self.report}\nexpected {kind}, found {', '.join(self.kinds) or 'no violation'}"
        )

    def __repr__(self) -> str:
        exploration = self.exploration
        again = self.violations[0].reproduce if self.kinds else exploration_command(exploration)
        return f"<explore {exploration.scenario}: {exploration.verdict}; {again}>"
