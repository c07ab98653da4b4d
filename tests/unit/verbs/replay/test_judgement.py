"""What the invariants and the specification say of plays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devenv.core.model.events import EventType, HistoryEvent
from devenv.core.scenario import Pause, find
from devenv.verbs.replay.judgement import judge_plays

KEY = "sum:1"
SCENARIO = find("lost-session")


def operation(f: str, start: float, end: EventType = "ok", **value: Any) -> list[HistoryEvent]:
    """An operation of process 0 that takes a tenth of a second."""
    return [
        HistoryEvent(0, "invoke", f, value, start, None, KEY),
        HistoryEvent(0, end, f, value, start + 0.1, None, KEY),
    ]


CREATED = operation("create", 1.0)


def test_an_empty_answer_that_passed_is_a_violation_of_its_play() -> None:
    passed = [*CREATED, *operation("verify", 2.0, answer="empty", outcome="success")]
    held = [*CREATED, *operation("verify", 2.0, answer="empty", outcome="wrong")]
    judgement = judge_plays([held, passed], SCENARIO, own_service=False)
    assert [(item.repeat, item.violation.kind) for item in judgement.violations] == [(2, "empty-bypass")]
    assert judgement.violations[0].to_json()["repeat"] == 2
    assert judgement.not_judged == ()


def test_a_lost_session_is_a_violation_however_long_the_play_took() -> None:
    late = [*CREATED, *operation("verify", 300.0, answer="wrong", outcome="not_found")]
    assert judge_plays([late], SCENARIO, own_service=True).violations
    assert not judge_plays([late], SCENARIO, own_service=False).violations  # 60 seconds by contract


def test_where_time_passes_a_session_may_have_expired() -> None:
    gone = [*CREATED, *operation("verify", 2.0, answer="wrong", outcome="not_found")]
    paused = replace(SCENARIO, steps=(*SCENARIO.steps, Pause(9, 30.0)))
    assert not judge_plays([gone], paused, own_service=True).violations
    assert judge_plays([gone], SCENARIO, own_service=True).violations


def test_an_answer_that_is_not_known_is_not_judged() -> None:
    answers = [
        *CREATED,
        *operation("verify", 2.0, "info", answer="wrong", outcome="error", status=500),
        *operation("verify", 3.0, answer="wrong", outcome="error", status=200, message="what?"),
        *operation("verify", 4.0, answer="wrong", outcome="ungraded", status=200),
        *operation("verify", 5.0, "info", answer="wrong", outcome="error", status=None),
    ]
    assert judge_plays([answers], SCENARIO, own_service=True).not_judged == (
        "1 × an answer that is not known: HTTP 500",
        "1 × an answer that is not known: HTTP 200, what?",
        "1 × an answer that is not known: none came",
    )


def test_a_server_without_sessions_loses_none() -> None:
    served = [event._replace(key=None) for event in operation("verify", 2.0, answer="right", outcome="used")]
    assert judge_plays([served], SCENARIO, own_service=True).not_judged == ()
    gone = [
        event._replace(key=None) for event in operation("verify", 2.0, answer="right", outcome="not_found")
    ]
    [reason] = judge_plays([[*served, *gone]], SCENARIO, own_service=True).not_judged
    assert reason.startswith("verifies that name no challenge")
