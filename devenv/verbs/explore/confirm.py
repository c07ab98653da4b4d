"""A violation that was found is run again on the real stack, and kept as a scenario."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from devenv.core.checker.invariants import Kind
from devenv.core.model.schedule import Event, Release, Schedule, Step
from devenv.core.model.topology import RedisMode
from devenv.core.model.vocabulary import CATALOGUE_STORES, Strategy
from devenv.core.search.access import Touched
from devenv.core.search.behaviour import CUT_SHORT
from devenv.core.search.clock_times import without_times
from devenv.core.search.collecting import Occurrence
from devenv.core.search.expression import Participant
from devenv.core.search.outcome import (
    HALF_DONE,
    SERVER_ERROR,
    Outcome,
    OutcomeViolation,
    judge,
    read_answer,
    remains,
)
from devenv.verbs.explore.executor_client import Remote
from devenv.verbs.explore.fixture import Fixture
from devenv.verbs.explore.result import ExploredViolation, ShownStep
from devenv.wire.executor.jobs import Scheduled, ScheduledRun, Taken

SESSION = "s1"
_CAUSES = {
    str(Kind.MORE_THAN_TWO_GRADED): "lost-attempt",
    str(Kind.NOT_LINEARIZABLE): "double-success",
    str(Kind.WRONG_ANSWER_PASSED): "empty-bypass",
    str(Kind.NO_TTL): "ttl-rounds-to-zero",
    HALF_DONE: "reply-lost",
    SERVER_ERROR: "reply-lost",
}
"""The failure of docs/failures.md behind a kind that is not one of them: the same steps are not atomic."""
_TTL_COMMANDS = ("TTL", "PTTL")
_TIME_LEFT = re.compile(r"(?<=[\[ ])[0-9]{3,}(?=[,\]])")
"""A number among a transaction's replies that can be the milliseconds that a key has left."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a search found: a kind of violation, and a run that shows it."""

    finding: OutcomeViolation
    cast: tuple[Participant, ...]
    """The participants of the run."""
    run: tuple[int, ...]
    traces: int | None
    """How many traces of the whole search show it; None: not counted."""
    labels: tuple[str, ...] = ()
    """What each step of the run is, where a model knows it."""

    @classmethod
    def of(cls, met: Occurrence, casts: Sequence[Sequence[Participant]]) -> Candidate:
        """As the search met it, not made smaller."""
        return cls(met.finding, tuple(casts[met.source]), met.run, met.count)


def job_of(
    fixture: Fixture, cast: Sequence[Participant], prefix: Sequence[int], sleep: frozenset[int] = frozenset(),
    *, watch: bool = False,
) -> Scheduled:  # fmt: skip
    """A cast's run on ``stage``."""
    calls, events = fixture.calls(cast), fixture.events(cast)
    return Scheduled(
        fixture.key, fixture.document, fixture.ttl_ms, calls, events, tuple(prefix), sleep, watch, fixture.db
    )


async def confirm(
    candidate: Candidate, fixture: Fixture, remote: Remote, replays: int
) -> tuple[ExploredViolation, ScheduledRun]:
    """Run the schedule ``replays`` times on the real stack, each on a fresh challenge.

    Gives also the first run, with its records.
    """
    job = job_of(fixture, candidate.cast, candidate.run, watch=True)
    first, *others = await remote.scheduled([replace(job, record=True), *[job] * (replays - 1)])
    kinds = {item.kind: item for item in judge(candidate.cast, first.outcome, fixture.limit, fixture.usual)}
    confirmed = candidate.finding.kind in kinds
    same = sum(1 for run in others if _observed(run) == _observed(first)) + 1
    finding = kinds.get(candidate.finding.kind, candidate.finding)
    letters = tuple(item.letter for item in candidate.cast)
    violation = ExploredViolation(
        kind=finding.kind,
        sentence=finding.sentence,
        requests=letters,
        schedule=str(schedule_of(candidate.cast, first.steps)),
        steps=tuple(_shown(candidate.cast, first.steps)),
        traces=candidate.traces,
        confirmed=confirmed,
        replayed=same if confirmed else 0,
        replays=replays,
        why=None if confirmed else "the order was run and did not show it: a fault of the model or of ours",
    )
    return violation, first


def unconfirmed(candidate: Candidate, why: str) -> ExploredViolation:
    """A violation that could not be run on the real stack, and why; its order as the model has it."""
    nothing = Touched(frozenset(), frozenset())
    steps = [
        Taken(process, label, nothing)
        for process, label in zip(candidate.run, candidate.labels, strict=False)
    ]
    return ExploredViolation(
        kind=candidate.finding.kind,
        sentence=candidate.finding.sentence,
        requests=tuple(item.letter for item in candidate.cast),
        schedule=str(schedule_of(candidate.cast, steps)) if steps else "",
        steps=tuple(_shown(candidate.cast, steps)),
        traces=candidate.traces,
        confirmed=False,
        replayed=0,
        replays=0,
        why=why,
    )


