"""Faults of Redis as users meet them; a service that copes is no finding."""

from __future__ import annotations

from typing import Any

import pytest

from devenv.core.model.events import StackEvent

from .conftest import COUNTED, DOC, NOT_FOUND, PASSED, A, B, Trace, wrong

REDIS = {"USE_REDIS": "true", "REDIS_TIMEOUT_MS": "2000"}
BARE = {"detail": "Internal Server Error: TimeoutError"}
CLEAR = {"detail": "The stored session is broken: not a JSON object"}
TRY_AGAIN = {"detail": "Session store unreachable"}


@pytest.mark.parametrize(("status", "answer"), [(500, BARE), (500, None), (200, NOT_FOUND)])
def test_reply_lost(trace: Trace, status: int, answer: dict[str, object] | None) -> None:
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    lost = trace.say(A, "EVALSHA", challenge_id, "[right, 1, {}]", fate="reply-dropped")
    trace.end(request, answer, status)
    findings = trace.findings()
    assert [item.cause for item in findings] == ["reply-lost"]
    assert lost.seq in [line.seq for line in findings[0].evidence]
    assert "which was lost" in "".join(line.text for line in findings[0].evidence)


@pytest.mark.parametrize(("status", "answer"), [(200, PASSED), (200, wrong(1)), (503, TRY_AGAIN)])
def test_a_lost_reply_that_the_service_coped_with(
    trace: Trace, status: int, answer: dict[str, object]
) -> None:
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "EVALSHA", challenge_id, "[right, 1, {}]", fate="reply-dropped")
    trace.say(A, "EVALSHA", challenge_id, "[right, 1, {}]")
    trace.end(request, answer, status)
    assert trace.causes() == []


def test_the_reply_to_ttl_lost(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "GET", challenge_id, DOC)
    trace.say(A, "TTL", challenge_id, "60", fate="reply-dropped")
    trace.say(A, "SET", challenge_id, "OK", DOC)
    trace.end(request, wrong(1))
    assert trace.causes() == ["reply-lost"]


@pytest.mark.parametrize(
    ("fate", "reply", "cause"),
    [
        ("unanswered", None, "redis-hangs"),
        ("request-dropped", None, "redis-hangs"),
        ("undelivered", "60", "redis-hangs"),
        ("error", "-LOADING Redis is loading the dataset in memory", "redis-dies"),
        ("error", "-NOPERM no permissions to run TTL", "writes-refused"),
    ],
)
def test_a_ttl_that_nobody_told(trace: Trace, fate: str, reply: str | None, cause: str) -> None:
    """The guide then writes the session back without a time to live."""
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "GET", challenge_id, DOC)
    trace.say(A, "TTL", challenge_id, reply, fate=fate)
    trace.say(A, "TTL", challenge_id, reply, fate=fate)
    trace.say(A, "SET", challenge_id, "OK", COUNTED)
    trace.end(request, wrong(1))
    assert [
        (finding.cause, finding.sentence.endswith("it never expires")) for finding in trace.findings()
    ] == [(cause, True)]


@pytest.mark.parametrize("after", [("SET", "60"), ("SET", "-OOM x"), ("SETEX", "OK")])
def test_a_ttl_that_nobody_told_and_no_harm(trace: Trace, after: tuple[str, str]) -> None:
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "TTL", challenge_id, "-LOADING x", fate="error")
    more = ("EX", "60") if after == ("SET", "60") else ()
    trace.say(A, after[0], challenge_id, after[1], COUNTED, *more)
    trace.end(request, TRY_AGAIN, 503)
    assert trace.causes() == []


@pytest.mark.parametrize(("answer", "status"), [(BARE, 500), (NOT_FOUND, 200)])
def test_a_redis_that_does_not_serve_yet(trace: Trace, answer: dict[str, object], status: int) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, answer, ("GET", "-LOADING Redis is loading"), status=status)
    findings = trace.findings()
    assert [item.cause for item in findings] == ["redis-dies"]
    assert "-LOADING" in findings[0].sentence


def test_a_redis_that_does_not_serve_yet_and_a_service_that_says_so(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, TRY_AGAIN, ("EVALSHA", "-LOADING Redis is loading"), status=503)
    assert trace.causes() == []


@pytest.mark.parametrize(("answer", "status"), [(BARE, 500), (NOT_FOUND, 200)])
def test_a_read_that_was_refused(trace: Trace, answer: dict[str, object], status: int) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, answer, ("GET", "-CLUSTERDOWN The cluster is down"), status=status)
    assert trace.causes() == ["writes-refused"]


def test_an_error_of_redis_that_has_no_name_is_told_all_the_same(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, BARE, ("GET", "-ERR unknown command"), status=500)
    findings = trace.findings()
    assert [item.cause for item in findings] == ["unexplained"]
    assert findings[0].sentence == f"{A} answered 500 after Redis had answered GET with -ERR unknown command"


