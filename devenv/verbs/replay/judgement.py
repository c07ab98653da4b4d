"""What the invariants and the session's specification say of plays, whatever is expected of a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from devenv.core.checker.history import VERIFY, History, history_of
from devenv.core.checker.invariants import InvariantViolation, Kind
from devenv.core.checker.judge import Rules, judge
from devenv.core.model.events import HistoryEvent
from devenv.core.model.vocabulary import Outcome
from devenv.core.scenario import Pause, Scenario
from devenv.core.serializability.oracle import CAME_BACK, LOST_UPDATE, NOT_SERIAL
from devenv.verbs.replay.observed import Observed

_SERVED = (str(Outcome.SUCCESS), str(Outcome.WRONG), "used", "ungraded")
"""Outcomes, as histories call them, of a session that was there or was not needed."""
_LONGEST_PLAY_S = 3600.0
"""Above the time that a play takes: a session of a service that tells no TTL is taken to live so long."""


@dataclass(frozen=True, slots=True)
class PlayViolation:
    """An invariant, or the specification, that one play violates."""

    repeat: int
    """The play, from 1."""
    violation: InvariantViolation

    @property
    def kind(self) -> str:
        """The name of a violation that the checker does not know, else its kind."""
        return self.violation.name or str(self.violation.kind)

    def __str__(self) -> str:
        return f"repeat {self.repeat}: {self.kind}: {self.violation.sentence}"

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"repeat": self.repeat, **self.violation.to_json(), "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The violations of all plays, and what of them could not be judged."""

    violations: tuple[PlayViolation, ...] = ()
    not_judged: tuple[str, ...] = ()
    """A sentence for each reason, once."""


def judge_plays(
    histories: Sequence[Sequence[HistoryEvent]], scenario: Scenario, *, own_service: bool
) -> Judgement:
    """Judge the history of each play. ``own_service``: the sessions are those of a user-provided service."""
    pauses = any(isinstance(step, Pause) for step in scenario.steps)
    rules = Rules(ttl=None if pauses else _LONGEST_PLAY_S) if own_service else Rules()
    violations: list[PlayViolation] = []
    reasons: list[str] = []
    for repeat, events in enumerate(histories, start=1):
        history = history_of(events)
        report = judge(history, rules)
        violations += [PlayViolation(repeat, violation) for violation in report.violations]
        reasons += [
            undecided.reason
            for undecided in report.undecided
            if undecided.challenge is not None or not _works_without_session(history)
        ]
        reasons += _unknown_answers(history)
    return Judgement(tuple(violations), tuple(dict.fromkeys(reasons)))


def not_serial_plays(plays: Sequence[Sequence[Observed]], cause: str) -> tuple[PlayViolation, ...]:
    """The steps whose answers none of their sequences explains; ``cause``: what the scenario shows."""
    name = cause if cause in (LOST_UPDATE, CAME_BACK) else NOT_SERIAL
    return tuple(
        PlayViolation(repeat, InvariantViolation(Kind.USER, None, step.not_serial, name=name))
        for repeat, play in enumerate(plays, start=1)
        for step in play
        if step.not_serial is not None
    )


def _works_without_session(history: History) -> bool:
    """Whether uses that name no session were all served: a stateless server opens none, and loses none."""
    uses = [item for item in history.operations if item.f == VERIFY and item.challenge is None]
    return bool(uses) and all(use.value.get("outcome") in _SERVED for use in uses)


def _unknown_answers(history: History) -> list[str]:
    """The answers that neither the profile nor the specification knows, each kind once with its number."""
    unknown = [
        operation.value
        for operation in history.operations
        if operation.f == VERIFY
        and operation.result is None
        and operation.value.get("outcome", Outcome.ERROR) == Outcome.ERROR
    ]
    counts = Counter((value.get("status"), value.get("message")) for value in unknown)
    return [
        f"{count} × an answer that is not known: "
        + ("none came" if status is None else f"HTTP {status}")
        + (f", {message}" if message else "")
        for (status, message), count in counts.items()
    ]