def _observed(run: ScheduledRun) -> object:
    """What must be the same again: steps, replies, answers, the end; times left may differ."""
    steps = [
        (
            step.process,
            step.label,
            None if step.label in _TTL_COMMANDS else _timeless(step.reply),
            step.touched,
        )
        for step in run.steps
    ]
    return steps, replace(run.outcome, document=remains(run.outcome)[1])


def _timeless(reply: str | None) -> str | None:
    return None if reply is None else _TIME_LEFT.sub("…", without_times(reply))


def schedule_of(cast: Sequence[Participant], run: Sequence[Taken]) -> Schedule:
    """The order in its text form: a lost reply stands with the command whose reply it was."""
    armed: set[int] = set()
    steps: list[Step] = []
    for taken in run:
        participant = cast[taken.process]
        if taken.label == CUT_SHORT:
            continue  # it follows from the restart
        if participant.answer is not None:
            steps.append(Release(participant.name, taken.label, lost=taken.process in armed))
            armed.discard(taken.process)
        elif participant.target is not None:
            armed.add(participant.target)
        else:
            _, _, target = participant.name.partition(":")
            steps.append(Event(participant.event or "", target))
    return Schedule(tuple(steps))


def _shown(cast: Sequence[Participant], run: Sequence[Taken]) -> list[ShownStep]:
    shown = []
    armed: set[int] = set()
    for taken in run:
        participant = cast[taken.process]
        if participant.target is not None:
            armed.add(participant.target)
            continue  # it is seen at the command whose reply it was
        who = participant.name if participant.answer is not None else ""
        reply = "lost" if taken.process in armed and taken.label != CUT_SHORT else taken.reply
        armed.discard(taken.process)
        shown.append(ShownStep(who, taken.label if who else participant.name, reply))
    return shown


def scenario_text(
    violation: ExploredViolation,
    cast: Sequence[Participant],
    outcome: Outcome,
    strategy: Strategy,
    fixture: Fixture,
) -> str:
    """A scenario file that ``replay`` follows: the schedule, and what was seen as what is expected."""
    requests = [item for item in cast if item.answer is not None]
    whose = f"the {strategy} store's" if fixture.profile is None else "the service's"
    other = f"The order is one of {whose} commands."
    stores: dict[str, Any] = {
        str(word): {"bug": True, "shows": violation.sentence}
        if word is strategy
        else {"not_applicable": other}
        for word in dict.fromkeys((*CATALOGUE_STORES, strategy))
    }
    expected: dict[str, Any] = {}
    for request, answer in zip(requests, outcome.answers, strict=True):
        body = json.loads(answer.body)
        wanted: dict[str, Any] = {"outcome": str(read_answer(answer))}
        if isinstance(body, dict) and isinstance(body.get("attempts"), int):
            wanted["attempts"] = body["attempts"]
        expected[request.name] = wanted
    key: dict[str, Any] = {"exists": outcome.left is not None}
    if outcome.left == -1:
        key["ttl"] = None
    events = [item for item in cast if item.event is not None]
    needs = ["X"] * (len(requests) > 1) + ["T"] * any(not event.affects(cast) for event in events)
    needs += ["F"] * any(event.affects(cast) for event in events)
    stack: dict[str, Any] = {"pods": max(2, len(requests)), "env": {"REDIS_TIMEOUT_MS": 10000}}
    if fixture.cluster is not None:  # its client sends other commands
        stack["redis"] = str(RedisMode.CLUSTER)
        stack["env"] |= {"REDIS_CLUSTER": fixture.cluster} if fixture.cluster else {}
    scenario = {
        "version": 1,
        "id": f"explored-{violation.kind}",
        "title": f"{violation.kind}, found by exploring {'+'.join(violation.requests)}",
        "cause": _CAUSES.get(violation.kind, violation.kind),
        "needs": needs,
        "about": f"{violation.sentence}. The shortest order of {whose} commands that shows it.",
        "stack": stack,
        "stores": stores,
        "sessions": {SESSION: fixture.kind},
        "steps": [
            {"create": SESSION, "pod": "A"},
            {
                "together": {
                    one_request.name: {
                        "verify": SESSION,
                        "pod": chr(ord("A") + one_request.pod),
                        "answer": str(one_request.answer),
                    }
                    for one_request in requests
                },
                "order": violation.schedule,
                "expect": {str(strategy): {"requests": expected}},
            },
            {"redis": SESSION, "expect": {str(strategy): key}},
        ],
    }
    return yaml.safe_dump(scenario, sort_keys=False, allow_unicode=True, width=110)
