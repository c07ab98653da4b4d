"""Redis that is not there, refuses, or is not the one that is meant: what it does to sessions, and why."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from devenv.core.diagnosis.losses import connection_fault
from devenv.core.diagnosis.stories import join
from devenv.core.diagnosis.trace_diagnosis import diagnose_joined
from devenv.core.model.events import StackEvent
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.vocabulary import CaptchaType

from .conftest import DOC, NOT_FOUND, PASSED, A, B, Trace

HAND = CaptchaType.HANDWRITING
MEMORY = {"USE_REDIS": "false"}
REDIS = {"USE_REDIS": "true", "SESSION_STRATEGY": "guide"}
GET_NIL = ("GET", "(nil)")


def test_wrong_port(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.verify(B, trace.create(A), NOT_FOUND)
    assert trace.causes() == ["wrong-port"]


def test_wrong_port_of_one_pod(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.verify(B, trace.create(A, in_redis=True), NOT_FOUND)
    assert trace.causes() == ["wrong-port"]


@pytest.mark.parametrize("other", [A, B])
@pytest.mark.parametrize("known_by", ["a command before the window", "the gate", "nothing"])
def test_a_redis_that_was_stopped_before_the_window_is_no_wrong_port(
    trace: Trace, other: str, known_by: str
) -> None:
    trace.pods(**REDIS, WORKERS="1")
    if known_by == "the gate":
        trace.events.append(StackEvent(trace.tick(), "connected", A))
    elif known_by != "nothing":
        trace.verify(A, trace.create(A, "c1" * 16, in_redis=True), PASSED, ("GET", DOC), ("DEL", "1"))
    trace.redis_server("stop")
    stopped = trace.now
    trace.now += 300
    since = trace.now
    trace.verify(other, trace.create(A, "c2" * 16), NOT_FOUND)
    [result] = diagnose_joined(join(trace.events), since)
    assert result.cause == "redis-dies"
    assert [line.time for line in result.evidence if line.kind == "stack"] == [stopped]


def test_a_session_that_was_created_before_the_window_is_known(trace: Trace) -> None:
    trace.pods(**REDIS)
    challenge_id = trace.create(A, in_redis=True)
    trace.redis_server("stop")
    trace.now += 300
    since = trace.now
    trace.verify(B, challenge_id, NOT_FOUND)
    assert [result.cause for result in diagnose_joined(join(trace.events), since)] == ["redis-dies"]
    assert diagnose_joined(join(trace.events), trace.now + 1) == ()


def test_what_was_mended_before_the_window_is_no_finding(trace: Trace) -> None:
    trace.pods(REDIS_PORT="tcp://10.0.0.1:6379")
    trace.pods(REDIS_PORT="6379")
    trace.now += 300
    assert diagnose_joined(join(trace.events), trace.now) == ()
    assert [result.cause for result in diagnose_joined(join(trace.events))] == ["bad-port-value"] * 2


def test_a_session_ended_by_a_command_whose_reply_was_lost(trace: Trace) -> None:
    """The client reports the lost reply as an error, the service says 503, the second try finds nothing."""
    trace.pods(**REDIS)
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id)
    trace.say(A, "GETDEL", challenge_id, DOC, fate="reply-dropped")
    trace.end(request, {"detail": "try again"}, 503)
    trace.verify(B, challenge_id, NOT_FOUND, ("GETDEL", "(nil)"))
    [result] = trace.findings()
    assert result.cause == "reply-lost" and "who tried again, got 'not found'" in result.sentence


@pytest.mark.parametrize(("command", "nothing"), [("GETDEL", "(nil)"), ("DEL", "0"), ("UNLINK", "0")])
def test_a_command_that_removes_the_session_has_looked_for_it(
    trace: Trace, command: str, nothing: str
) -> None:
    trace.pods(**REDIS)
    challenge_id = trace.create(A, in_redis=True, prefix="one:")
    request = trace.begin(B, "verify", challenge_id)
    trace.say(B, command, challenge_id, nothing, prefix="two:")
    trace.end(request, NOT_FOUND)
    assert trace.causes() == ["prefix-mismatch"]


def test_a_counter_beside_the_session_is_no_other_prefix(trace: Trace) -> None:
    """A rate limiter writes to Redis for every request, and its key has no session in it."""
    trace.pods(**REDIS)
    request = trace.begin(A, "create")
    trace.say(A, "INCR", "10.0.0.7", "1", prefix="rate:")
    trace.say(A, "SETEX", "c1" * 16, "OK", "60", DOC)
    trace.end(request, {"challenge_id": "c1" * 16, "ttl": 60})
    request = trace.begin(B, "verify", "c1" * 16)
    trace.say(B, "INCR", "10.0.0.7", "2", prefix="rate:")
    trace.end(request, NOT_FOUND)
    assert trace.causes() == ["half-migration"]


def test_not_found_on_the_same_pod_rules_its_memory_out(trace: Trace) -> None:
    trace.pods(**REDIS, WORKERS="1")
    trace.verify(A, trace.create(A), NOT_FOUND)
    [result] = trace.findings()
    assert result.cause == "unexplained" and "its memory, which it would have used" in result.sentence


def test_a_pod_that_redis_had_answered_has_no_wrong_port(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.say(A, "PING", "", "PONG")
    trace.verify(B, trace.create(A), NOT_FOUND)
    [result] = trace.findings()
    assert (
        result.cause == "unexplained" and "though Redis had answered captcha-api-a before" in result.sentence
    )


def test_a_pod_that_redis_only_refused_was_never_connected(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.say(A, "HELLO", "", "{proto: 3}")
    trace.say(A, "PING", "", "-ERR this address is not welcome")
    trace.verify(B, trace.create(A), NOT_FOUND, ("GET", "(nil)"))
    [result] = trace.findings()
    assert result.cause == "wrong-port"


def test_a_pod_that_redis_refused_looks_in_its_memory_and_is_no_half_migration(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.say(B, "HELLO", "", "{proto: 3}")
    trace.say(B, "PING", "", "-ERR this address is not welcome")
    trace.verify(B, trace.create(A, in_redis=True), NOT_FOUND)
    assert trace.causes() == ["wrong-port"]


def test_a_create_that_stays_in_memory_beside_redis_is_half_a_migration(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.say(A, "PING", "", "PONG")
    trace.verify(B, trace.create(A), NOT_FOUND, ("GET", "(nil)"))
    assert trace.causes() == ["half-migration"]


def test_a_session_that_its_pod_may_have_deleted_is_not_flushed(trace: Trace) -> None:
    trace.pods(**REDIS)
    challenge_id = trace.create(A, in_redis=True)
    trace.say(A, "DEL", challenge_id, None, fate="no-reply")
    trace.verify(B, challenge_id, NOT_FOUND, ("GET", "(nil)"))
    assert trace.causes() == []


def test_a_session_that_was_written_without_a_reply_is_in_redis(trace: Trace) -> None:
    trace.pods(**REDIS)
    request = trace.begin(A, "create")
    trace.say(A, "SETEX", "c1" * 16, None, "60", DOC, fate="no-reply")
    trace.end(request, {"challenge_id": "c1" * 16, "ttl": 60})
    trace.verify(B, "c1" * 16, PASSED, ("GET", DOC), ("DEL", "1"))
    assert trace.causes() == []


@pytest.mark.parametrize(
    ("command", "reply", "fate", "cause", "words"),
    [
        ("SETEX", None, "error", "writes-refused", "SETEX was refused in Redis's place (rule"),
        ("SETEX", "-ERR unknown command", "passed", "redis-dies", "Redis answered SETEX with -ERR unknown"),
        ("SETEX", None, "unanswered", "redis-dies", "Redis went away"),
        ("EXISTS", "0", "passed", "half-migration", "kept the session in its memory"),
    ],
)
def test_why_a_create_that_spoke_to_redis_wrote_no_session(
    trace: Trace, command: str, reply: str | None, fate: str, cause: str, words: str
) -> None:
    """Redis went away is said only where a reply was missing; the other words are those of the trace."""
    trace.pods(**REDIS)
    request = trace.begin(A, "create")
    trace.say(A, command, "c1" * 16, reply, "60", DOC, fate=fate)
    trace.end(request, {"challenge_id": "c1" * 16, "ttl": 60})
    trace.verify(B, "c1" * 16, NOT_FOUND, ("GET", "(nil)"))
    [result] = trace.findings()
    assert result.cause == cause and words in result.sentence
    assert ("went away" in result.sentence) == (fate == "unanswered")


def test_a_write_whose_reply_nobody_wanted_may_have_been_refused(trace: Trace) -> None:
    trace.pods(**REDIS)
    request = trace.begin(A, "create")
    trace.say(A, "SETEX", "c1" * 16, None, "60", DOC, fate="no-reply")
    trace.end(request, {"challenge_id": "c1" * 16, "ttl": 60})
    trace.verify(B, "c1" * 16, NOT_FOUND, ("GET", "(nil)"))
    [result] = trace.findings()
    assert (
        result.cause == "unexplained" and "whether SETEX of captcha-api-a was carried out" in result.sentence
    )


@pytest.mark.parametrize(
    ("word", "reply", "cause"),
    [
        ("CLUSTER SLOTS", "-ERR This instance has cluster support disabled", "standalone-cluster-client"),
        ("AUTH", "-WRONGPASS invalid username-password pair", "wrong-port"),
        ("PING", "PONG", None),
    ],
)
def test_why_a_session_that_was_just_opened_is_not_in_redis(
    trace: Trace, word: str, reply: str, cause: str | None
) -> None:
    trace.pods(**REDIS)
    trace.say(A, word, "", reply)
    trace.create(A)
    joined = join(trace.events)
    result = connection_fault(joined, joined.calls[0])
    assert (result.cause if result else None) == cause


def test_a_password_that_is_missing(trace: Trace) -> None:
    trace.pods(**REDIS)
    challenge_id = trace.create(A)
    trace.say(A, "PING", "", "-NOAUTH Authentication required.")
    trace.verify(B, challenge_id, NOT_FOUND)
    findings = trace.findings()
    assert [item.cause for item in findings] == ["wrong-port"]
    assert "-NOAUTH" in findings[0].sentence


def test_redis_dies_after_the_pods_connected(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.create(A, "e" * 32, in_redis=True)
    trace.redis_server("stop")
    trace.verify(A, trace.create(A), NOT_FOUND)
    assert trace.causes() == ["redis-dies"]


def test_redis_late(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.redis_server("stop")
    challenge_id = trace.create(A)
    trace.redis_server("start")
    trace.verify(A, challenge_id, NOT_FOUND, GET_NIL)
    assert trace.causes() == ["redis-late"]


def test_connections_of_an_earlier_process_do_not_count(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.create(A, "e" * 32, in_redis=True)
    trace.redis_server("stop")
    trace.restart(A, **REDIS)
    challenge_id = trace.create(A)
    trace.redis_server("start")
    trace.verify(A, challenge_id, NOT_FOUND, GET_NIL)
    assert trace.causes() == ["redis-late"]


def test_paused_redis_at_create(trace: Trace) -> None:
    trace.pods(**REDIS)
    trace.redis_server("pause")
    challenge_id = trace.create(A)
    trace.redis_server("resume")
    trace.verify(A, challenge_id, NOT_FOUND)
    assert trace.causes() == ["redis-hangs"]


def test_cluster_client_on_a_standalone_server(trace: Trace) -> None:
    trace.pods(**REDIS)
    challenge_id = trace.create(A)
    trace.say(A, "CLUSTER SLOTS", "", "-ERR This instance has cluster support disabled")
    trace.verify(B, challenge_id, NOT_FOUND)
    assert trace.causes() == ["standalone-cluster-client"]


def test_a_cluster_client_of_a_service_that_does_not_read_the_switch(trace: Trace) -> None:
    """Until it is restarted: what Redis refused an earlier process is not why a session is in memory."""
    trace.events.append(StackEvent(trace.tick(), "service", None, {"profile": json.dumps(CAPTCHA.to_json())}))
    trace.pods(**MEMORY)
    trace.say(A, "CLUSTER SLOTS", "", "-ERR This instance has cluster support disabled")
    trace.verify(B, trace.create(A), NOT_FOUND)
    trace.restart(A, **MEMORY)
    trace.verify(B, trace.create(A, "c2" * 16), NOT_FOUND)
    assert trace.causes() == ["standalone-cluster-client", "pod-memory"]


def test_a_pod_of_a_service_that_the_gate_does_not_hear_may_have_another_redis(trace: Trace) -> None:
    """Whichever pod opens the session: what its settings name is said, and memory is not the only guess."""
    trace.events.append(StackEvent(trace.tick(), "service", None, {"profile": json.dumps(CAPTCHA.to_json())}))
    trace.pod(A, **REDIS, REDIS_HOST="127.0.0.1", REDIS_PORT="7001")
    trace.pod(B, **REDIS, REDIS_HOST="db.example", REDIS_PORT="6380")
    trace.verify(B, trace.create(A, in_redis=True), NOT_FOUND)
    trace.verify(A, trace.create(B, "c2" * 16), NOT_FOUND, ("GET", "(nil)"))
    findings = trace.findings()
    assert [item.cause for item in findings] == ["wrong-port", "wrong-port"]
    for item in findings:
        assert "its own memory, or another Redis: its settings name db.example:6380" in item.sentence


@pytest.mark.parametrize(
    ("given", "ends"),
    [
        ("CACHE_URL (empty)", "or another Redis: this pod alone was given CACHE_URL (empty)"),
        ("REDIS_PORT", "or another Redis: its settings name 127.0.0.1:7002"),
        ("", "or another Redis"),
    ],
)
def test_an_address_that_the_service_may_not_read_is_not_said_to_be_its_redis(
    trace: Trace, given: str, ends: str
) -> None:
    """REDIS_HOST and REDIS_PORT of a pod are the gate's where nobody set them: that is no other Redis."""
    trace.events.append(StackEvent(trace.tick(), "service", None, {"profile": json.dumps(CAPTCHA.to_json())}))
    trace.pod(A, **REDIS, REDIS_HOST="127.0.0.1", REDIS_PORT="7001", GIVEN="")
    trace.pod(B, **REDIS, REDIS_HOST="127.0.0.1", REDIS_PORT="7002", GIVEN=given)
    trace.verify(B, trace.create(A, in_redis=True), NOT_FOUND)
    trace.verify(A, trace.create(B, "c2" * 16), NOT_FOUND, ("GET", "(nil)"))
    findings = trace.findings()
    assert [item.cause for item in findings] == ["wrong-port", "wrong-port"]
    assert [item.sentence for item in findings if not item.sentence.endswith(ends)] == []