@pytest.mark.parametrize("reply", ["-OOM command not allowed", "-READONLY You can't write", "-MISCONF x"])
@pytest.mark.parametrize(("status", "answer"), [(200, wrong(None)), (500, BARE)])
def test_writes_refused(trace: Trace, reply: str, status: int, answer: dict[str, object]) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, answer, ("GET", DOC), ("SETEX", reply), status=status)
    assert trace.causes() == ["writes-refused"]


@pytest.mark.parametrize(
    ("command", "separate", "advice"),
    [
        ("HGET", True, "read time-out"),
        ("HGET", False, "idempotent"),
        ("GETDEL", True, "idempotent"),
    ],
)
def test_the_user_of_a_lost_reply_had_gone_before_its_pod_answered(
    trace: Trace, command: str, separate: bool, advice: str
) -> None:
    """It answered 500 after a minute, to nobody. To read again does no harm, to take out does."""
    if separate:
        trace.events.append(StackEvent(trace.tick(), "service", None, {}))
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, command, challenge_id, DOC, fate="reply-dropped")
    trace.now += 60.0
    trace.end(request, BARE, 500, client_closed=request.started + 35.0)
    [result] = trace.findings()
    assert (result.cause, advice in result.change) == ("reply-lost", True), result.change
    assert "the request hung, and its user gave up after 35.0 s" in result.sentence


@pytest.mark.parametrize(
    ("separate", "written", "stopped", "causes"),
    [
        (True, True, True, ["redis-dies"]),
        (True, True, False, []),  # a session that is used up
        (True, False, True, []),
        (False, True, True, []),
    ],
)
def test_a_session_that_was_known_and_is_not_found_while_redis_is_stopped(
    trace: Trace, separate: bool, written: bool, stopped: bool, causes: list[str]
) -> None:
    """The pod could not look: it has no command for this use, and says "not found" all the same."""
    trace.pods(USE_REDIS="true" if written else "false")
    if separate:
        trace.events.append(StackEvent(trace.tick(), "service", None, {}))
    challenge_id = trace.create(A, in_redis=written)
    trace.verify(A, challenge_id, PASSED, *([("EXISTS", "1")] if written else []))
    if stopped:
        trace.redis_server("stop")
    trace.verify(A, challenge_id, NOT_FOUND)
    findings = trace.findings()
    assert [item.cause for item in findings] == causes
    assert all("answered 'not found' instead of 'try again'" in item.sentence for item in findings)


@pytest.mark.parametrize("text", ["Internal server error", "Server Error", "Something went wrong"])
def test_the_bare_error_of_any_framework_is_no_reason(trace: Trace, text: str) -> None:
    """NestJS, Laravel, people: the user learns nothing, and it is no all-clear."""
    challenge_id = trace.create(A, in_redis=True)
    reply = "-LOADING Redis is loading the dataset in memory"
    trace.verify(A, challenge_id, {"statusCode": 500, "message": text}, ("GET", reply), status=500)
    assert trace.causes() == ["redis-dies"]


def test_a_create_whose_write_was_refused(trace: Trace) -> None:
    request = trace.begin(A, "create")
    trace.say(A, "SETEX", "a" * 32, "-OOM command not allowed", "60", DOC)
    trace.end(request, BARE, 500)
    assert trace.causes() == ["writes-refused"]


def test_refused_writes_that_are_told(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, TRY_AGAIN, ("EVALSHA", "-OOM command not allowed"), status=503)
    assert trace.causes() == []


@pytest.mark.parametrize(
    ("reply", "answer", "status"),
    [
        ("-WRONGTYPE Operation against a key", BARE, 500),
        ("-WRONGTYPE Operation against a key", PASSED, 200),
        ("no json", NOT_FOUND, 200),
        ("[1, 2]", BARE, 500),
    ],
)
def test_wrong_type(trace: Trace, reply: str, answer: dict[str, object], status: int) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, answer, ("GET", reply), status=status)
    assert trace.causes() == ["wrong-type"]


@pytest.mark.parametrize("reply", ["[broken, 0, WRONGTYPE Operation]", "-WRONGTYPE Operation"])
def test_a_wrong_type_that_is_told_clearly(trace: Trace, reply: str) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, CLEAR, ("EVALSHA", reply), status=500)
    assert trace.causes() == []


def test_moved(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, NOT_FOUND, ("GET", "-MOVED 1234 10.0.0.2:6379"))
    assert trace.causes() == ["cluster-plain-client"]


def test_a_client_that_followed(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, PASSED, ("GET", "-MOVED 1234 10.0.0.2:6379"), ("GET", DOC))
    assert trace.causes() == []


