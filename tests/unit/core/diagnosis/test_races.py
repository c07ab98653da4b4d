"""Commands that crossed, and orders that look alike and are none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.diagnosis.races import is_stub
from devenv.core.model.events import RedisCommand

from .conftest import COUNTED, DOC, NOT_FOUND, PASSED, STUB, A, B, Open, Trace, wrong

READ = (("GET", DOC), ("GET", DOC), ("TTL", "60"))


def judge(trace: Trace, pod: str, challenge_id: str) -> None:
    for command, reply in READ:
        trace.say(pod, command, challenge_id, reply)


def count(trace: Trace, pod: str, challenge_id: str) -> None:
    trace.say(pod, "SETEX", challenge_id, "OK", "60", COUNTED)


def test_one_request_after_the_other_is_no_race(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    for pod, answer, attempts in ((A, wrong(1), 1), (B, {"success": True, "attempts": 2}, 2)):
        request = trace.begin(pod, "verify", challenge_id, selections=[attempts])
        judge(trace, pod, challenge_id)
        count(trace, pod, challenge_id)
        if attempts == 2:
            trace.say(pod, "DEL", challenge_id, "1")
        trace.end(request, answer)
    assert trace.causes() == []


def two(trace: Trace, challenge_id: str, second: list[int] | None = None) -> tuple[Open, Open]:
    first = trace.begin(A, "verify", challenge_id, selections=[0])
    return first, trace.begin(B, "verify", challenge_id, selections=second or [1], client="127.0.0.1:2")


def test_resurrected_key_and_empty_bypass(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    right, late = two(trace, challenge_id)
    read = trace.say(B, "GET", challenge_id, DOC)
    judge(trace, A, challenge_id)
    count(trace, A, challenge_id)
    deletion = trace.say(A, "DEL", challenge_id, "1")
    trace.end(right, PASSED)
    trace.say(B, "GET", challenge_id, "(nil)")
    trace.say(B, "TTL", challenge_id, "-2")
    stub = trace.say(B, "SET", challenge_id, "OK", STUB)
    trace.end(late, wrong(1))
    empty = trace.begin(A, "verify", challenge_id, selections=[])
    trace.say(A, "GET", challenge_id, STUB)
    trace.end(empty, PASSED)
    findings = trace.findings()
    assert [item.cause for item in findings] == ["resurrected-key", "empty-bypass"]
    commands = [line.seq for line in findings[0].evidence if line.kind == "redis"]
    assert commands == [read.seq, deletion.seq, stub.seq]
    assert "a stub without an answer" in findings[0].sentence
    assert "for ever" in findings[0].sentence
    assert f"brought back rcaptcha:abstract:{challenge_id}: " in findings[0].sentence


def test_who_saw_no_session_brings_none_back(trace: Trace) -> None:
    """PHP's answer to a dead cookie: nothing is read, and an empty session is written under the same key."""
    challenge_id = trace.create(A, in_redis=True)
    first, second = two(trace, challenge_id)
    judge(trace, A, challenge_id)
    trace.say(A, "DEL", challenge_id, "1")
    trace.end(first, PASSED)
    trace.say(B, "GET", challenge_id, "(nil)")
    trace.say(B, "SET", challenge_id, "OK", "")
    trace.end(second, NOT_FOUND)
    assert "resurrected-key" not in trace.causes()


