"""``devenv shrink``: a scenario that fails, reduced to the smallest part that still fails in the same way."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from devenv.core.model.errors import Inconclusive, UsageProblem
from devenv.core.model.verdict import passes
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import Scenario, parse
from devenv.core.scenario.expect import CONNECTIONS
from devenv.core.scenario.model import (
    Create,
    Get,
    KeyEvent,
    Pause,
    Redis,
    Request,
    Restart,
    Step,
    Together,
    Verify,
)
from devenv.core.scenario.pieces import Piece, keep_only, pieces_of
from devenv.core.scenario.writer import write_scenario
from devenv.core.search.ddmin import ddmin
from devenv.harness.config.settings import Settings
from devenv.harness.runs.folders import RESULTS, open_run
from devenv.stack.protocol import Progress
from devenv.verbs.replay.replayer import Replayer
from devenv.verbs.replay.result import ReplayResult
from devenv.verbs.replay.store_choice import StoreChoice
from devenv.verbs.replay.target import resolve_target
from devenv.verbs.replay.usecase import staged

SMALL = "small.yaml"
CONFIRMATIONS = 3
TRIES = 3
"""How often the whole scenario is played at first: one that fails only sometimes cannot be reduced."""
_CHECK = re.compile(r"(?<!\w)(?P<name>\w+): expected .*?, got (?P<got>.*)")
_VARYING = ("seconds", CONNECTIONS)
"""Checks whose value may differ between two plays of one failure."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What is left of a scenario that was reduced."""

    scenario: Scenario
    strategy: Strategy
    failure: str | None
    """What does not hold; None where everything held."""
    before: int
    """Requests and other steps at the beginning."""
    after: int
    """Requests and other steps that are left."""
    plays: int
    """How many plays it took."""
    confirmed: int
    """How many of ``CONFIRMATIONS`` further plays failed in the same way."""
    seconds: float
    text: str = ""
    """The small scenario's file."""
    path: str | None = None
    """Where the file is."""
    result: ReplayResult | None = None

    @property
    def command(self) -> str | None:
        """What plays the small scenario."""
        return self.result.command_for(self.path) if self.path and self.result else None

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "kind": "shrink",
            "scenario": self.scenario.id,
            "strategy": str(self.strategy),
            "verdict": "holds"
            if passes(checked=self.plays, failures=int(self.failure is not None))
            else "fails",
            "failure": self.failure,
            "before": self.before,
            "after": self.after,
            "plays": self.plays,
            "confirmed": self.confirmed,
            "of": CONFIRMATIONS,
            "file": self.path,
            "command": self.command,
            "seconds": round(self.seconds, 3),
        }


def shrink(
    word: str,
    settings: Settings,
    strategy: Strategy | None,
    progress: Progress,
    clock: Callable[[], float] = time.time,
) -> Shrunk:
    """Reduce what ``word`` names (as for replay), on the stack that runs or one of its own.

    It is played without its pauses first, and with them where nothing fails that way. Raises Inconclusive
    where it fails only sometimes, else as ``replay``.
    """
    target = resolve_target(word, settings.state_dir)
    began = clock()
    with staged(target, strategy, settings, progress) as (stack, chosen, _):
        reduced = None
        for pace in (0.0, 1.0):
            with Replayer(stack, seed=settings.seed, pace=pace, progress=_silent) as replayer:
                reduced = _Reduction(target.scenario, chosen, replayer, progress).run()
            if reduced is not None:
                break
            if not any(isinstance(step, Pause) for step in target.scenario.steps):
                break
    if reduced is None:
        count = len(pieces_of(target.scenario))
        return Shrunk(target.scenario, chosen.strategy, None, count, count, TRIES, 0, clock() - began)
    run = open_run(settings.state_dir, f"shrink-{target.scenario.id}", clock())
    path = run.write_text(SMALL, reduced.text)
    shrunk = Shrunk(
        target.scenario, chosen.strategy, reduced.failure, reduced.before, reduced.after, reduced.plays,
        reduced.confirmed, clock() - began, reduced.text, str(path), reduced.result,
    )  # fmt: skip
    run.write_json(RESULTS, shrunk.to_json())
    return shrunk


@dataclass(frozen=True, slots=True)
class _Reduced:
    failure: str
    before: int
    after: int
    plays: int
    confirmed: int
    text: str
    result: ReplayResult