@pytest.mark.parametrize(("answer", "status"), [(BARE, 500), (NOT_FOUND, 200), (wrong(1), 200)])
def test_redis_hangs(trace: Trace, answer: dict[str, object], status: int) -> None:
    trace.pods(**REDIS)
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "GET", challenge_id, None, fate="unanswered")
    trace.tick(2.1)
    trace.end(request, answer, status)
    assert trace.causes() == ["redis-hangs"]


def test_a_command_that_never_reached_redis(trace: Trace) -> None:
    """It was held too long, or lost on its way: Redis is not to blame."""
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "GET", challenge_id, None, fate="request-dropped")
    trace.tick(2.1)
    trace.end(request, wrong(1))
    findings = trace.findings()
    assert [item.sentence for item in findings] == [f"GET of {A} never reached Redis: the user waited 2.1 s"]


def test_an_answer_after_the_pod_had_gone(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "GET", challenge_id, DOC, fate="undelivered", late=2.5)
    trace.end(request, BARE, 500)
    assert trace.causes() == ["redis-hangs"]


def test_a_paused_redis_that_only_the_ping_met(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.redis_server("pause")
    request = trace.begin(A, "create")
    trace.tick(2.0)
    trace.end(request, {"challenge_id": "a" * 32})
    assert trace.causes() == ["redis-hangs"]


def test_told_to_try_again_in_time(trace: Trace) -> None:
    trace.pods(**REDIS)
    challenge_id = trace.create(A, in_redis=True)
    trace.redis_server("pause")
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "EVALSHA", challenge_id, None, fate="unanswered")
    trace.tick(2.2)
    trace.end(request, TRY_AGAIN, 503)
    assert trace.causes() == []


def test_told_to_try_again_far_too_late(trace: Trace) -> None:
    trace.pods(**REDIS)
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "EVALSHA", challenge_id, None, fate="unanswered")
    trace.tick(20)
    trace.end(request, TRY_AGAIN, 503)
    assert trace.causes() == ["redis-hangs"]


def test_slow_for_other_reasons(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "GET", challenge_id, DOC)
    trace.tick(5)
    trace.end(request, PASSED)
    assert trace.causes() == []


@pytest.mark.parametrize("fate", ["unanswered", "discarded", "disconnected"])
def test_a_connection_that_broke(trace: Trace, fate: str) -> None:
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "GET", challenge_id, None, fate=fate)
    trace.end(request, BARE, 500)
    assert trace.causes() == ["redis-dies"]