def test_written_back_and_deleted_by_the_same_call_harms_nobody(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    first, second = two(trace, challenge_id)
    trace.say(B, "GET", challenge_id, DOC)
    judge(trace, A, challenge_id)
    trace.say(A, "DEL", challenge_id, "1")
    trace.end(first, wrong(2))
    trace.say(B, "GET", challenge_id, "(nil)")
    trace.say(B, "SET", challenge_id, "OK", STUB)
    trace.say(B, "DEL", challenge_id, "1")
    trace.end(second, wrong(1))
    assert trace.causes() == []


def test_an_order_that_is_not_sure_is_no_finding(trace: Trace) -> None:
    """The write was under way before the deletion was answered, and nothing later shows the key."""
    challenge_id = trace.create(A, in_redis=True)
    first, second = two(trace, challenge_id)
    judge(trace, A, challenge_id)
    judge(trace, B, challenge_id)
    trace.say(A, "DEL", challenge_id, "1")
    trace.end(first, PASSED)
    count(trace, B, challenge_id)
    write = trace.events.pop()
    assert isinstance(write, RedisCommand)
    trace.events.append(replace(write, received=second.started, forwarded=second.started))
    trace.end(second, wrong(2))
    assert trace.causes() == []


@pytest.mark.parametrize(("later", "causes"), [(COUNTED, ["resurrected-key"]), ("(nil)", [])])
def test_what_a_later_reader_saw_decides(trace: Trace, later: str, causes: list[str]) -> None:
    test_an_order_that_is_not_sure_is_no_finding(trace)
    challenge_id = "c1" * 16
    trace.verify(A, challenge_id, NOT_FOUND if later == "(nil)" else wrong(1), ("GET", later))
    assert trace.causes() == causes


def test_expiry_inside_verify(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id, selections=[1])
    trace.say(A, "GET", challenge_id, DOC)
    trace.redis_server("expire", key=f"rcaptcha:abstract:{challenge_id}")
    trace.say(A, "GET", challenge_id, "(nil)")
    trace.say(A, "TTL", challenge_id, "-2")
    trace.say(A, "SET", challenge_id, "OK", STUB)
    trace.end(request, wrong(1))
    findings = trace.findings()
    assert [item.cause for item in findings] == ["expiry-inside-verify"]
    assert any(line.kind == "stack" for line in findings[0].evidence)


def test_expiry_between_count_and_ttl(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id, selections=[1])
    for command, reply in (("GET", DOC), ("GET", DOC), ("TTL", "-2")):
        trace.say(A, command, challenge_id, reply)
    trace.say(A, "SET", challenge_id, "OK", COUNTED)
    trace.end(request, wrong(1))
    assert trace.causes() == ["expiry-inside-verify"]
    assert "the document" in trace.findings()[0].sentence


def test_a_deletion_whose_reply_came_after_the_nil_is_no_expiry(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    right, late = two(trace, challenge_id)
    judge(trace, A, challenge_id)
    trace.say(B, "GET", challenge_id, DOC)
    deletion = trace.say(A, "DEL", challenge_id, "1")
    nil = trace.say(B, "GET", challenge_id, "(nil)")
    trace.events.remove(deletion)
    assert nil.answered is not None
    slow = nil.answered + 0.00005
    trace.events.append(replace(deletion, answered=slow, delivered=slow))
    trace.say(B, "SET", challenge_id, "OK", STUB)
    trace.end(right, PASSED)
    trace.end(late, wrong(1))
    assert trace.causes() == ["resurrected-key"]


def test_double_success(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    first, second = two(trace, challenge_id, [0])
    second.body["selections"] = [0, 0]
    judge(trace, A, challenge_id)
    judge(trace, B, challenge_id)
    trace.say(A, "DEL", challenge_id, "1")
    trace.say(B, "DEL", challenge_id, "0")
    trace.end(first, PASSED)
    trace.end(second, PASSED)
    assert trace.causes() == ["double-success"]


def test_the_same_answer_twice_at_once(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    first, second = two(trace, challenge_id, [0])
    judge(trace, A, challenge_id)
    judge(trace, B, challenge_id)
    trace.end(first, PASSED)
    trace.end(second, PASSED)
    assert trace.causes() == ["double-success", "double-click"]


def test_a_second_click_that_is_told_not_found(trace: Trace) -> None:
    challenge_id = trace.create(A)
    first = trace.begin(A, "verify", challenge_id)
    second = trace.begin(A, "verify", challenge_id, client="127.0.0.1:2")
    trace.end(first, PASSED)
    trace.end(second, NOT_FOUND)
    assert trace.causes() == ["double-click"]


@pytest.mark.parametrize(("client", "causes"), [("127.0.0.1:1", []), ("127.0.0.1:2", ["double-click"])])
def test_right_behind_on_another_connection_was_sent_together(
    trace: Trace, client: str, causes: list[str]
) -> None:
    challenge_id = trace.create(A)
    trace.verify(A, challenge_id, PASSED)
    trace.verify(A, challenge_id, NOT_FOUND, client=client)
    assert trace.causes() == causes


def test_a_second_click_that_is_told_already_solved(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    first, second = two(trace, challenge_id, [0])
    trace.say(A, "EVALSHA", challenge_id, '[right, 1, {"type": "abstract"}]')
    trace.say(B, "EVALSHA", challenge_id, "[solved, 0, ]")
    trace.end(first, PASSED)
    trace.end(second, {"success": False, "message": "Challenge already solved"})
    assert trace.causes() == []


def test_a_double_click_on_two_memories_is_pod_memory(trace: Trace) -> None:
    challenge_id = trace.create(A)
    first, second = two(trace, challenge_id, [0])
    trace.end(first, PASSED)
    trace.end(second, NOT_FOUND)
    assert trace.causes() == ["pod-memory"]


def test_lost_attempt(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    first, second = two(trace, challenge_id)
    judge(trace, A, challenge_id)
    judge(trace, B, challenge_id)
    count(trace, A, challenge_id)
    count(trace, B, challenge_id)
    trace.end(first, wrong(1))
    trace.end(second, wrong(1))
    findings = trace.findings()
    assert [item.cause for item in findings] == ["lost-attempt"]
    evidence = findings[0].evidence
    commands = [line.text.split(": ")[1].split(" ")[0] for line in evidence if line.kind == "redis"]
    assert commands == ["GET", "GET", "SETEX", "SETEX"]


def test_both_wrong_and_both_counted(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    first, second = two(trace, challenge_id)
    trace.say(A, "EVALSHA", challenge_id, "[wrong, 1, {}]")
    trace.say(B, "EVALSHA", challenge_id, "[wrong, 2, {}]")
    trace.end(first, wrong(1))
    trace.end(second, wrong(2))
    assert trace.causes() == []


def test_ttl_rounds_to_zero(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id, selections=[1])
    for command, reply in (("GET", DOC), ("GET", DOC), ("TTL", "0")):
        trace.say(A, command, challenge_id, reply)
    trace.say(A, "SET", challenge_id, "OK", COUNTED)
    trace.end(request, wrong(1))
    assert trace.causes() == ["ttl-rounds-to-zero"]


@pytest.mark.parametrize(("command", "args"), [("SETEX", ("1", COUNTED)), ("SET", (COUNTED, "KEEPTTL"))])
def test_a_last_second_that_is_kept(trace: Trace, command: str, args: tuple[str, ...]) -> None:
    challenge_id = trace.create(A, in_redis=True)
    request = trace.begin(A, "verify", challenge_id, selections=[1])
    trace.say(A, "GET", challenge_id, DOC)
    trace.say(A, "TTL", challenge_id, "0" if command == "SET" else "1")
    trace.say(A, command, challenge_id, "OK", *args)
    trace.end(request, wrong(1))
    assert trace.causes() == []


def test_an_empty_answer_that_is_wrong(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, wrong(1), ("GET", DOC), selections=[])
    assert trace.causes() == []


@pytest.mark.parametrize(
    ("document", "stub"),
    [
        ('{"attempts": 1}', True),
        ("{}", True),
        ('{"attempts": 1, "sum": 7}', False),
        ('{"tries": 1, "sum": 7}', False),
        ('{"attempts": 1, "im', False),
        ("[1]", False),
    ],
)
def test_a_stub_has_nothing_to_judge_by(document: str, stub: bool) -> None:
    assert is_stub(document) is stub
