"""Each rule on real pods' clients (redis-py) and a real Redis."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from devenv.wire.gate.holds import Then
from devenv.wire.gate.rules import Rule
from tests.support import HANG_GUARD_S, until

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex")
RETRYING = {
    "retry": Retry(ConstantBackoff(0.01), 3),
    "retry_on_error": [redis.ConnectionError, redis.TimeoutError],
}


@pytest.fixture
def background() -> Any:
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit


def test_a_delay_is_seen_in_the_times(gate: Any) -> None:
    gate.rules({"action": "delay", "command": "SET", "seconds": 0.2})
    client = gate.client()
    client.set("k", "v")
    client.get("k")
    slow, quick = gate.steps()
    assert slow.fate == "delayed" and slow.forwarded - slow.received >= 0.19
    assert (quick.fate, quick.rule) == ("passed", None)


def test_a_delayed_reply(gate: Any) -> None:
    gate.rules({"action": "delay", "command": "SET", "seconds": 0.2, "direction": "reply"})
    assert gate.client().set("k", "v")
    [slow] = gate.steps()
    assert slow.delivered - slow.answered >= 0.19


def test_a_dropped_request_never_runs(gate: Any, direct: redis.Redis) -> None:
    gate.rules({"action": "drop-request", "command": "SET"})
    client = gate.impatient()
    with pytest.raises(redis.TimeoutError):
        client.set("k", "v")
    assert direct.get("k") is None
    assert client.get("k") is None  # on a new connection
    assert gate.fates() == [("SET", "request-dropped"), ("GET", "passed")]


def test_a_dropped_reply_leaves_the_command_done(gate: Any, direct: redis.Redis) -> None:
    gate.rules({"action": "drop-reply", "command": "SET", "nth": 1})
    client = gate.impatient()
    with pytest.raises(redis.TimeoutError):
        client.set("k", "v")
    assert direct.get("k") == b"v"
    lost = gate.steps()[0]
    assert (lost.fate, lost.reply, lost.delivered) == ("reply-dropped", "OK", None)


def test_a_retry_after_a_lost_reply_runs_the_command_twice(gate: Any, direct: redis.Redis) -> None:
    gate.rules({"action": "disconnect", "direction": "reply", "command": "INCRBY", "nth": 1})
    client = gate.client(**RETRYING)
    assert client.incr("n") == 2
    assert direct.get("n") == b"2"
    assert gate.fates() == [("INCRBY", "disconnected"), ("INCRBY", "passed")]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", redis.ResponseError),
        ("READONLY You can't write against a read only replica.", redis.exceptions.ReadOnlyError),
        ("LOADING Redis is loading the dataset in memory", redis.exceptions.BusyLoadingError),
        ("MOVED 3999 127.0.0.1:6381", redis.ResponseError),
        ("WRONGTYPE Operation against a key", redis.ResponseError),
    ],
)
def test_an_error_of_any_text(gate: Any, direct: redis.Redis, text: str, kind: type[Exception]) -> None:
    gate.rules({"action": "error", "command": "SETEX", "text": text})
    client = gate.client()
    with pytest.raises(kind):
        client.setex("k", 60, "v")
    assert direct.get("k") is None
    assert client.get("k") is None
    assert gate.steps()[0].reply == "-" + text


def test_an_error_in_a_transaction_makes_all_of_it_fail(gate: Any, direct: redis.Redis) -> None:
    gate.rules({"action": "error", "command": "SETEX", "text": "OOM no", "times": 1})
    client = gate.client()
    with client.pipeline() as pipe:
        pipe.set("other", 1).setex("k", 60, "v")
        with pytest.raises(redis.RedisError):
            pipe.execute()
        assert direct.keys() == []
        pipe.set("other", 1).setex("k", 60, "v")
        assert pipe.execute() == [True, True]


def test_a_disconnect_before_the_command(gate: Any, direct: redis.Redis) -> None:
    gate.rules({"action": "disconnect", "command": "SET", "times": 1})
    client = gate.client()
    with pytest.raises(redis.ConnectionError):
        client.set("k", "v")
    assert direct.get("k") is None
    assert client.set("k", "v")


def test_a_black_hole_swallows_one_connection_for_good(gate: Any, direct: redis.Redis) -> None:
    gate.rules({"action": "blackhole", "command": "SET", "times": 1})
    with gate.socket() as connection:
        connection.settimeout(0.2)
        connection.sendall(b"SET k v\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(100)
        connection.sendall(b"SET k v\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(100)
    assert direct.get("k") is None
    assert gate.client().set("k", "w")


def test_only_the_pod_the_key_and_the_occurrence_that_are_named(gate: Any) -> None:
    gate.rules({"action": "error", "pod": "B", "command": "GET", "key": "rcaptcha:*:1", "nth": 2})
    a, b = gate.client("captcha-api-a"), gate.client("captcha-api-b")
    for client in (a, b):
        client.get("rcaptcha:abstract:1")
    b.get("rcaptcha:abstract:2")
    a.get("rcaptcha:abstract:1")
    with pytest.raises(redis.ResponseError):
        b.get("rcaptcha:abstract:1")
    b.get("rcaptcha:abstract:1")


def test_holding_makes_two_pods_cross(gate: Any, direct: redis.Redis, background: Any) -> None:
    """The lost update of GET and SETEX, on purpose: both read, then both write."""
    direct.set("attempts", 0)
    gate.rules({"action": "hold", "command": "SETEX"})

    def count(pod: str) -> int:
        client = gate.client(pod)
        now = int(client.get("attempts") or 0) + 1
        client.setex("attempts", 60, now)
        return now

    first = background(count, "captcha-api-a")
    gate.held(1)
    second = background(count, "captcha-api-b")
    gate.held(2)
    assert [held.pod for held in gate.release(pod="b")] == ["captcha-api-b"]
    assert second.result(HANG_GUARD_S) == 1
    assert not first.done()
    gate.release()
    assert first.result(HANG_GUARD_S) == 1
    order = sorted(gate.steps(), key=lambda step: step.forwarded)
    assert [(step.pod[-1], step.command) for step in order] == [
        ("a", "GET"),
        ("b", "GET"),
        ("b", "SETEX"),
        ("a", "SETEX"),
    ]
    assert direct.get("attempts") == b"1"


def test_what_is_held_longer_than_the_client_waits_is_discarded(gate: Any, direct: redis.Redis) -> None:
    gate.rules({"action": "hold", "command": "INCRBY", "nth": 1})
    client = gate.impatient(**RETRYING)
    assert client.incr("n") == 1  # by its second try, on a new connection
    until(
        lambda: gate.fates() == [("INCRBY", "discarded"), ("INCRBY", "passed")], "both have passed the gate"
    )
    gate.release()
    assert direct.get("n") == b"1"
    gate.held(0)


def test_a_hold_ends_by_itself(gate: Any, direct: redis.Redis) -> None:
    gate.rules({"action": "hold", "command": "SET", "seconds": 0.2})
    assert gate.client().set("k", "v")
    [step] = gate.steps()
    assert step.fate == "auto-released" and step.forwarded - step.received >= 0.19
    gate.held(0)


def test_taking_a_rule_away_lets_go_what_it_holds(gate: Any, background: Any) -> None:
    gate.rules({"action": "hold", "command": "SET", "id": "one"}, {"action": "hold", "command": "GET"})
    setting = background(gate.client().set, "k", "v")
    getting = background(gate.client("captcha-api-b").get, "none")
    gate.held(2)
    assert gate.call(gate.gate.remove_rule, "one")
    assert setting.result(HANG_GUARD_S)
    gate.held(1)
    gate.call(gate.gate.reset)
    assert getting.result(HANG_GUARD_S) is None
    assert gate.client().get("k") == b"v"


def severed(gate: Any) -> int:
    return sum(int(pod["severed"]) for pod in gate.call(gate.gate.status)["pods"])


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "drop-reply", "command": "INCR"},
        {"action": "drop-request", "command": "INCR"},
        {"action": "blackhole", "command": "INCR"},
        {"action": "blackhole", "command": "INCR", "direction": "reply"},
        {"action": "drop-reply", "command": "INCR", "nth": 1},
    ],
)
@pytest.mark.parametrize("how", ["reset", "remove", "replace", "populate"])
def test_the_end_of_a_rule_closes_the_connections_that_it_severed(
    gate: Any, rule: dict[str, Any], how: str
) -> None:
    """A client without a time-out waits for ever on such a connection, whatever it sends."""
    gate.rules({**rule, "id": "loses"}, {"action": "drop-reply", "command": "APPEND", "id": "other"})
    with gate.socket() as one, gate.socket() as other, gate.socket() as healthy:
        one.sendall(b"INCR n\r\nGET n\r\n")
        other.sendall(b"APPEND k v\r\n")
        until(lambda: severed(gate) == 2, "two connections severed")
        if how == "reset":
            assert {closed.rule for closed in gate.call(gate.gate.reset).closed} == {"loses", "other"}
        elif how == "populate":
            gate.rules()
        elif how == "remove":
            gate.call(gate.gate.remove_rule, "loses")
        else:
            gate.call(gate.gate.add_rule, Rule.from_json({**rule, "id": "loses"}))
        assert one.recv(100) == b""
        until(lambda: severed(gate) == (0 if how in ("reset", "populate") else 1), "closed")
        gate.call(gate.gate.reset)
        assert other.recv(100) == b""
        healthy.sendall(b"PING\r\n")
        assert healthy.recv(100) == b"+PONG\r\n"


def test_a_released_message_that_was_lost_severs_too(gate: Any) -> None:
    gate.rules({"action": "hold", "command": "INCR"})
    with gate.socket() as one:
        one.sendall(b"INCR n\r\n")
        gate.held(1)
        gate.release(then=Then.LOSE_REPLY)
        until(lambda: severed(gate) == 1, "the connection severed")
        gate.call(gate.gate.reset)
        assert one.recv(100) == b""


def test_a_transaction_is_held_at_its_exec(gate: Any, direct: redis.Redis, background: Any) -> None:
    gate.rules({"action": "hold", "command": "SETEX"})

    def write() -> Any:
        with gate.client().pipeline() as pipe:
            return pipe.setex("k", 60, "v").execute()

    writing = background(write)
    [held] = gate.held(1)
    assert (held.command, held.key) == ("EXEC", "k")
    assert direct.get("k") is None
    gate.release()
    assert writing.result(HANG_GUARD_S) == [True]


def test_a_release_that_loses_the_reply(gate: Any, direct: redis.Redis, background: Any) -> None:
    gate.rules({"action": "hold", "command": "SET"})
    setting = background(gate.client().set, "k", "v")
    gate.held(1)
    gate.release(then=Then.CUT_REPLY)
    with pytest.raises(redis.ConnectionError):
        setting.result(HANG_GUARD_S)
    assert direct.get("k") == b"v"


def test_rules_are_in_force_before_the_first_connection(unstarted: Any, direct: redis.Redis) -> None:
    rule = Rule.from_json({"action": "error", "command": "HELLO", "text": "ERR no"})
    unstarted.start("captcha-api-a", rules=[rule])
    with unstarted.socket() as connection:
        connection.sendall(b"HELLO 3\r\nPING\r\n")
        answer = b""
        while len(answer) < len(b"-ERR no\r\n+PONG\r\n"):
            answer += connection.recv(100)
    assert answer == b"-ERR no\r\n+PONG\r\n"
    assert unstarted.call(lambda: unstarted.gate.rules.armed[0].applied) == 1


def test_an_evalsha_unknown_to_redis_is_answered_and_loaded(gate: Any) -> None:
    client = gate.client()
    client.script_flush()
    script = client.register_script("return redis.call('INCR', KEYS[1])")
    assert script(keys=["n"]) == 1
    commands = [(step.command, step.key, step.fate) for step in gate.call(gate.gate.commands)][-3:]
    assert commands == [
        ("EVALSHA", "n", "passed"),
        ("SCRIPT LOAD", None, "handshake"),
        ("EVALSHA", "n", "passed"),
    ]


def test_many_pods_at_once_under_changing_rules(gate: Any, direct: redis.Redis) -> None:
    """Holds and delays that come and go change no result."""
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            gate.rules(
                {"action": "delay", "seconds": 0.001}, {"action": "hold", "direction": "reply", "nth": 3}
            )
            gate.release()
            gate.call(gate.gate.reset)

    churning = threading.Thread(target=churn)
    churning.start()

    def count(number: int) -> list[int]:
        client = gate.client("captcha-api-a" if number % 2 else "captcha-api-b")
        return [client.incr(f"n{number}") for _ in range(200)]

    try:
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(count, range(8)))
    finally:
        stop.set()
        churning.join()
    assert results == [list(range(1, 201))] * 8