def test_a_create_while_redis_is_stopped(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.redis_server("stop")
    trace.end(trace.begin(A, "create"), BARE, 500)
    assert trace.causes() == ["redis-dies"]


def test_a_stopped_redis_does_not_concern_pod_memory(trace: Trace) -> None:
    trace.pods(USE_REDIS="false")
    trace.redis_server("stop")
    trace.verify(A, trace.create(A), PASSED)
    assert trace.causes() == []


def test_an_error_that_nobody_explains(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, BARE, ("GET", DOC), status=500)
    assert trace.causes() == ["unexplained"]


def test_an_error_of_a_pod_that_the_gate_has_never_heard_of(trace: Trace) -> None:
    """Why is not known: its settings may lead elsewhere, or its code never came that far."""
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(B, challenge_id, BARE, status=500)
    [result] = trace.findings()
    assert result.cause == "unexplained"
    assert f"since its start came through the gate, as what {A} sent did" in result.sentence


def test_an_error_of_the_proxy_is_a_finding_and_not_the_pods_own_answer(trace: Trace) -> None:
    from dataclasses import replace

    from devenv.core.model.events import Exchange

    request = trace.begin(B, "create")
    trace.end(request, None, 502)
    exchange = trace.events.pop()
    assert isinstance(exchange, Exchange)
    trace.events.append(replace(exchange, error="captcha-api-b: connection refused"))
    [result] = trace.findings()
    assert result.cause == "unexplained"
    assert "captcha-api-b: connection refused" in result.sentence
    assert "the proxy answered HTTP 502 in its place" in result.sentence


# -- requests that hang because a reply is missing


HANGING = [
    ({"status": 504, "error": "captcha-api-b: no answer within 60 s", "outcome": "no-answer"}, "HTTP 504"),
    ({"status": 504, "error": "captcha-api-b: no answer within 60 s"}, "HTTP 504"),
    ({"status": 499, "error": "the client closed", "outcome": "client-closed"}, "gave up after 60.0 s"),
    ({"status": 0, "outcome": "open"}, "has been waiting for 60.0 s"),
]


@pytest.mark.parametrize(("ending", "part"), HANGING)
@pytest.mark.parametrize(
    ("fate", "reply", "cause"),
    [
        ("reply-dropped", DOC, "reply-lost"),
        ("blackholed", DOC, "reply-lost"),
        ("request-dropped", None, "redis-hangs"),
        ("held", None, "redis-hangs"),
        ("passed", None, "redis-hangs"),
    ],
)
def test_a_request_that_hangs_for_a_missing_reply_names_the_command_and_the_client(
    trace: Trace, ending: dict[str, Any], part: str, fate: str, reply: str | None, cause: str
) -> None:
    trace.say(B, "CLIENT SETINFO", "", "OK", "LIB-NAME", "node-redis")
    trace.say(B, "CLIENT SETINFO", "", "OK", "LIB-VER", "5.12.1")
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(B, "verify", challenge_id)
    trace.say(B, "GETDEL", challenge_id, reply, fate=fate)
    trace.now = request.started + 59.999
    trace.end(request, None, **ending)
    [result] = trace.findings()
    assert result.cause == cause
    for expected in ("GETDEL", "captcha-api-b", part, "node-redis 5.12.1: it has no read time-out"):
        assert expected in result.sentence
    assert any("GETDEL" in line.text for line in result.evidence)


@pytest.mark.parametrize(("ending", "part"), HANGING)
@pytest.mark.parametrize("kind", ["create", "verify"])
def test_a_request_without_an_answer_is_never_nothing(
    trace: Trace, ending: dict[str, Any], part: str, kind: str
) -> None:
    challenge_id = trace.create(A, in_redis=True) if kind == "verify" else None
    request = trace.begin(B, kind, challenge_id)
    trace.now = request.started + 59.999
    trace.end(request, None, **ending)
    [result] = trace.findings()
    assert result.cause == "unexplained" and part in result.sentence


def test_a_client_that_leaves_at_once_met_nothing(trace: Trace) -> None:
    request = trace.begin(B, "verify", trace.create(A, in_redis=True))
    trace.end(request, None, status=499, error="the client closed", outcome="client-closed")
    trace.end(trace.begin(B, "create"), None, status=0, outcome="open")
    assert trace.causes() == []


def test_a_wait_of_seconds_for_a_reply_that_came_at_the_second_try_is_a_finding(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(B, "verify", challenge_id)
    trace.say(B, "GET", challenge_id, DOC, fate="reply-dropped")
    trace.now += 5.0
    trace.say(B, "GET", challenge_id, DOC)
    trace.end(request, wrong())
    [result] = trace.findings()
    assert result.cause == "reply-lost" and "the user waited 5.0 s" in result.sentence


def test_a_lost_reply_of_no_create_and_no_verify_is_a_finding_unless_it_was_sent_again(trace: Trace) -> None:
    trace.create(A, in_redis=True)
    trace.say(B, "GET", "elsewhere", "v", fate="reply-dropped")
    trace.say(A, "GET", "again", "v", fate="reply-dropped")
    trace.say(A, "GET", "again", "v")
    trace.say(A, "GET", "unheard", None, fate="no-reply")
    [result] = trace.findings()
    assert result.cause == "reply-lost"
    assert (
        "captcha-api-b sent GET rcaptcha:abstract:elsewhere: Redis ran it, but the reply" in result.sentence
    )


def test_a_request_that_hangs_while_redis_is_stopped_is_its_end(trace: Trace) -> None:
    """A client that queues commands until it is connected again sends none of them."""
    trace.pods(USE_REDIS="true")
    challenge_id = trace.create(A, in_redis=True)
    trace.redis_server("stop")
    request = trace.begin(A, "verify", challenge_id)
    trace.now += 3.0
    trace.end(request, None, status=499, outcome="client-closed")
    [result] = trace.findings()
    assert result.cause == "redis-dies" and "its user gave up after 3.0 s" in result.sentence


@pytest.mark.parametrize(
    ("replies", "restarted", "causes"),
    [
        (["-LOADING Redis is loading"], False, ["redis-dies"]),
        (["-WRONGTYPE Operation against a key"], False, ["wrong-type"]),
        (["-NOPERM no permissions to run GET"], False, ["writes-refused"]),
        (["-LOADING Redis is loading", DOC], False, ["unexplained"]),
        (["-LOADING Redis is loading"], True, ["unexplained"]),
    ],
)
def test_a_pod_that_breaks_the_request_off_after_an_error_of_redis(
    trace: Trace, replies: list[str], restarted: bool, causes: list[str]
) -> None:
    """As Python's http.server does with an exception; what came after the error had another reason."""
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    for reply in replies:
        trace.say(A, "GET", challenge_id, reply)
    if restarted:
        trace.restart(A, **REDIS)
    trace.end(request, None, 502, error="the pod closed the connection", outcome="broken-answer")
    assert trace.causes() == causes
