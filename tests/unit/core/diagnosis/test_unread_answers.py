"""An answer of a user-provided service that its profile does not know, beside a fault of Redis."""

from __future__ import annotations

import pytest

from devenv.core.model.events import StackEvent

from .conftest import DOC, PASSED, A, Trace

REDIS = {"USE_REDIS": "true"}
UNREAD = {"ok": False, "reason": "internal"}
"""An answer by HTTP 200 that the profile does not know."""


@pytest.mark.parametrize("separate", [True, False])
@pytest.mark.parametrize(
    ("command", "reply", "fate", "cause"),
    [
        ("GETDEL", DOC, "reply-dropped", "reply-lost"),
        ("GET", None, "disconnected", "redis-dies"),
        ("GET", "-LOADING Redis is loading the dataset in memory", "passed", "redis-dies"),
        ("GET", "-CLUSTERDOWN The cluster is down", "passed", "writes-refused"),
        ("GET", DOC, "passed", None),
    ],
)
def test_an_answer_that_the_profile_does_not_know_hides_no_fault(
    trace: Trace, separate: bool, command: str, reply: str | None, fate: str, cause: str | None
) -> None:
    """It is quoted; of the reference service, whose answers are all known, it says nothing."""
    if separate:
        trace.events.append(StackEvent(trace.tick(), "service", None, {}))
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, command, challenge_id, reply, fate=fate)
    trace.end(request, UNREAD)
    findings = trace.findings()
    assert [item.cause for item in findings] == ([cause] if separate and cause else [])
    assert [
        item for item in findings if '200 {"ok": false, "reason": "internal"}, which' not in item.sentence
    ] == []


def test_a_lost_reply_is_no_fault_where_the_pod_asked_again_and_its_answer_is_not_known(trace: Trace) -> None:
    trace.events.append(StackEvent(trace.tick(), "service", None, {}))
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "GET", challenge_id, DOC, fate="reply-dropped")
    trace.say(A, "GET", challenge_id, DOC)
    trace.end(request, {"ok": True, "next": "basket"})
    assert trace.causes() == []


def test_a_create_without_an_id_while_redis_is_stopped(trace: Trace) -> None:
    trace.events.append(StackEvent(trace.tick(), "service", None, {}))
    trace.pods(**REDIS)
    trace.verify(A, trace.create(A, in_redis=True), PASSED, ("GET", DOC))
    trace.redis_server("stop")
    trace.end(trace.begin(A, "create"), UNREAD)
    [result] = trace.findings()
    assert (result.cause, "which answered 200" in result.sentence) == ("redis-dies", True), result.sentence
