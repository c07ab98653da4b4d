"""What a step counts, and what it says of the sessions that were lost."""

from __future__ import annotations

from importlib.resources import files

import pytest

from devenv.core.rollout.outlook import outlook
from devenv.core.rollout.plan import parse_plan
from devenv.core.rollout.sequential import Decision
from devenv.core.rollout.stages import rollout_stage
from devenv.verbs.rollout.results import Crossing, StepResult, Timeline, every_step_passes
from devenv.verbs.rollout.traffic import SessionRecord, Verdict

PLAN = parse_plan(
    files("devenv").joinpath("rollouts", "guide.yaml").read_text(encoding="utf-8"), "guide.yaml"
)
OFF, ON = rollout_stage("flag", "off"), rollout_stage("flag", "on")
A, B = PLAN.pods[:2]


def record(verdict: Verdict, maker: str = A, used: str = B, born: float = 1.0) -> SessionRecord:
    return SessionRecord(born, born + 1, verdict, maker, used, "told so")


def result(number: int) -> StepResult:
    return StepResult.of(outlook(PLAN)[number - 1])


def test_only_sessions_with_a_verdict_count() -> None:
    step, timeline = result(4), Timeline(PLAN.start)
    for verdict in (Verdict.UNDECIDED, Verdict.REFUSED, Verdict.KEPT):
        step.count(record(verdict), timeline)
    assert (step.test.sessions, step.verdicts.total(), step.decision) == (1, 3, Decision.MORE)
    assert step.to_json()["first_refusal"] == "told so"
    step.count(record(Verdict.LOST), timeline)
    assert step.decision is Decision.STOP
    assert step.examples == ["told so"]


def test_sessions_without_a_verdict_never_let_a_step_pass() -> None:
    step, timeline = result(4), Timeline(PLAN.start)
    for _ in range(400):
        step.count(record(Verdict.UNDECIDED), timeline)
    assert step.exhausted
    assert step.decision is Decision.MORE


def test_the_stage_of_a_pod_is_that_of_the_moment() -> None:
    timeline = Timeline(PLAN.start)
    timeline.note(B, ON, 1.5)
    assert timeline.crossing(record(Verdict.LOST, A, B, 0.0)) == Crossing(OFF, OFF, False)
    assert timeline.crossing(record(Verdict.LOST, A, B, 1.0)) == Crossing(OFF, ON, False)
    assert timeline.crossing(record(Verdict.LOST, B, B, 1.0)) == Crossing(OFF, ON, True)
    assert timeline.crossing(record(Verdict.LOST, "z", B)) is None


@pytest.mark.parametrize(
    ("crossing", "why"),
    [
        (Crossing(OFF, ON, False), "off writes to memory, on reads redis"),
        (Crossing(ON, OFF, True), "on writes to redis, off reads memory"),
        (Crossing(OFF, OFF, False), "another pod was asked"),
        (Crossing(OFF, OFF, True), "restarted in between, or this is not known"),
        (Crossing(ON, ON, False), "the stages do not tell why"),
    ],
)
def test_why_a_session_was_lost(crossing: Crossing, why: str) -> None:
    assert why in crossing.why


def test_a_rollout_holds_where_every_step_has_passed() -> None:
    passed, stopped, more = ({"decision": word} for word in ("holds", "stop", "more"))
    assert every_step_passes([passed, passed], 2)
    assert not every_step_passes([passed], 2)
    assert not every_step_passes([passed, stopped], 2)
    assert not every_step_passes([passed, more], 2)
    assert not every_step_passes([], 0)