def test_a_service_without_a_switch_is_not_judged_by_use_redis(trace: Trace) -> None:
    """Its stack has USE_REDIS=true; a command of the create that is about no session is no flag either."""
    profile = replace(CAPTCHA, switchable=False)
    trace.events.append(StackEvent(trace.tick(), "service", None, {"profile": json.dumps(profile.to_json())}))
    trace.pods(**REDIS)
    trace.verify(B, trace.create(A), NOT_FOUND)
    request = trace.begin(A, "create")
    trace.say(A, "GET", "settings", "1", prefix="app:")
    trace.end(request, {"challenge_id": "c2" * 16, "ttl": 60})
    trace.verify(B, "c2" * 16, NOT_FOUND)
    first, second = trace.findings()
    assert (first.cause, second.cause) == ("pod-memory", "unexplained")
    assert "USE_REDIS" not in first.sentence + second.sentence


def test_a_cluster_that_announces_what_nobody_reaches(trace: Trace) -> None:
    trace.pods(**REDIS)
    challenge_id = trace.create(A)
    trace.say(A, "CLUSTER SLOTS", "", "[[0, 16383, [172.17.0.2, 6379]]]")
    trace.verify(B, challenge_id, NOT_FOUND)
    assert trace.causes() == ["announce-unreachable"]


