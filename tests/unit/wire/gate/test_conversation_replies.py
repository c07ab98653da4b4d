"""Replies that are not one for one: subscriptions, RESP3 and pushes, CLIENT REPLY; without sockets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.wire.gate.ends import GET, OK, VALUE, Ends, wire


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
