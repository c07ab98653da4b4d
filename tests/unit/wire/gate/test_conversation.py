"""What passes between a pod and Redis, without sockets: the test is both ends, the clock and the timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.model.events import RedisCommand
from devenv.core.resp.requests import RequestFramer
from devenv.wire.gate.conversation import MAX_BUFFERED, Conversation
from devenv.wire.gate.holds import Holds, Then
from devenv.wire.gate.message_queue import Bytes
from devenv.wire.gate.nodes import NodePorts, Relocation
from devenv.wire.gate.record import Recorder
from devenv.wire.gate.rules import Rule, RuleSet


def no_sockets(_pod: str, _node: tuple[str, int]) -> asyncio.Protocol:
    raise AssertionError("a conversation accepts nothing")


class Timer:
    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Ends:
    """Both ends of one conversation."""

    def __init__(self, *rules: dict[str, Any], capacity: int = 1000, cluster: bool = False) -> None:
        self.now = 0.0
        self.client = b""
        self.upstream = b""
        self.hung_up = False
        self.upstream_told = False
        self.reading = {"client": True, "upstream": True}
        self.timers: list[Timer] = []
        self.traced: list[RedisCommand] = []
        self.rules = RuleSet([Rule.from_json(rule) for rule in rules])
        self.holds = Holds()
        self.recorder = Recorder(capacity, self.traced.extend)
        node = ("127.0.0.1", 7000)
        relocation = Relocation(NodePorts(no_sockets), "captcha-api-a", node, lambda: "127.0.0.1")
        self.conversation = Conversation(
            "captcha-api-a",
            1,
            self.rules,
            self.recorder,
            self.holds,
            lambda: self.now,
            self,
            relocation if cluster else None,
        )

    def to_client(self, data: Bytes) -> None:
        self.client += bytes(data)

    def to_upstream(self, data: Bytes) -> None:
        assert not self.upstream_told
        self.upstream += bytes(data)

    def end_upstream(self) -> None:
        self.upstream_told = True

    def hang_up(self) -> None:
        self.hung_up = True

    def read_client(self, on: bool) -> None:
        self.reading["client"] = on

    def read_upstream(self, on: bool) -> None:
        self.reading["upstream"] = on

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = Timer(self.now + seconds, call)
        self.timers.append(timer)
        return timer

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for timer in sorted(self.timers, key=lambda timer: timer.at):
            if timer.at <= self.now and not timer.cancelled:
                timer.cancelled = True
                timer.call()

    def send(self, *commands: bytes) -> None:
        self.now += 1.0
        self.conversation.from_client(b"".join(wire(command) for command in commands))

    def reply(self, data: bytes) -> None:
        self.now += 1.0
        self.conversation.from_upstream(data)

    def release(self, then: Then = Then.PASS) -> int:
        return len(self.holds.release(lambda _held: True, then))

    def record(self) -> list[tuple[str, str, str | None]]:
        """(command, fate, reply) of all."""
        return [(c.command, c.fate, c.reply) for c in self.recorder.since(0, 1000)]


def wire(command: bytes) -> bytes:
    words = command.split(b" ")
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


GET, SET, OK, VALUE = wire(b"GET k"), wire(b"SET k v"), b"+OK\r\n", b"$1\r\nv\r\n"


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


def confirmed(kind: str, channel: str, total: int, push: bool = False) -> bytes:
    head = b">" if push else b"*"
    words = [word.encode() for word in (kind, channel)]
    return head + b"3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words) + b":%d\r\n" % total


def news(channel: str, text: str, push: bool = False) -> bytes:
    return (
        (b">" if push else b"*") + b"3\r\n" + wire(f"message {channel} {text}".encode()).split(b"\r\n", 1)[1]
    )


HELLO3 = b"%1\r\n$5\r\nproto\r\n:3\r\n"
NEVER = {"action": "hold", "command": "NEVER"}


@pytest.mark.parametrize("rules", [[], [NEVER]])
def test_in_resp3_commands_go_on_beside_a_subscription_and_a_push_is_no_reply(
    rules: list[dict[str, Any]],
) -> None:
    ends = Ends(*rules)
    ends.send(b"HELLO 3", b"SUBSCRIBE c d", b"GET k")
    ends.reply(HELLO3 + confirmed("subscribe", "c", 1, True) + confirmed("subscribe", "d", 2, True))
    ends.reply(news("c", "x", True) + VALUE[:2])
    ends.reply(VALUE[2:] + news("c", "y", True))
    ends.send(b"UNSUBSCRIBE", b"INCR n")
    ends.reply(confirmed("unsubscribe", "c", 1, True) + confirmed("unsubscribe", "d", 0, True) + b":1\r\n")
    assert [(name, reply) for name, _, reply in ends.record()] == [
        ("HELLO", "{proto: 3}"), ("SUBSCRIBE", "[subscribe, d, 2]"), ("GET", "v"),
        ("UNSUBSCRIBE", "[unsubscribe, d, 0]"), ("INCR", "1"),
    ]  # fmt: skip


@pytest.mark.parametrize("rules", [[], [NEVER]])
def test_in_resp2_commands_go_on_after_the_last_unsubscribe(rules: list[dict[str, Any]]) -> None:
    ends = Ends(*rules)
    ends.send(b"GET k", b"SUBSCRIBE c", b"PSUBSCRIBE p*")
    ends.reply(VALUE + confirmed("subscribe", "c", 1) + news("c", "x") + confirmed("psubscribe", "p*", 2))
    ends.send(b"PING", b"UNSUBSCRIBE c", b"PUNSUBSCRIBE", b"LRANGE l 0 -1")
    pong = b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"
    ends.reply(news("c", "y") + pong + confirmed("unsubscribe", "c", 1)[:9])
    ends.reply(confirmed("unsubscribe", "c", 1)[9:] + confirmed("punsubscribe", "p*", 0) + news("c", "kept"))
    assert [(name, reply) for name, _, reply in ends.record()] == [
        ("GET", "v"), ("SUBSCRIBE", "[subscribe, c, 1]"), ("PSUBSCRIBE", "[psubscribe, p*, 2]"),
        ("PING", "[pong, ]"), ("UNSUBSCRIBE", "[unsubscribe, c, 1]"),
        ("PUNSUBSCRIBE", "[punsubscribe, p*, 0]"), ("LRANGE", "[message, c, kept]"),
    ]  # fmt: skip


def test_a_subscription_that_redis_refuses_has_that_error_for_its_reply() -> None:
    ends = Ends()
    ends.send(b"SUBSCRIBE a b", b"SUBSCRIBE c", b"GET k")
    ends.reply(
        confirmed("subscribe", "a", 1) + confirmed("subscribe", "b", 2) + b"-NOPERM no\r\n-ERR not now\r\n"
    )
    assert [reply for _, _, reply in ends.record()] == ["[subscribe, b, 2]", "-NOPERM no", "-ERR not now"]


@pytest.mark.parametrize("protocol", [2, 3])
def test_rules_meet_commands_on_a_connection_that_has_subscribed(protocol: int) -> None:
    ends = Ends({"action": "error", "command": "GET", "text": "LOADING"}, {"action": "delay", "seconds": 9})
    ends.send(b"HELLO 3" if protocol == 3 else b"PING", b"SUBSCRIBE c")
    ends.reply((HELLO3 if protocol == 3 else b"+PONG\r\n") + confirmed("subscribe", "c", 1, protocol == 3))
    if protocol == 2:
        ends.send(b"UNSUBSCRIBE")
        ends.reply(confirmed("unsubscribe", "c", 0))
    ends.send(b"GET k")
    assert ends.client.endswith(b"-LOADING\r\n")
    assert ends.record()[-1] == ("GET", "error", "-LOADING")


def test_a_reset_ends_subscriptions_and_resp3() -> None:
    ends = Ends()
    ends.send(b"HELLO 3", b"SUBSCRIBE c", b"RESET", b"SUBSCRIBE d")
    ends.reply(HELLO3 + confirmed("subscribe", "c", 1, True))
    ends.reply(b"+RESET\r\n")
    ends.reply(confirmed("subscribe", "d", 1) + news("d", "x"))
    ends.send(b"UNSUBSCRIBE d", b"GET k")
    ends.reply(confirmed("unsubscribe", "d", 0) + VALUE)
    assert ends.record()[-1] == ("GET", "passed", "v")


@pytest.mark.parametrize("rules", [[], [NEVER]])
def test_client_reply_skip_and_off_leave_commands_without_a_reply(rules: list[dict[str, Any]]) -> None:
    ends = Ends(*rules)
    ends.send(b"CLIENT REPLY SKIP", b"SET k v", b"GET k")
    ends.reply(VALUE)
    ends.send(b"CLIENT REPLY OFF", b"SET k w", b"INCR n", b"CLIENT REPLY ON", b"GET k")
    ends.reply(OK + VALUE)
    assert ends.record() == [
        ("CLIENT REPLY", "handshake", None), ("SET", "no-reply", None), ("GET", "passed", "v"),
        ("CLIENT REPLY", "handshake", None), ("SET", "no-reply", None), ("INCR", "no-reply", None),
        ("CLIENT REPLY", "handshake", "OK"), ("GET", "passed", "v"),
    ]  # fmt: skip


def test_an_error_of_a_rule_is_not_sent_where_no_reply_was_asked_for() -> None:
    ends = Ends({"action": "error", "command": "SET"})
    ends.send(b"CLIENT REPLY SKIP", b"SET k v", b"GET k")
    ends.reply(VALUE)
    assert (ends.upstream, ends.client) == (wire(b"CLIENT REPLY SKIP") + GET, VALUE)
    assert ends.record()[1:] == [("SET", "error", None), ("GET", "passed", "v")]


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
    assert [command.reply for command in commands] == [f"{at:06d}" for at in range(len(commands))]
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
    assert all(timer.cancelled or timer.at > ends.now for timer in ends.timers)