def test_redis_py_5_asks_info_first(trace: Trace) -> None:
    trace.pods(**REDIS, REDIS_CLUSTER="true")
    challenge_id = trace.create(A)
    trace.say(A, "INFO", "", "# Server\\r\\nredis_version:7.0.15\\r\\nredis_mode:standalone\\r\\n")
    trace.verify(B, challenge_id, NOT_FOUND)
    assert trace.causes() == ["standalone-cluster-client"]


@pytest.mark.parametrize(
    ("refusal", "hello"),
    [
        ("-ERR SELECT is not allowed in cluster mode", None),
        ("-ERR DB index is out of range", "{server: valkey, version: 9.1.2, mode: cluster, role: master}"),
    ],
)
def test_another_database_of_a_cluster(trace: Trace, refusal: str, hello: str | None) -> None:
    trace.pods(**REDIS, REDIS_DB="1")
    if hello:
        trace.say(A, "HELLO", "", hello)
    trace.say(A, "SELECT", "", refusal, "1")
    trace.verify(B, trace.create(A), NOT_FOUND)
    assert trace.causes() == ["cluster-database"]


def test_a_redirection_that_was_followed_is_no_cause(trace: Trace) -> None:
    trace.pods(**REDIS)
    challenge_id = "c1" * 16
    request = trace.begin(A, "create")
    trace.say(A, "SETEX", challenge_id, "-MOVED 9189 127.0.0.1:7002", "60", "{}", node="127.0.0.1:7001")
    trace.say(A, "SETEX", challenge_id, "OK", "60", "{}", node="127.0.0.1:7002", connection=2)
    trace.end(request, {"challenge_id": challenge_id, "ttl": 60})
    request = trace.begin(B, "verify", challenge_id)
    trace.say(B, "GET", challenge_id, "-MOVED 9189 127.0.0.1:7002", node="127.0.0.1:7001")
    trace.say(B, "GET", challenge_id, "(nil)", node="127.0.0.1:7002", connection=2)
    trace.end(request, NOT_FOUND)
    assert trace.causes() == ["flushed"]


