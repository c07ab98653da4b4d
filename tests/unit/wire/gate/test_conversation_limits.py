"""What is no RESP, is large, ends early or is random passes the gate, in bounded memory; without sockets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.resp.requests import RequestFramer
from devenv.wire.gate.conversation import MAX_BUFFERED
from devenv.wire.gate.rules import Rule
from tests.unit.wire.gate.ends import GET, OK, SET, VALUE, Ends, wire


def test_after_monitor_all_passes_as_it_is() -> None:
    ends = Ends({"action": "hold", "direction": "reply", "command": "GET"})
    ends.send(b"MONITOR", b"GET k")
    ends.reply(OK + VALUE)
    assert ends.client.endswith(VALUE)
    assert [fate for _, fate, _ in ends.record()] == ["unmatched", "unmatched"]


@pytest.mark.parametrize("rules", [[], [{"action": "hold", "command": "NEVER"}]])
def test_what_is_no_resp_passes(rules: list[dict[str, Any]]) -> None:
    ends = Ends(*rules)
    ends.send(b"GET k")
    ends.conversation.from_client(b"*x\r\n\x00\xff")
    ends.conversation.from_client(b"more")
    assert ends.upstream == GET + b"*x\r\n\x00\xffmore"
    ends.conversation.from_upstream(b"HTTP/1.1 400\r\n\r\n")
    ends.conversation.from_upstream(VALUE)
    assert ends.client == b"HTTP/1.1 400\r\n\r\n" + VALUE
    assert ends.record() == [("GET", "unmatched", None)]


def test_half_a_command_is_held_back_only_with_rules() -> None:
    ends = Ends()
    ends.conversation.from_client(SET[:9])
    assert ends.upstream == SET[:9]
    ends.rules.add(Rule.from_json({"action": "drop-request"}))
    ends.conversation.from_client(SET[9:])  # its beginning has gone: it cannot be dropped any more
    assert ends.upstream == SET
    ends.conversation.from_client(GET[:9])
    assert ends.upstream == SET
    ends.rules.populate([])
    ends.conversation.from_client(GET[9:])
    assert ends.upstream == SET + GET
    ends.reply(OK[:2])
    ends.rules.add(Rule.from_json({"action": "drop-reply"}))
    ends.reply(OK[2:] + VALUE)
    assert ends.client == OK + VALUE


def test_a_rule_out_of_force_does_not_touch_replies_that_come_later() -> None:
    ends = Ends({"action": "drop-reply"})
    ends.send(b"SET k v")
    ends.rules.populate([])
    ends.reply(OK)
    assert ends.client == OK


def test_a_large_value_is_decided_by_its_beginning_and_waits_bounded() -> None:
    ends = Ends({"action": "hold", "key": "k"})
    head = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % (8 * MAX_BUFFERED)
    ends.conversation.from_client(head)
    assert ends.holds.current() == []
    piece = bytes(MAX_BUFFERED // 2)
    ends.conversation.from_client(piece)
    [held] = ends.holds.current()
    assert held.key == "k"
    assert ends.reading["client"]
    ends.conversation.from_client(piece)
    ends.conversation.from_client(piece)
    assert not ends.reading["client"]
    ends.release()
    assert ends.reading["client"]
    for _ in range(13):
        ends.conversation.from_client(piece)
    ends.conversation.from_client(b"\r\n" + GET)
    assert len(ends.upstream) == len(head) + 8 * MAX_BUFFERED + 2
    ends.release()
    assert ends.upstream.endswith(GET)


def test_redis_going_away_discards_what_waits_and_delivers_what_came() -> None:
    ends = Ends(
        {"action": "hold", "command": "SET"}, {"action": "hold", "command": "TTL", "direction": "reply"}
    )
    ends.send(b"TTL k", b"GET k", b"SET k v")
    ends.reply(b":60\r\n")
    ends.conversation.upstream_ended()
    assert not ends.hung_up  # a reply is still held
    ends.release()
    assert ends.client == b":60\r\n"
    assert ends.hung_up
    ends.conversation.ended()
    assert ends.record() == [
        ("TTL", "released", "60"),
        ("GET", "unanswered", None),
        ("SET", "discarded", None),
    ]
    ends.recorder.flush()
    assert sorted(command.seq for command in ends.traced) == [1, 2, 3]


def test_a_half_closed_pod_still_gets_its_replies() -> None:
    ends = Ends()
    ends.send(b"GET k")
    ends.conversation.client_ended()
    assert ends.upstream_told and not ends.hung_up
    ends.reply(VALUE)
    ends.conversation.upstream_ended()
    assert ends.client == VALUE and ends.hung_up


def test_a_pod_that_hung_up_is_not_waited_for_for_ever() -> None:
    ends = Ends()
    ends.send(b"GET k")
    ends.conversation.client_ended()
    ends.pass_time(5)
    assert ends.hung_up


def test_memory_is_bounded() -> None:
    ends = Ends(capacity=10)
    for _ in range(100):
        ends.send(b"MSET" + b" k" + b" " + b" k ".join([b"v" * 900] * 20), b"EXISTS k" + b" k" * 100)
        ends.reply(OK + b"$2000\r\n" + b"r" * 2000 + b"\r\n")
    kept = ends.recorder.since(0, 1000)
    assert [command.seq for command in kept] == list(range(191, 201))
    assert all(sum(map(len, command.args)) <= 4096 for command in kept)
    assert all(len(command.reply or "") <= 1025 for command in kept)


RULES = st.lists(
    st.fixed_dictionaries(
        {"action": st.sampled_from(["hold", "delay"]), "seconds": st.sampled_from([0.5, 1.0, 3.0])},
        optional={
            "direction": st.sampled_from(["request", "reply"]),
            "command": st.sampled_from(["GET", "SET", "EXEC", "INCR", "*"]),
            "nth": st.integers(1, 3),
        },
    ),
    max_size=3,
)
COMMANDS = st.sampled_from(
    [b"GET k", b"SET k " + b"v" * 40, b"INCR n", b"MULTI", b"EXEC", b"PING", b"HELLO 3", b"DEL k"]
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), COMMANDS),
        st.tuples(st.just("take"), st.integers(1, 60)),
        st.tuples(st.just("answer"), st.integers(1, 20)),
        st.tuples(st.just("time"), st.sampled_from([0.5, 2.0])),
        st.tuples(st.just("release"), st.just(0)),
        st.tuples(st.just("rules"), RULES),
    ),
    max_size=40,
)


@given(RULES, EVENTS)
def test_holds_and_delays_change_nothing_but_time(rules: list[dict[str, Any]], events: list[Any]) -> None:
    """Whatever the cuts, rules and moments: bytes arrive in order, each reply is matched to its command."""
    ends = Ends(*rules)
    sent, waiting, answers, given_, asked = b"", b"", b"", b"", 0
    redis = RequestFramer()
    seen = 0

    def run_redis() -> None:
        nonlocal seen, asked, answers
        for request, _, _ in redis.feed(ends.upstream[seen:]):
            if request is not None and request.complete:
                answers += b"$6\r\n%06d\r\n" % asked
                asked += 1
        seen = len(ends.upstream)

    def answer(count: int) -> None:
        nonlocal answers, given_
        run_redis()
        piece, answers = answers[:count], answers[count:]
        if piece:
            given_ += piece
            ends.conversation.from_upstream(piece)

    for event, value in events:
        if event == "send":
            sent += wire(value)
            waiting += wire(value)
        elif event == "take" and waiting:
            piece, waiting = waiting[:value], waiting[value:]
            ends.conversation.from_client(piece)
        elif event == "answer":
            answer(value)
        elif event == "time":
            ends.pass_time(value)
        elif event == "release":
            ends.release()
        elif event == "rules":
            ends.rules.populate([Rule.from_json(rule) for rule in value])
            ends.holds.release_orphans()
        assert sent.startswith(ends.upstream) and given_.startswith(ends.client)
    if waiting:
        ends.conversation.from_client(waiting)
    for _ in range(200):
        ends.pass_time(10)
        answer(10_000)
    assert ends.upstream == sent
    assert ends.client == given_
    commands = ends.recorder.since(0, 1000)
    assert [command.reply for command in commands] == [f"{position:06d}" for position in range(len(commands))]
    assert len(commands) == asked
    ends.conversation.ended()
    ends.recorder.flush()
    assert [command.seq for command in ends.traced] == list(range(1, asked + 1))
    assert ends.holds.current() == []


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=30)), max_size=20), RULES)
def test_any_bytes_on_both_sides_pass(pieces: list[tuple[bool, bytes]], rules: list[dict[str, Any]]) -> None:
    ends = Ends(*rules)
    up = down = b""
    for upwards, piece in pieces:
        if not piece:
            continue
        if upwards:
            up += piece
            ends.conversation.from_client(piece)
        else:
            down += piece
            ends.conversation.from_upstream(piece)
    ends.pass_time(10)
    ends.conversation.client_ended()
    ends.pass_time(10)
    assert up.startswith(ends.upstream) and down.startswith(ends.client)
    if not rules:
        assert (ends.upstream, ends.client) == (up, down)
    ends.conversation.ended()
    assert all(timer.cancelled or timer.when > ends.now for timer in ends.timers)
