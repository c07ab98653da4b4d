from __future__ import annotations

from typing import Any

import pytest

from devenv.core.events import RedisCommand
from devenv.lab.redis_arrows import command_label, with_commands
from devenv.lab.sequence import SequenceMessage

A, B = "captcha-api-a", "captcha-api-b"
CREATE = SequenceMessage(1.0, "client", A, "create", "request")
CREATED = SequenceMessage(2.0, A, "client", "abstract 3f2a", "reply")
KEY = "rcaptcha:abstract:3f2a44bb"


def told(
    command: str, *args: str, key: str | None = KEY, at: float = 1.5, reply: str | None = "OK"
) -> dict[str, Any]:
    answered = None if reply is None else at + 0.1
    return RedisCommand(1, A, 1, command, args, key, reply, at, answered).to_json()


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (told("SETEX", KEY, "60", "{}"), "SETEX abstract:3f2a44… EX 60"),
        (told("SET", KEY, "{}", "EX", "60", "NX"), "SET abstract:3f2a44… EX 60"),
        (told("get", KEY), "GET abstract:3f2a44…"),
        (told("EVALSHA", "ab12", "2", KEY, "x"), "EVALSHA abstract:3f2a44…"),
        (told("DBSIZE", key=None), "DBSIZE"),
        (told("GET", "plain", key="plain"), "GET plain"),
    ],
)
def test_a_command_in_short(event: dict[str, Any], expected: str) -> None:
    assert command_label(event) == expected


def test_a_command_goes_there_and_back_in_its_place() -> None:
    drawn = with_commands([CREATE, CREATED], [told("SETEX", KEY, "60", "{}")])
    assert [(m.source, m.target, m.label, m.kind) for m in drawn] == [
        ("client", A, "create", "request"),
        (A, "redis", "SETEX abstract:3f2a44… EX 60", "request"),
        ("redis", A, "OK", "reply"),
        (A, "client", "abstract 3f2a", "reply"),
    ]


def test_a_command_without_a_reply_has_one_arrow() -> None:
    assert len(with_commands([CREATE, CREATED], [told("GET", KEY, reply=None)])) == 3


def test_a_long_reply_is_cut() -> None:
    drawn = with_commands([], [told("GET", KEY, reply="x" * 400)])
    assert len(drawn[1].label) <= 24


def test_handshakes_and_exchanges_are_no_part_of_the_picture() -> None:
    exchange = {"kind": "exchange", "started": 1.0}
    assert with_commands([CREATE], [told("HELLO", "3", key=None), told("ping", key=None), exchange]) == [
        CREATE
    ]