def test_one_that_was_sent_to_the_same_node_again_was_not_followed(trace: Trace) -> None:
    trace.pods(**REDIS)
    challenge_id = "c1" * 16
    request = trace.begin(A, "create")
    trace.say(A, "SETEX", challenge_id, "-MOVED 9189 127.0.0.1:7002", "60", "{}", node="127.0.0.1:7001")
    trace.end(request, {"challenge_id": challenge_id, "ttl": 60})
    for _ in range(2):
        request = trace.begin(A, "verify", challenge_id)
        trace.say(A, "GET", challenge_id, "-MOVED 9189 127.0.0.1:7002", node="127.0.0.1:7001")
        trace.end(request, NOT_FOUND)
    assert set(trace.causes()) == {"cluster-plain-client"}


@pytest.mark.parametrize("port", ["", "tcp://10.0.0.7:6379", "70000", "0"])
def test_a_port_that_is_none(trace: Trace, port: str) -> None:
    trace.pod(A, REDIS_PORT=port)
    trace.pod(B, REDIS_PORT="6379")
    assert trace.causes() == ["bad-port-value"]


def test_a_pod_that_serves_has_started(trace: Trace) -> None:
    trace.pod(A, REDIS_PORT="tcp://10.0.0.7:6379")
    trace.verify(A, trace.create(A), PASSED)
    assert trace.causes() == []


