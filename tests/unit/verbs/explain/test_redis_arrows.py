"""The Redis commands of a picture, from a trace of one session."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from devenv.core.model.events import Exchange, RedisCommand, TraceEvent
from devenv.core.render.sequence import SequenceMessage
from devenv.verbs.explain.redis_arrows import overtaken, with_commands

A, B = "captcha-api-a", "captcha-api-b"
CHALLENGE_ID = "3f2a44bb" * 4
KEY = f"rcaptcha:abstract:{CHALLENGE_ID}"
SESSION = json.dumps({"type": "abstract", "is_positive": [True], "attempts": 0})
Drawn = list[tuple[str, str, str, str]]


def verify(pod: str, seq: int, started: float, ended: float) -> Exchange:
    body = json.dumps({"challenge_id": CHALLENGE_ID, "selections": [0]})
    body_text = json.dumps({"success": True, "attempts": 1})
    return Exchange(
        seq, f"r{seq}", "c", "POST", "/api/abstract-verify", "pinned", pod, 200, started,
        (ended - started) * 1000, None, body, body_text,
    )  # fmt: skip


class Gate:
    """Writes commands down as the gate does, numbered as they come."""

    def __init__(self) -> None:
        self.commands: list[RedisCommand] = []

    def say(
        self, pod: str, command: str, reply: str, moment: float, *, until: float | None = None, key: str = KEY
    ) -> None:
        """One command on ``key``; with ``until`` it came at ``at`` and was held until then."""
        sent = moment if until is None else until
        fate, rule = ("passed", None) if until is None else ("released", "schedule")
        end = sent + 0.001
        seq = len(self.commands) + 1
        words = (key,) if command in ("GET", "DEL", "TTL") else (key, "60", SESSION)
        self.commands.append(
            RedisCommand(seq, pod, 1, command, words, key, reply, moment, end, fate, sent, end, rule)
        )


def drawn(messages: Sequence[SequenceMessage]) -> Drawn:
    return [(m.source, m.target, m.label, m.kind) for m in messages]


@pytest.fixture(params=[0.02, 5.0], ids=["shortly", "for long"])
def crossed(request: pytest.FixtureRequest) -> list[TraceEvent]:
    """B's second GET came before everything of A, and was let go after A's DEL."""
    gate, wait = Gate(), float(request.param)
    gate.say(B, "GET", SESSION, 1.2, until=1.2 + wait)
    gate.say(A, "GET", SESSION, 1.1, until=1.3 + wait)
    gate.say(B, "GET", "(nil)", 1.21 + wait, until=1.6 + wait)
    gate.say(A, "SETEX", "OK", 1.31 + wait, until=1.4 + wait)
    gate.say(A, "DEL", "1", 1.41 + wait, until=1.5 + wait)
    return [verify(A, 1, 1.0, 1.55 + wait), verify(B, 2, 1.15, 1.7 + wait), *gate.commands]


def test_a_command_is_one_arrow_with_its_reply_between_the_clients() -> None:
    gate = Gate()
    gate.say(A, "SETEX", "OK", 1.5)
    gate.say(A, "GET", SESSION, 1.6)
    asked = SequenceMessage(1.0, "client", A, "verify 3f2a44: right")
    message = SequenceMessage(2.0, A, "client", "success", "reply")
    trace: list[TraceEvent] = [verify(A, 1, 1.0, 2.0), *gate.commands]
    assert drawn(with_commands([asked, message], trace)) == [
        ("client", A, "verify 3f2a44: right", "request"),
        (A, "redis", "SETEX 3f2a44 EX 60: attempts 0", "request"),
        (A, "redis", "GET 3f2a44 → attempts 0", "request"),
        (A, "client", "success", "reply"),
    ]


def test_without_commands_the_messages_stay_as_they_are() -> None:
    messages = [SequenceMessage(1.0, "client", A, "verify"), SequenceMessage(2.0, A, "client", "success")]
    assert with_commands(messages, [verify(A, 1, 1.0, 2.0)]) == messages
    assert with_commands(messages, [], crossing=True) == messages


def test_commands_of_nobody_are_no_part_of_the_picture() -> None:
    gate = Gate()
    gate.say(A, "GET", "(nil)", 1.5, key="rcaptcha:abstract:" + "0" * 32)
    assert with_commands([], gate.commands) == []


def test_in_an_order_the_command_that_was_overtaken_shows_its_wait(crossed: list[TraceEvent]) -> None:
    assert drawn(with_commands([], crossed, crossing=True)) == [
        (B, "redis", "GET 3f2a44 → attempts 0", "request"),
        (B, "gate", "GET 3f2a44", "request"),
        ("gate", "gate", "held", "note"),
        (A, "redis", "GET 3f2a44 → attempts 0", "request"),
        (A, "redis", "SETEX 3f2a44 EX 60: attempts 0", "request"),
        (A, "redis", "DEL 3f2a44 → 1", "request"),
        ("gate", "gate", "let go after DEL", "note"),
        ("gate", "redis", "GET → nothing", "request"),
    ]


def test_which_command_was_overtaken_and_by_which(crossed: list[TraceEvent]) -> None:
    result = overtaken(crossed)
    assert result is not None
    assert (result.command.pod, result.command.reply) == (B, "(nil)")
    assert [(item.pod, item.command) for item in result.by] == [(A, "GET"), (A, "SETEX"), (A, "DEL")]


def test_commands_one_after_the_other_overtake_nobody() -> None:
    gate = Gate()
    for position, pod in ((1.1, A), (1.2, B), (1.3, A)):
        gate.say(pod, "GET", SESSION, position)
    assert overtaken(gate.commands) is None
