"""A session that is not found: where it is, and that a rightly ended one is no loss."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from devenv.core.model.events import StackEvent
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.vocabulary import CaptchaType

from .conftest import DOC, NOT_FOUND, PASSED, A, B, Trace, wrong

HAND = CaptchaType.HANDWRITING
MEMORY = {"USE_REDIS": "false"}
REDIS = {"USE_REDIS": "true", "SESSION_STRATEGY": "guide"}
GET_NIL = ("GET", "(nil)")


def test_pod_memory(trace: Trace) -> None:
    trace.pods(**MEMORY)
    challenge_id = trace.create(A)
    trace.verify(B, challenge_id, NOT_FOUND)
    findings = trace.findings()
    assert [item.cause for item in findings] == ["pod-memory"]
    assert [line.kind for line in findings[0].evidence] == ["exchange", "exchange"]
    assert findings[0].challenge == challenge_id
    assert "USE_REDIS=true" in findings[0].change


def test_pod_memory_without_any_settings_known(trace: Trace) -> None:
    trace.verify(B, trace.create(A), NOT_FOUND)
    assert trace.causes() == ["pod-memory"]


def test_found_on_its_own_pod(trace: Trace) -> None:
    trace.verify(A, trace.create(A), PASSED)
    assert trace.causes() == []


def test_solved_before_is_no_loss(trace: Trace) -> None:
    challenge_id = trace.create(A)
    trace.verify(A, challenge_id, PASSED)
    trace.verify(B, challenge_id, NOT_FOUND)
    assert trace.causes() == []


def test_a_third_answer_after_two_wrong_ones_is_no_loss(trace: Trace) -> None:
    challenge_id = trace.create(A)
    trace.verify(A, challenge_id, wrong(1))
    trace.verify(A, challenge_id, {**wrong(2), "message": "Too many attempts", "downshift": True})
    trace.verify(A, challenge_id, NOT_FOUND)
    assert trace.causes() == []


def test_a_challenge_that_nobody_saw_created(trace: Trace) -> None:
    trace.verify(B, "d" * 32, NOT_FOUND)
    assert trace.causes() == []


def test_ml_errors_and_expired_challenges_are_no_loss(trace: Trace) -> None:
    challenge_id = trace.create(A)
    trace.verify(A, challenge_id, {"success": False, "message": "ML predict failed: timeout"})
    trace.verify(A, challenge_id, {"success": False, "message": "Challenge expired", "expired": True})
    trace.verify(A, challenge_id, None, status=503)
    assert trace.causes() == []


def test_pod_restart(trace: Trace) -> None:
    trace.pods(**MEMORY)
    challenge_id = trace.create(A)
    trace.restart(A, **MEMORY)
    trace.verify(A, challenge_id, NOT_FOUND)
    assert trace.causes() == ["pod-restart"]


def test_another_pods_restart_explains_nothing(trace: Trace) -> None:
    trace.pods(**MEMORY)
    challenge_id = trace.create(A)
    trace.restart(B, **MEMORY)
    trace.verify(A, challenge_id, NOT_FOUND)
    assert trace.causes() == ["many-workers"]


@pytest.mark.parametrize(("workers", "cause"), [("4", "many-workers"), ("1", "flag-off-regression")])
def test_lost_on_its_own_pod(trace: Trace, workers: str, cause: str) -> None:
    trace.pods(**MEMORY, WORKERS=workers)
    trace.verify(A, trace.create(A), NOT_FOUND)
    assert trace.causes() == [cause]


def test_forgotten_after_its_time_to_live(trace: Trace) -> None:
    challenge_id = trace.create(A)
    trace.tick(121)
    trace.verify(A, challenge_id, NOT_FOUND)
    assert trace.causes() == []


@pytest.mark.parametrize(("writer", "reader"), [(A, B), (B, A)])
def test_mixed_flags_in_both_directions(trace: Trace, writer: str, reader: str) -> None:
    trace.pod(A, **REDIS)
    trace.pod(B, **MEMORY)
    challenge_id = trace.create(writer, in_redis=writer == A)
    trace.verify(reader, challenge_id, NOT_FOUND, *([GET_NIL] if reader == A else []))
    findings = trace.findings()
    assert [item.cause for item in findings] == ["mixed-flags"]
    assert [line.text for line in findings[0].evidence if line.kind == "stack"] == [
        f"pod {A}: USE_REDIS=true" if pod == A else f"pod {B}: USE_REDIS=false" for pod in (A, B)
    ]


@pytest.mark.parametrize(("before", "after"), [(MEMORY, REDIS), (REDIS, MEMORY)])
def test_toggled_between_create_and_verify(
    trace: Trace, before: dict[str, str], after: dict[str, str]
) -> None:
    trace.pods(**before)
    challenge_id = trace.create(A, in_redis=before is REDIS)
    trace.restart(A, **after)
    trace.verify(A, challenge_id, NOT_FOUND, *([GET_NIL] if after is REDIS else []))
    assert trace.causes() == ["mixed-flags"]


def test_half_migration(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.verify(A, trace.create(A, in_redis=True), NOT_FOUND)
    assert trace.causes() == ["half-migration"]


@pytest.mark.parametrize("first", [A, B])
def test_half_migration_on_a_pod_that_never_spoke(trace: Trace, first: str) -> None:
    """B only verifies, so it says no word to Redis; that A did not find its own session tells why."""
    trace.pods(**REDIS)
    for challenge_id, pod in (("c1" * 16, first), ("c2" * 16, B if first == A else A)):
        trace.verify(pod, trace.create(A, challenge_id, in_redis=True), NOT_FOUND)
    assert trace.causes() == ["half-migration", "half-migration"]


def test_a_pod_that_never_spoke_and_another_that_is_well(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.verify(A, trace.create(A, "c1" * 16, in_redis=True), PASSED, ("GET", DOC), ("DEL", "1"))
    trace.verify(B, trace.create(A, "c2" * 16, in_redis=True), NOT_FOUND)
    assert trace.causes() == ["wrong-port"]


@pytest.mark.parametrize(("opened", "used"), [(A, B), (B, A)])
def test_a_pod_that_spoke_to_this_redis_before_its_restart_only(trace: Trace, opened: str, used: str) -> None:
    """It was restarted with the address of another Redis: the replies to its former process say nothing."""
    trace.pods(**REDIS)
    for pod, challenge_id in ((A, "c1" * 16), (B, "c2" * 16)):
        trace.verify(pod, trace.create(pod, challenge_id, in_redis=True), PASSED, ("GET", DOC), ("DEL", "1"))
    trace.restart(B, **REDIS)
    challenge_id = trace.create(opened, "c9" * 16, in_redis=opened == A)
    trace.verify(used, challenge_id, NOT_FOUND, *([GET_NIL] if used == A else []))
    assert trace.causes() == ["wrong-port"]


def test_a_reply_that_came_when_the_user_had_been_told_not_found(trace: Trace) -> None:
    """It says that the session is there: nobody has emptied Redis."""
    trace.pods(**REDIS)
    challenge_id = trace.create(A, in_redis=True)
    trace.redis_server("pause")
    request = trace.begin(A, "verify", challenge_id)
    trace.end(request, NOT_FOUND)
    read = trace.say(A, "GET", challenge_id, DOC)
    late = replace(read, received=request.started + 0.0001, forwarded=request.started + 0.0001)
    trace.events[-1] = late
    findings = trace.findings()
    assert [item.cause for item in findings] == ["redis-hangs"]
    assert "the session is there" in findings[0].sentence
    assert [line.kind for line in findings[0].evidence] == ["redis", "stack", "exchange", "redis"]


def test_prefix_mismatch(trace: Trace) -> None:
    trace.pods(**REDIS)
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(B, "verify", challenge_id)
    trace.say(B, "GET", challenge_id, "(nil)", prefix="other:")
    trace.end(request, NOT_FOUND)
    assert trace.causes() == ["prefix-mismatch"]


def test_database_mismatch(trace: Trace) -> None:
    trace.pod(A, **REDIS, REDIS_DB="0")
    trace.pod(B, **REDIS, REDIS_DB="1")
    trace.verify(B, trace.create(A, in_redis=True), NOT_FOUND, GET_NIL)
    assert trace.causes() == ["prefix-mismatch"]


def test_flushed(trace: Trace) -> None:
    trace.pods(**REDIS)
    challenge_id = trace.create(A, in_redis=True)
    trace.redis_server("command", command="FLUSHALL")
    trace.verify(A, challenge_id, NOT_FOUND, GET_NIL)
    findings = trace.findings()
    assert [item.cause for item in findings] == ["flushed"]
    assert any("FLUSHALL" in line.text for line in findings[0].evidence)


def test_gone_before_its_time_and_nobody_told(trace: Trace) -> None:
    trace.verify(A, trace.create(A, in_redis=True), NOT_FOUND, GET_NIL)
    assert trace.causes() == ["flushed"]


@pytest.mark.parametrize(
    "detail",
    [
        {"action": "command", "command": "PEXPIREAT rcaptcha:abstract:" + "c1" * 16 + " 1"},
        {"action": "expire", "key": "rcaptcha:abstract:" + "c1" * 16},
    ],
)
def test_made_to_expire_is_no_loss(trace: Trace, detail: dict[str, str]) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.redis_server(**detail)
    trace.verify(A, challenge_id, NOT_FOUND, GET_NIL)
    assert trace.causes() == []


def test_another_keys_expiry_explains_nothing(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.redis_server("expire", key="rcaptcha:abstract:other")
    trace.verify(A, challenge_id, NOT_FOUND, GET_NIL)
    assert trace.causes() == ["flushed"]


def test_expired_by_itself_is_no_loss(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True, ttl=60)
    trace.tick(61)
    trace.verify(A, challenge_id, NOT_FOUND, GET_NIL)
    assert trace.causes() == []


def test_ended_after_one_wrong_answer(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, wrong(1), ("GET", DOC), ("DEL", "1"))
    trace.verify(A, challenge_id, NOT_FOUND, GET_NIL)
    assert trace.causes() == ["attempts-limit"]


def test_more_answers_graded_than_allowed(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    for attempts in (1, 2, 3):
        trace.verify(A, challenge_id, wrong(attempts), ("GET", DOC))
    assert trace.causes() == ["attempts-limit"]


def of_limit(trace: Trace, limit: int | None) -> Trace:
    """The same trace of a user-provided service with this limit."""
    text = json.dumps(replace(CAPTCHA, limit=limit).to_json())
    trace.events.insert(0, StackEvent(0.0, "service", None, {"profile": text}))
    return trace


@pytest.mark.parametrize(
    ("limit", "causes"), [(1, ["attempts-limit"]), (2, ["attempts-limit"]), (3, []), (0, []), (None, [])]
)
def test_graded_answers_are_counted_against_the_services_own_limit(
    trace: Trace, limit: int | None, causes: list[str]
) -> None:
    challenge_id = trace.create(A, in_redis=True)
    for attempts in (1, 2, 3):
        trace.verify(A, challenge_id, wrong(attempts), ("GET", DOC))
    assert of_limit(trace, limit).causes() == causes
    sentences = [item.sentence for item in trace.findings()]
    allowed = "1 is" if limit == 1 else f"{limit} are"
    assert sentences == [f"3 answers were graded, though {allowed} allowed"] * len(causes)


@pytest.mark.parametrize(
    ("limit", "sentence"), [(3, "after 2 wrong answers, though 3 are allowed"), (2, None)]
)
def test_a_session_that_ends_before_the_services_own_limit(
    trace: Trace, limit: int, sentence: str | None
) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, wrong(1), ("GET", DOC))
    trace.verify(A, challenge_id, wrong(2), ("GET", DOC), ("DEL", "1"))
    trace.verify(A, challenge_id, NOT_FOUND, GET_NIL)
    findings = of_limit(trace, limit).findings()
    assert [item.cause for item in findings] == ["attempts-limit"] * (sentence is not None)
    assert all(str(sentence) in item.sentence for item in findings)


@pytest.mark.parametrize("ends", [wrong(1), None])
def test_a_session_that_another_answer_has_taken_out(trace: Trace, ends: dict[str, object] | None) -> None:
    trace.pods(**REDIS)
    challenge_id = trace.create(A, in_redis=True)
    judged = trace.begin(A, "verify", challenge_id, selections=[1])
    taken = trace.say(A, "GETDEL", challenge_id, DOC)
    trace.verify(B, challenge_id, NOT_FOUND, ("PTTL", "-2"), ("GETDEL", "(nil)"), client="127.0.0.1:2")
    if ends is not None:
        trace.say(A, "SET", challenge_id, "OK", DOC, "PX", "59000")
    trace.end(judged, ends, 200 if ends else 502)
    [result] = trace.findings()
    assert result.cause == "taken-out"
    assert taken.seq in [line.seq for line in result.evidence if line.kind == "redis"]


def test_a_session_that_was_put_back_is_no_loss(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, wrong(1), ("GETDEL", DOC), ("SET", "OK"), selections=[1])
    trace.verify(B, challenge_id, {"success": True, "attempts": 2}, ("GETDEL", DOC))
    assert trace.causes() == []
