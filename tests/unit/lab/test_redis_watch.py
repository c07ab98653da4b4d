from __future__ import annotations

import pytest

from devenv.lab.redis_watch import Heard, label, with_commands
from devenv.lab.sequence import SequenceMessage

A, B = "captcha-api-a", "captcha-api-b"
CREATE = SequenceMessage(1.0, "client", A, "create", "request")
CREATED = SequenceMessage(2.0, A, "client", "abstract 3f2a", "reply")
NOTE = SequenceMessage(2.5, "redis", "redis", "holds it", "note")
VERIFY = SequenceMessage(3.0, "client", B, "verify", "request")
VERIFIED = SequenceMessage(4.0, B, "client", "success", "reply")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["SETEX", "rcaptcha:abstract:3f2a44bb", "60", "{}"], "SETEX abstract:3f2a44… EX 60"),
        (["SET", "rcaptcha:abstract:3f2a44bb", "{}", "EX", "60", "NX"], "SET abstract:3f2a44… EX 60"),
        (["get", "rcaptcha:imagegrid:3f2a44bb"], "GET imagegrid:3f2a44…"),
        (["EVALSHA", "ab12", "2", "rcaptcha:abstract:3f2a44bb", "x"], "EVALSHA abstract:3f2a44…"),
        (["DBSIZE"], "DBSIZE"),
    ],
)
def test_a_command_in_short(words: list[str], expected: str) -> None:
    assert label(words) == expected


def test_a_command_belongs_to_the_pod_that_was_answering() -> None:
    heard = [Heard(3.5, ("GET", "p:abstract:3f2a")), Heard(1.5, ("SETEX", "p:abstract:3f2a", "60", "{}"))]
    drawn = with_commands([CREATE, CREATED, NOTE, VERIFY, VERIFIED], heard, [A, B])
    assert [(message.source, message.target) for message in drawn] == [
        ("client", A),
        (A, "redis"),
        (A, "client"),
        ("redis", "redis"),
        ("client", B),
        (B, "redis"),
        (B, "client"),
    ]


def test_a_command_outside_every_request_is_left_out() -> None:
    heard = [Heard(0.5, ("GET", "x")), Heard(2.7, ("GET", "x")), Heard(9.0, ("GET", "x"))]
    assert with_commands([CREATE, CREATED, NOTE, VERIFY, VERIFIED], heard, [A, B]) == [
        CREATE, CREATED, NOTE, VERIFY, VERIFIED,
    ]  # fmt: skip