def test_flag_off_and_yet_words_to_redis(trace: Trace) -> None:
    trace.pods(**MEMORY)
    trace.create(A, in_redis=True)
    assert trace.causes() == ["flag-off-regression"]


@pytest.mark.parametrize("flag", ["true", "false"])
def test_a_create_that_fails_as_redis_refuses_its_pod(trace: Trace, flag: str) -> None:
    """Whatever a switch says that the service may not have."""
    trace.events.append(StackEvent(trace.tick(), "service", None, {"profile": json.dumps(CAPTCHA.to_json())}))
    trace.pods(USE_REDIS=flag)
    trace.say(A, "CLUSTER SLOTS", "", "-ERR This instance has cluster support disabled")
    trace.end(trace.begin(A, "create"), None, 500)
    trace.say(B, "AUTH", "", "-WRONGPASS invalid username-password pair or user is disabled.")
    trace.end(trace.begin(B, "create"), None, 500)
    assert trace.causes() == ["standalone-cluster-client", "wrong-port"]


def test_a_refusal_that_was_got_over_is_not_the_reason(trace: Trace) -> None:
    trace.events.append(StackEvent(trace.tick(), "service", None, {"profile": json.dumps(CAPTCHA.to_json())}))
    trace.pods(USE_REDIS="true")
    trace.say(A, "AUTH", "", "-WRONGPASS invalid username-password pair or user is disabled.")
    trace.say(A, "PING", "", "PONG")
    trace.end(trace.begin(A, "create"), None, 500)
    assert trace.causes() == ["unexplained"]


def test_how_ones_own_service_was_before_nobody_knows(trace: Trace) -> None:
    trace.events.append(StackEvent(trace.tick(), "service", None, {"profile": json.dumps(CAPTCHA.to_json())}))
    trace.pods(**MEMORY, WORKERS="1")
    trace.end(trace.begin(A, "create"), None, 500)
    trace.verify(A, trace.create(A), NOT_FOUND)
    assert trace.causes() == ["unexplained", "unexplained"]
    assert not any("before the change" in finding.sentence for finding in trace.findings())


def test_flag_off_and_a_bare_500(trace: Trace) -> None:
    trace.pods(**MEMORY)
    trace.end(trace.begin(A, "create"), None, 500)
    assert trace.causes() == ["flag-off-regression"]
