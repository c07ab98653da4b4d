"""Held commands that are answered with other bytes than Redis's; whoever watches what is held."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from devenv.wire.gate.holds import Held, Then
from tests.support import HANG_GUARD_S

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex")


@pytest.fixture
def background() -> Any:
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_pod_is_given_the_answer_and_redis_nothing(
    gate: Any, direct: redis.Redis, background: Any, protocol: int
) -> None:
    gate.rules({"action": "hold", "key": "k*"})
    client = gate.client(protocol=protocol)
    for words, answer, heard in (
        (("GET", "k"), b"$5\r\nother\r\n", b"other"),
        (("INCR", "k"), b":41\r\n", 41),
        (
            ("HMGET", "k", "a", "b"),
            b"*2\r\n$1\r\nx\r\n$-1\r\n" if protocol == 2 else b"*2\r\n$1\r\nx\r\n_\r\n",
            [b"x", None],
        ),
    ):
        asking = background(client.execute_command, *words)
        [held] = gate.held(1)
        assert held.resp3 == (protocol == 3)
        assert held.commands == (tuple(word.encode() for word in words),)
        gate.release(then=Then.ANSWER, answer=answer)
        assert asking.result(HANG_GUARD_S) == heard
    assert direct.dbsize() == 0
    gate.rules()
    assert client.get("k") is None  # the same connection, in step


def test_a_transaction_answered_at_its_exec_is_forgotten_by_redis(
    gate: Any, direct: redis.Redis, background: Any
) -> None:
    gate.rules({"action": "hold", "key": "k"})
    client = gate.client()

    def write() -> Any:
        with client.pipeline() as pipe:
            return pipe.setex("k", 60, "v").delete("k2").execute()

    writing = background(write)
    [held] = gate.held(1)
    assert held.commands == ((b"SETEX", b"k", b"60", b"v"), (b"DEL", b"k2"))
    gate.release(then=Then.ANSWER, answer=b"*2\r\n+OK\r\n:1\r\n")
    assert writing.result(HANG_GUARD_S) == [True, 1]
    assert direct.dbsize() == 0
    gate.rules()
    assert client.set("k", "now")
    assert direct.get("k") == b"now"


def test_a_reply_is_exchanged_for_another(gate: Any, direct: redis.Redis, background: Any) -> None:
    direct.set("k", "v")
    gate.rules({"action": "hold", "key": "k", "direction": "reply"})
    client = gate.client()
    asking = background(client.get, "k")
    gate.held(1)
    gate.release(then=Then.ANSWER, answer=b"$-1\r\n")
    assert asking.result(HANG_GUARD_S) is None
    gate.rules()
    assert client.get("k") == b"v"


def test_a_watcher_is_told_of_its_rule_only(gate: Any, background: Any) -> None:
    gate.rules({"action": "hold", "key": "a", "id": "mine"}, {"action": "hold", "key": "b", "id": "other"})
    messages: list[Held] = []
    came = threading.Event()

    def watch(held: Held) -> None:
        messages.append(held)
        came.set()

    gate.call(gate.gate.holds.watch, "mine", watch)
    asking = [background(gate.client().get, key) for key in ("b", "a")]
    assert came.wait(HANG_GUARD_S)
    gate.held(2)
    assert [held.key for held in messages] == ["a"]
    gate.call(gate.gate.holds.watch, "mine", None)
    assert gate.call(gate.gate.holds.release_one, messages[0].seq)
    assert not gate.call(gate.gate.holds.release_one, messages[0].seq)
    gate.release()
    assert [one.result(HANG_GUARD_S) for one in asking] == [None, None]