class _Reduction:
    """One scenario with one store; every candidate is played on real pods."""

    def __init__(
        self, scenario: Scenario, choice: StoreChoice, replayer: Replayer, progress: Progress
    ) -> None:
        self._scenario = scenario if choice.measured or not scenario.shipped else _expecting_nothing(scenario)
        self._choice = choice
        self._replayer = replayer
        self._progress = progress
        self._plays = 0
        self._smallest = len(pieces_of(self._scenario))

    def run(self) -> _Reduced | None:
        """The smallest part; None where nothing fails."""
        failure = self._first_failure()
        if failure is None:
            return None
        wanted = _signature(failure)
        pieces = pieces_of(self._scenario)

        def fails(candidate: Sequence[Piece]) -> bool:
            part = keep_only(self._scenario, candidate)
            result = self._play(part) if part is not None else None
            failing = result is not None and wanted in map(_signature, _failures(result))
            if failing and len(candidate) < self._smallest:
                self._smallest = len(candidate)
                self._progress(f"{len(candidate)} of {len(pieces)} left after {self._plays} plays")
            return failing

        if not fails(pieces):
            raise Inconclusive(f"{self._scenario.id} fails only sometimes: {failure}")
        smallest = keep_only(self._scenario, ddmin(pieces, fails))
        assert smallest is not None
        smallest = replace(
            smallest,
            id=f"{self._scenario.id}-small"[:80],
            needs=_needs(smallest),
            title=f"The smallest part of {self._scenario.id} that fails",
        )
        results = [value for _ in range(CONFIRMATIONS) if (value := self._play(smallest)) is not None]
        confirmed = [one_result for one_result in results if wanted in map(_signature, _failures(one_result))]
        if not confirmed:
            raise Inconclusive(f"{self._scenario.id} fails only sometimes: {failure}")
        smallest = replace(smallest, about=f"Fails with the {confirmed[0].store} store: {failure}\n")
        failure = next(item for item in _failures(confirmed[0]) if _signature(item) == wanted)
        return _Reduced(
            failure, len(pieces), len(pieces_of(smallest)), self._plays, len(confirmed),
            write_scenario(smallest), confirmed[0],
        )  # fmt: skip

    def _first_failure(self) -> str | None:
        for _ in range(TRIES):
            result = self._play(self._scenario)
            if result is not None and (failures := _failures(result)):
                return failures[0]
        return None

    def _play(self, part: Scenario) -> ReplayResult | None:
        """One play of a part, as its file would be played; None where the part is no valid scenario."""
        try:
            scenario = parse(write_scenario(part), self._scenario.name)
        except UsageProblem:
            return None
        self._plays += 1
        return self._replayer.run(scenario, self._choice)


def _expecting_nothing(scenario: Scenario) -> Scenario:
    """Without what a shipped scenario expects of its stores: it was played with none of them."""
    expecting = Create | Verify | Together | Restart | Redis | Get | Request
    steps = tuple(
        replace(step, expect={}) if isinstance(step, expecting) else step for step in scenario.steps
    )
    return replace(scenario, steps=steps)


def _needs(scenario: Scenario) -> tuple[str, ...]:
    """What the small scenario still needs of overlap and time."""
    gone = [] if any(isinstance(step, Together) for step in scenario.steps) else ["X"]
    gone += [] if any(map(_waits, scenario.steps)) else ["T"]
    return tuple(need for need in scenario.needs if need not in gone)


def _waits(step: Step) -> bool:
    """Whether the step lets time pass, or does to a key what time does."""
    return isinstance(step, Pause) or (isinstance(step, KeyEvent) and step.event in ("expire", "age"))


def _failures(result: ReplayResult) -> list[str]:
    violations = result.violations if result.by_invariants else ()
    return [
        *(deviation.sentence for deviation in result.deviations),
        *(str(violation.violation.kind) for violation in violations),
    ]


def _signature(failure: str) -> tuple[str, ...]:
    """What makes two failures the same: the check and what was got instead, not what was expected."""
    check = _CHECK.search(failure)
    if check is None:
        return (failure,)
    return (check["name"],) if check["name"] in _VARYING else (check["name"], check["got"])


def _silent(_line: str) -> None:
    """The reduction reports its own progress."""
