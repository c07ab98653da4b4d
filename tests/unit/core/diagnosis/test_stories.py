"""Which command belongs to which request, and that no trace is too odd to be judged."""

from __future__ import annotations

import json
import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from devenv.core.diagnosis.steps import Step, steps_of
from devenv.core.diagnosis.stories import join
from devenv.core.diagnosis.trace_diagnosis import diagnose
from devenv.core.model.events import Exchange, RedisCommand, StackEvent, TraceEvent
from devenv.core.model.presets import CAPTCHA

from .conftest import COUNTED, DOC, NOT_FOUND, PASSED, A, B, Trace, wrong

PATHS = sorted(
    path for kind in CAPTCHA.kinds.values() for path in (kind.create.path, *kind.aliases, kind.verify.path)
)


def owners(trace: Trace) -> dict[int, int]:
    """Command number → exchange number."""
    return {step.command.seq: call.exchange.seq for call in join(trace.events).calls for step in call.steps}


def test_commands_go_to_the_request_of_their_challenge(trace: Trace) -> None:
    first, second = "a" * 32, "b" * 32
    one, two = trace.begin(A, "verify", first), trace.begin(A, "verify", second)
    x = trace.say(A, "GET", second, DOC)
    y = trace.say(A, "GET", first, DOC)
    trace.end(one, PASSED)  # exchange 1
    trace.end(two, PASSED)  # exchange 2
    assert owners(trace) == {x.seq: 2, y.seq: 1}


def test_a_request_that_waits_for_a_reply_sends_nothing_meanwhile(trace: Trace) -> None:
    challenge_id = "a" * 32
    one = trace.begin(A, "verify", challenge_id)
    held = trace.say(A, "GET", challenge_id, DOC)
    two = trace.begin(A, "verify", challenge_id)
    other = trace.say(A, "GET", challenge_id, DOC)
    late = trace.tick()
    trace.events[0] = replace(held, answered=late, delivered=late)
    trace.end(one, PASSED)
    trace.end(two, PASSED)
    assert owners(trace) == {held.seq: 1, other.seq: 2}


