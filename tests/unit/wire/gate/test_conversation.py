"""What passes between a pod and Redis, without sockets: the test is both ends, the clock and the timers."""

from __future__ import annotations

import pytest

from devenv.wire.gate.holds import Then
from tests.unit.wire.gate.ends import GET, OK, SET, VALUE, Ends, wire


def test_without_rules_bytes_pass_and_replies_are_matched() -> None:
    ends = Ends()
    ends.send(b"SET k v", b"GET k")
    ends.reply(OK + VALUE[:3])
    ends.reply(VALUE[3:])
    assert (ends.upstream, ends.client) == (SET + GET, OK + VALUE)
    assert ends.record() == [("SET", "passed", "OK"), ("GET", "passed", "v")]
    first, second = ends.recorder.since(0, 10)
    assert (first.seq, first.connection, first.key, first.args) == (1, 1, "k", ("k", "v"))
    assert (first.received, first.forwarded, first.answered, first.delivered) == (1.0, 1.0, 2.0, 2.0)
    assert second.answered == 3.0
    assert [command.seq for command in ends.traced] == []
    ends.recorder.flush()
    assert [command.seq for command in ends.traced] == [1, 2]


def test_the_beginning_of_a_broken_map_of_a_cluster_is_passed_on() -> None:
    ends = Ends(cluster=True)
    ends.send(b"CLUSTER SLOTS")
    ends.reply(b"*1\r\n*3\r\n")
    assert ends.client == b""
    ends.reply(b"no RESP\r\n")
    ends.reply(b"any more\r\n")
    assert ends.client == b"*1\r\n*3\r\nno RESP\r\nany more\r\n"


def test_a_reply_that_began_before_its_command_was_sent() -> None:
    ends = Ends({"action": "delay", "direction": "reply", "seconds": 1, "times": 1})
    ends.send(b"GET k")
    ends.reply(VALUE + b"+unasked")
    ends.send(b"GET k")
    ends.reply(b"\r\n")
    ends.pass_time(5)
    assert ends.client == VALUE + b"+unasked\r\n"
    ends.conversation.ended()
    ends.recorder.flush()
    assert [(command.seq, command.reply) for command in ends.traced] == [(1, "v"), (2, "unasked")]


