from __future__ import annotations

import json

import pytest

from devenv.core.model.events import StackEvent, TraceEvent
from devenv.core.model.presets import CAPTCHA
from devenv.verbs.explain.explanation import explain_trace

from .test_explanation import CHALLENGE_ID, A, B, command, create, exchange, pod, verify


@pytest.mark.parametrize(("stops", "why"), [(True, "Redis is stopped"), (False, "devenv logs")])
def test_where_every_request_is_refused_nothing_is_known_of_sessions(stops: bool, why: str) -> None:
    refusal = exchange(1, A, "/api/abstract-captcha", None, {"detail": "try again"}, 1.0, 1.1, 503)
    stopped = [StackEvent(0.5, "redis", None, {"action": "stop"})] if stops else []
    events: list[TraceEvent] = [pod(A, USE_REDIS="true"), *stopped, refusal]
    explanation = explain_trace(events, "a test")
    assert (explanation.groups, explanation.exit_code) == ((), 3)
    assert explanation.verdict.startswith("every request was refused") and why in explanation.verdict
    assert explain_trace([*events, create(2, A, 2.0)], "a test").exit_code == 0


def test_a_pod_that_refuses_all_is_no_all_clear() -> None:
    detail = {"detail": "try again"}
    refusals = [
        verify(number, B, float(number), detail, status=503, challenge_id=CHALLENGE_ID) for number in (2, 3)
    ]
    refused = command(1, B, "AUTH", "-WRONGPASS invalid username-password pair", 1.5, args=(), key=None)
    events: list[TraceEvent] = [pod(A), pod(B), create(1, A, 1.0), *refusals]
    assert explain_trace(events, "a test").verdict.startswith(
        f"{B} refused every request (503): why, its log"
    )
    explanation = explain_trace([*events, refused], "a test")
    assert explanation.exit_code == 3
    assert f"Redis refuses {B}: AUTH → -WRONGPASS" in explanation.verdict
    assert explain_trace(events[:-1], "a test").exit_code == 0  # one refusal may be tried again


SERVICE = StackEvent(0.0, "service", None, {"profile": json.dumps(CAPTCHA.to_json())})


@pytest.mark.parametrize(("status", "code"), [(410, 3), (200, 3), (302, 3), (422, 0), (429, 0)])
def test_an_answer_that_the_profile_does_not_know_is_no_all_clear(status: int, code: int) -> None:
    """A 200 that carries an error is such an answer too."""
    used = verify(2, B, 2.0, {"error": "gone"}, status=status)
    explanation = explain_trace([SERVICE, create(1, A, 1.0), used], "a test")
    assert (explanation.groups, explanation.exit_code) == ((), code)
    assert (f'does not say what {status} {{"error": "gone"}} means' in explanation.verdict) == (code == 3)


@pytest.mark.parametrize("status", [200, 401, 404])
def test_where_no_session_was_opened_nothing_is_known_of_sessions(status: int) -> None:
    """401: a header is missing; 200: the error stands in the body."""
    refused = exchange(1, A, "/api/abstract-captcha", None, {"error": "not today"}, 1.0, 1.1, status)
    explanation = explain_trace([SERVICE, refused], "a test")
    assert (explanation.groups, explanation.exit_code) == ((), 3)
    assert f'{A} answered create with {status} {{"error": "not today"}}' in explanation.verdict
    # Among others that were opened a refusal is clear; what looks like a success is not.
    explanation = explain_trace([SERVICE, refused, create(2, A, 2.0)], "a test")
    assert explanation.exit_code == (3 if status == 200 else 0), explanation.verdict


@pytest.mark.parametrize(
    ("reply", "answer", "code"),
    [
        ("-LOADING Redis is loading the dataset in memory", {"success": True}, 3),
        ("-LOADING Redis is loading the dataset in memory", {"success": False, "attempts": 1}, 3),
        ('{"answer": "x"}', {"success": True}, 0),
    ],
)
def test_a_use_that_was_graded_without_the_session_is_no_all_clear(
    reply: str, answer: dict[str, object], code: int
) -> None:
    """Redis was loading: who passes then passes without a look at the session."""
    wrote = command(1, A, "SETEX", "OK", 1.02, args=("300", "{}"))
    read = command(2, B, "GET", reply, 2.02)
    events: list[TraceEvent] = [
        pod(A), pod(B), create(1, A, 1.0), wrote, read, verify(2, B, 2.0, answer, challenge_id=CHALLENGE_ID),
    ]  # fmt: skip
    explanation = explain_trace(events, "a test")
    assert (explanation.groups, explanation.exit_code) == ((), code), explanation.verdict
    assert ("had refused GET (-LOADING" in explanation.verdict) == (code == 3)


@pytest.mark.parametrize(("status", "code"), [(404, 3), (410, 3), (200, 0), (422, 0)])
def test_a_request_that_no_profile_names_and_that_misses_a_session_is_no_all_clear(
    status: int, code: int
) -> None:
    path = f"/puzzles/{CHALLENGE_ID}/verify?answer=0"
    used = exchange(2, B, path, None, {"detail": "unknown"}, 2.0, 2.1, status)
    explanation = explain_trace([SERVICE, create(1, A, 1.0), used], "a test")
    assert (explanation.groups, explanation.exit_code) == ((), code)
    if code:
        named = f"names no request POST /puzzles/{CHALLENGE_ID[:6]}/verify, which is about the session"
        assert named in explanation.verdict
        assert f"{B} answered with {status}; " in explanation.verdict