def test_each_of_a_crowd_has_its_own_script(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    crowd = [trace.begin(A, "verify", challenge_id, selections=[number]) for number in range(9)]
    for _request in crowd:
        trace.say(A, "EVALSHA", challenge_id, "[absent, 0, ]")
    for request in crowd:
        trace.end(request, NOT_FOUND)
    joined = join(trace.events)
    assert [len(call.steps) for call in joined.calls[1:]] == [1] * 9
    assert set(trace.causes()) == {"flushed"}


def test_of_a_crowd_nobody_can_tell_who_asked(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    one, two = trace.begin(A, "verify", challenge_id), trace.begin(A, "verify", challenge_id, selections=[1])
    for command, reply in (("GET", DOC), ("GET", "(nil)")):
        trace.say(A, command, challenge_id, reply)
    trace.end(two, wrong(1))
    trace.end(one, NOT_FOUND)
    assert "half-migration" not in trace.causes()


def test_another_pods_command_is_not_mine(trace: Trace) -> None:
    challenge_id = "a" * 32
    one = trace.begin(A, "verify", challenge_id)
    trace.say(B, "GET", challenge_id, DOC)
    trace.end(one, PASSED)
    assert owners(trace) == {}


def test_commands_after_the_client_hung_up(trace: Trace) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(A, challenge_id, wrong(1))
    late = trace.say(A, "DEL", challenge_id, "1")
    assert owners(trace)[late.seq] == 2
    trace.tick(100)
    much_later = trace.say(A, "DEL", challenge_id, "1")
    assert much_later.seq not in owners(trace)


def test_the_challenge_is_found_wherever_it_stands_in_the_key(trace: Trace) -> None:
    challenge_id = "a" * 32
    for prefix in ("x:", "receipt:{rcaptcha:", "captcha_", ""):
        request = trace.begin(A, "verify", challenge_id)
        trace.say(A, "GET", challenge_id, DOC, prefix=prefix)
        trace.end(request, PASSED)
    assert len(join(trace.events).stories[0].steps) == 4


def test_a_transaction_takes_effect_at_its_exec(trace: Trace) -> None:
    trace.say(A, "MULTI", "", "OK")
    queued = trace.say(A, "SETEX", "c", "QUEUED", "60", COUNTED)
    other = trace.say(B, "GET", "c", DOC, connection=2)
    trace.say(A, "EXEC", "", "[OK]")
    steps = steps_of([event for event in trace.events if isinstance(event, RedisCommand)])
    assert [step.command.seq for step in steps] == [other.seq, queued.seq]
    assert steps[1].reply == "OK"


def test_a_discarded_transaction_did_nothing(trace: Trace) -> None:
    trace.say(A, "MULTI", "", "OK")
    trace.say(A, "SETEX", "c", "QUEUED", "60", COUNTED)
    trace.say(A, "DISCARD", "", "OK")
    assert steps_of([event for event in trace.events if isinstance(event, RedisCommand)]) == []


def test_negative_numbers_are_no_errors() -> None:
    command = RedisCommand(1, A, 1, "TTL", ("k",), "k", "-1", 0.0, 0.1, delivered=0.1)
    assert not Step(command, 0.1, "-1").failed
    assert Step(command, 0.1, "-1").saw_the_key
    assert Step(command, 0.1, "-2").saw_nothing
    assert Step(command, 0.1, "-ERR no").failed


def test_the_order_of_the_events_does_not_matter(trace: Trace) -> None:
    trace.pods(USE_REDIS="true")
    for number in range(20):
        challenge_id = trace.create(A, f"{number:032x}", in_redis=True)
        trace.verify(B, challenge_id, NOT_FOUND, ("GET", "(nil)"))
    shuffled = list(trace.events)
    random.Random(1).shuffle(shuffled)
    assert diagnose(shuffled) == diagnose(trace.events)
    assert len(diagnose(trace.events)) == 20


# -- whatever comes ------------------------------------------------------------------------------------------

numbers = st.integers(0, 6).map(float) | st.floats()
pods = st.sampled_from([A, B, ""])
ids = st.sampled_from(["a" * 32, "b", "", "é"])
printed = ["OK", "(nil)", "0", "1", "-1", "-2", "QUEUED", "[OK]", "[", "[1, 2]", "{", DOC]
refused = ["-ERR x", "-MOVED 1 h:1", "-OOM x", "-WRONGTYPE x"]
replies = st.sampled_from([None, *printed, *refused]) | st.text(max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
answers = st.dictionaries(
    st.sampled_from(
        ["challenge_id", "success", "message", "attempts", "ttl", "selections", "downshift", "detail"]
    ),
    json_values | ids | st.sampled_from(["Challenge not found", True, False, [], 1]),
)
bodies = st.none() | answers.map(json.dumps) | st.text(max_size=6)
commands = st.sampled_from(
    ["GET", "SET", "SETEX", "TTL", "DEL", "EVALSHA", "MULTI", "EXEC", "DISCARD", "PING", "CLUSTER SLOTS", ""]
)
fates = st.sampled_from(
    ["passed", "queued", "reply-dropped", "undelivered", "unanswered", "discarded", "held", "error", ""]
)
exchanges = st.builds(
    Exchange,
    seq=st.integers(0, 9),
    request_id=st.just("r"),
    client=pods,
    method=st.sampled_from(["POST", "GET"]),
    path=st.sampled_from([*PATHS, "/", "/api/abstract-verify/?x"]),
    policy=st.just("p"),
    pod=st.none() | pods,
    status=st.sampled_from([0, 200, 422, 500, 502, 503]),
    started=numbers,
    duration_ms=numbers,
    error=st.none() | st.just("refused"),
    request_body=bodies,
    response_body=bodies,
)
redis_commands = st.builds(
    RedisCommand,
    seq=st.integers(0, 9),
    pod=pods,
    connection=st.integers(0, 2),
    command=commands,
    args=st.lists(st.sampled_from(["60", "EX", "KEEPTTL", DOC, "k"]), max_size=4).map(tuple),
    key=st.none() | ids.map("rcaptcha:abstract:{}".format) | st.text(max_size=4),
    reply=replies,
    received=numbers,
    answered=st.none() | numbers,
    fate=fates,
    forwarded=st.none() | numbers,
    delivered=st.none() | numbers,
)
names = ["USE_REDIS", "REDIS_DB", "REDIS_PORT", "REDIS_TIMEOUT_MS", "WORKERS", "action", "command"]
values = ["true", "false", "", "1", "pause", "stop", "start", "expire", "FLUSHALL", "EXPIRE k"]
stack_events = st.builds(
    StackEvent,
    time=numbers,
    what=st.sampled_from(["pod", "restart", "redis", "rule", "missing", "?"]),
    pod=st.none() | pods,
    detail=st.dictionaries(st.sampled_from(names), st.sampled_from(values)),
)
events: st.SearchStrategy[TraceEvent] = exchanges | redis_commands | stack_events


@given(st.lists(events, max_size=14))
def test_whatever_the_events_there_is_a_diagnosis(trace: list[TraceEvent]) -> None:
    for result in diagnose(trace):
        assert result.sentence
        assert result.change
        assert result.evidence
        json.dumps(result.to_json())