def test_a_push_answers_nothing() -> None:
    ends = Ends()
    ends.send(b"GET k")
    ends.reply(b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n" + VALUE)
    assert ends.record() == [("GET", "passed", "v")]


def test_a_held_request_holds_back_what_follows_it_on_its_connection() -> None:
    ends = Ends({"action": "hold", "command": "SET"})
    ends.send(b"GET a")
    ends.send(b"SET k v", b"GET k")
    assert ends.upstream == wire(b"GET a")
    [held] = ends.holds.current()
    assert (held.seq, held.command, held.key, held.pod) == (2, "SET", "k", "captcha-api-a")
    assert ends.record()[1] == ("SET", "held", None)
    ends.reply(VALUE)
    ends.now = 5.0
    assert ends.release() == 1
    assert ends.upstream == wire(b"GET a") + SET + GET
    ends.reply(OK + VALUE)
    assert ends.client == VALUE + OK + VALUE
    assert ends.record() == [("GET", "passed", "v"), ("SET", "released", "OK"), ("GET", "passed", "v")]
    held_one = ends.recorder.since(1, 1)[0]
    assert (held_one.received, held_one.forwarded, held_one.answered) == (2.0, 5.0, 6.0)
    assert held_one.rule == "hold:SET:10s"


def test_a_held_reply_holds_back_the_replies_behind_it() -> None:
    ends = Ends({"action": "hold", "command": "SET", "direction": "reply"})
    ends.send(b"SET k v", b"GET k")
    assert ends.upstream == SET + GET
    ends.reply(OK + VALUE)
    assert ends.client == b""
    held = ends.recorder.since(0, 1)[0]
    assert (held.fate, held.reply, held.delivered) == ("held", "OK", None)
    ends.release()
    assert ends.client == OK + VALUE
    assert [record[1] for record in ends.record()] == ["released", "passed"]


def test_a_hold_ends_by_itself() -> None:
    ends = Ends({"action": "hold", "seconds": 2})
    ends.send(b"SET k v")
    ends.pass_time(1.9)
    assert ends.upstream == b""
    ends.pass_time(0.2)
    assert ends.upstream == SET
    assert ends.holds.current() == []
    ends.reply(OK)
    assert ends.record() == [("SET", "auto-released", "OK")]


@pytest.mark.parametrize(
    ("then", "upstream", "hung_up", "fate"),
    [
        (Then.PASS, SET, False, "released"),
        (Then.LOSE_REPLY, SET, False, "reply-dropped"),
        (Then.CUT_REPLY, SET, True, "disconnected"),
        (Then.DROP, b"", False, "request-dropped"),
        (Then.CUT, b"", True, "disconnected"),
    ],
)
def test_what_a_held_request_is_released_to(then: Then, upstream: bytes, hung_up: bool, fate: str) -> None:
    ends = Ends({"action": "hold"})
    ends.send(b"SET k v")
    ends.release(then)
    assert ends.upstream == upstream
    if upstream:
        ends.reply(OK)
    assert ends.client == (OK if then is Then.PASS else b"")
    assert (ends.hung_up, ends.record()[0][1]) == (hung_up, fate)


@pytest.mark.parametrize(
    ("then", "fate"), [(Then.LOSE_REPLY, "reply-dropped"), (Then.CUT_REPLY, "disconnected")]
)
def test_what_a_held_reply_is_released_to(then: Then, fate: str) -> None:
    ends = Ends({"action": "hold", "direction": "reply"})
    ends.send(b"SET k v")
    ends.reply(OK)
    ends.release(then)
    assert ends.client == b""
    assert ends.record() == [("SET", fate, "OK")]


def test_what_is_held_is_discarded_when_the_pod_hangs_up() -> None:
    ends = Ends({"action": "hold", "command": "SET"})
    ends.send(b"GET a")
    ends.send(b"SET k v", b"GET k")
    ends.conversation.client_ended()
    assert ends.holds.current() == []
    assert ends.release() == 0
    ends.pass_time(20)
    assert ends.upstream == wire(b"GET a")
    assert ends.record() == [("GET", "passed", None), ("SET", "discarded", None), ("GET", "discarded", None)]


def test_what_is_delayed_goes_its_way_though_the_pod_has_hung_up() -> None:
    ends = Ends({"action": "delay", "command": "SET", "seconds": 3})
    ends.send(b"SET k v")
    ends.conversation.client_ended()
    assert not ends.upstream_told
    ends.pass_time(3.0)
    assert ends.upstream == SET
    assert ends.upstream_told
    assert ends.record() == [("SET", "delayed", None)]


def test_delays_keep_the_order() -> None:
    ends = Ends({"action": "delay", "command": "SET", "seconds": 3})
    ends.send(b"SET k v", b"GET k")
    ends.pass_time(1)
    ends.send(b"GET l")
    assert ends.upstream == b""
    ends.pass_time(2)
    assert ends.upstream == SET + GET + wire(b"GET l")


@pytest.mark.parametrize("action", ["drop-request", "blackhole"])
def test_a_lost_request_takes_what_follows_with_it(action: str) -> None:
    ends = Ends({"action": action, "command": "SET"})
    ends.send(b"GET a", b"SET k v", b"GET k")
    ends.send(b"GET b")
    assert ends.upstream == wire(b"GET a")
    ends.reply(VALUE)
    assert ends.client == (VALUE if action == "drop-request" else b"")
    lost = {"drop-request": "request-dropped", "blackhole": "blackholed"}[action]
    assert [fate for _, fate, _ in ends.record()[1:]] == [lost] * 3
    assert not ends.hung_up
    ends.conversation.client_ended()
    assert ends.hung_up


def test_a_lost_reply_takes_the_replies_behind_it_with_it_but_commands_run_on() -> None:
    ends = Ends({"action": "drop-reply", "command": "SET"})
    ends.send(b"GET a", b"SET k v", b"GET k")
    ends.reply(VALUE + OK + VALUE)
    assert (ends.upstream, ends.client) == (wire(b"GET a") + SET + GET, VALUE)
    assert ends.record() == [
        ("GET", "passed", "v"),
        ("SET", "reply-dropped", "OK"),
        ("GET", "reply-dropped", "v"),
    ]
    assert ends.recorder.since(1, 1)[0].delivered is None


@pytest.mark.parametrize("direction", ["request", "reply"])
def test_a_disconnect_cuts_before_or_after_the_command_ran(direction: str) -> None:
    ends = Ends({"action": "disconnect", "command": "SET", "direction": direction})
    ends.send(b"GET a", b"SET k v", b"GET k")
    if direction == "request":
        assert ends.upstream == wire(b"GET a")
    else:
        assert ends.upstream == wire(b"GET a") + SET + GET
        ends.reply(VALUE + OK + VALUE)
        assert ends.client == VALUE
    assert ends.hung_up
    ends.conversation.ended()
    assert ends.record()[1][1] == "disconnected"


def test_an_error_comes_in_its_turn_and_the_command_never_runs() -> None:
    ends = Ends({"action": "error", "command": "SET", "text": "OOM command not allowed"})
    ends.send(b"GET a", b"SET k v", b"GET k", b"SET l v")
    assert ends.upstream == wire(b"GET a") + GET
    assert ends.client == b""
    error = b"-OOM command not allowed\r\n"
    ends.reply(VALUE[:4])
    assert error not in ends.client
    ends.reply(VALUE[4:])
    assert ends.client == VALUE + error
    ends.reply(VALUE)
    assert ends.client == VALUE + error + VALUE + error
    assert ends.record()[1] == ("SET", "error", "-OOM command not allowed")
    assert ends.recorder.since(1, 1)[0].forwarded is None


def test_an_error_does_not_break_into_a_push() -> None:
    ends = Ends({"action": "error", "command": "SET"})
    ends.reply(b">2\r\n+a\r\n")
    ends.send(b"SET k v")
    assert ends.client == b">2\r\n+a\r\n"
    ends.reply(b"+b\r\n")
    assert ends.client == b">2\r\n+a\r\n+b\r\n-ERR injected by the gate\r\n"


def test_an_error_on_a_queued_command_fails_its_transaction() -> None:
    ends = Ends({"action": "error", "command": "SET", "text": "OOM no"})
    ends.send(b"MULTI", b"SET k v", b"TTL k", b"EXEC", b"GET k")
    assert ends.upstream == wire(b"MULTI") + wire(b"TTL k") + wire(b"DISCARD") + GET
    ends.reply(OK + b"+QUEUED\r\n" + OK + VALUE)
    assert ends.client == (
        OK
        + b"-OOM no\r\n+QUEUED\r\n"
        + b"-EXECABORT Transaction discarded because of previous errors.\r\n"
        + VALUE
    )
    assert [fate for _, fate, _ in ends.record()] == ["passed", "error", "queued", "passed", "passed"]


def test_an_error_on_exec_ends_the_transaction() -> None:
    ends = Ends({"action": "error", "command": "EXEC", "text": "LOADING wait"})
    ends.send(b"MULTI", b"SET k v", b"EXEC")
    assert ends.upstream == wire(b"MULTI") + SET + wire(b"DISCARD")
    ends.reply(OK + b"+QUEUED\r\n" + OK)
    assert ends.client == OK + b"+QUEUED\r\n-LOADING wait\r\n"


def test_a_transaction_is_one_step_at_its_exec() -> None:
    ends = Ends({"action": "hold", "command": "SETEX"})
    ends.send(b"MULTI", b"SETEX k 60 v", b"EXEC")
    assert ends.upstream == wire(b"MULTI") + wire(b"SETEX k 60 v")
    [held] = ends.holds.current()
    assert (held.command, held.key) == ("EXEC", "k")
    ends.release()
    assert ends.upstream.endswith(wire(b"EXEC"))


def test_what_is_watched_is_held_and_so_is_what_gives_it_up() -> None:
    ends = Ends({"action": "hold", "key": "*session*"})
    for words, held_as in (
        (b"WATCH session:1", "WATCH"),
        (b"UNWATCH", "UNWATCH"),
        (b"WATCH session:1", "WATCH"),
        (b"MULTI", None),
        (b"DISCARD", "DISCARD"),
        (b"WATCH session:1 other", "WATCH"),
        (b"MULTI", None),
        (b"EXEC", "EXEC"),
        (b"UNWATCH", None),
        (b"MULTI", None),
        (b"DISCARD", None),
        (b"WATCH session:1", "WATCH"),
        (b"MULTI", None),
        (b"INCR other", None),
        (b"EXEC", "EXEC"),
    ):
        ends.send(words)
        held = [(item.command, item.key) for item in ends.holds.current()]
        assert held == ([(held_as, "session:1")] if held_as else []), words
        ends.release()
    assert ends.upstream.count(b"WATCH") == 6


def test_a_discard_answered_by_the_gate_reaches_redis_too() -> None:
    ends = Ends({"action": "hold", "key": "k"})
    ends.send(b"WATCH k")
    ends.release()
    ends.send(b"MULTI", b"SET k 1", b"DISCARD")
    [held] = ends.holds.current()
    assert ends.holds.release_one(held.seq, Then.ANSWER, b"+OK\r\n")
    assert ends.upstream.endswith(wire(b"SET k 1") + wire(b"DISCARD"))


def test_handshakes_pass_and_are_no_step() -> None:
    ends = Ends({"action": "hold"})
    ends.send(b"HELLO 3", b"CLIENT SETINFO lib-name x", b"PING", b"SELECT 1", b"SCRIPT LOAD x", b"MULTI")
    assert ends.holds.current() == []
    assert {fate for _, fate, _ in ends.record()[:-1]} == {"handshake"}
