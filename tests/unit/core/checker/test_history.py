"""Reading history.jsonl: what pairs with what, what was told, and messages that name the line."""

from __future__ import annotations

import json
from math import inf
from typing import Any

import pytest

from devenv.core.checker.history import history_of, parse_history
from devenv.core.model.errors import UsageProblem
from devenv.core.model.events import EventType, HistoryEvent
from devenv.core.model.vocabulary import Answer
from devenv.core.spec.captcha_session import Result, ResultKind


def line(kind: str, f: str, time: float, process: int = 0, **more: Any) -> dict[str, Any]:
    return {"process": process, "type": kind, "f": f, "time": time, **more}


def parse(*lines: dict[str, Any] | str) -> Any:
    return parse_history(
        "\n".join(one_line if isinstance(one_line, str) else json.dumps(one_line) for one_line in lines),
        "h.jsonl",
    )


def problem(*lines: dict[str, Any] | str) -> str:
    with pytest.raises(UsageProblem) as caught:
        parse(*lines)
    return caught.value.message


def verified(**value: Any) -> Any:
    begin, end = line("invoke", "verify", 1, key="k", value=value), line("ok", "verify", 2, value=value)
    [operation] = parse(begin, end).of("k")
    return operation


def test_an_operation_is_an_invoke_and_its_end() -> None:
    history = parse(
        line("invoke", "verify", 1, process=1, pod="a", key="abstract:c", value={"answer": "right"}),
        "",
        line("invoke", "verify", 1.5, process=2, key="abstract:c", value={"answer": "wrong"}),
        line("ok", "verify", 2, process=2, pod="b", value={"outcome": "wrong", "attempts": 1}),
        line("ok", "verify", 3, process=1, pod="a", value={"outcome": "success", "attempts": 2}),
    )
    right, wrong = history.operations
    assert (right.process, right.called, right.returned, right.lines, right.pod) == (1, 1, 3, (1, 5), "a")
    assert (right.answer, right.result) == (Answer.RIGHT, Result(ResultKind.SUCCESS, 2))
    assert (wrong.lines, wrong.pod, wrong.result) == ((3, 4), "b", Result(ResultKind.WRONG, 1))
    assert history.challenges == ("abstract:c",)
    assert str(right) == "verify right on a (lines 1, 5)"


def test_what_does_not_end_is_lost() -> None:
    history = parse(
        line("invoke", "verify", 1, key="k"),
        line("info", "verify", 2, key="k", value={"status": 503}),
        line("invoke", "verify", 3, process=1, key="k"),
    )
    assert [(operation.type, operation.returned, operation.lost) for operation in history.operations] == [
        ("info", inf, True)
    ] * 2


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ({"outcome": "success", "attempts": 1}, Result(ResultKind.SUCCESS, 1)),
        ({"outcome": "wrong", "attempts": None}, Result(ResultKind.WRONG)),
        ({"outcome": "not_found", "attempts": 2}, Result(ResultKind.NOT_FOUND)),
        ({"outcome": "already_solved"}, Result(ResultKind.ALREADY_SOLVED)),
        ({"outcome": "error", "message": "Challenge already solved"}, Result(ResultKind.ALREADY_SOLVED)),
        ({"outcome": "error", "message": "Challenge expired"}, Result(ResultKind.EXPIRED)),
        ({"message": "Challenge not found"}, Result(ResultKind.NOT_FOUND)),
    ],
)
def test_what_a_verify_was_told(value: dict[str, Any], result: Result) -> None:
    operation = verified(**value)
    assert (operation.type, operation.result) == ("ok", result)


def test_an_answer_without_a_grade_had_no_effect() -> None:
    operation = verified(outcome="error", message="Invalid signature detected")
    assert (operation.type, operation.result, operation.outcome) == ("fail", None, "error")


def test_a_line_ends_with_a_line_feed_only() -> None:
    message = line("ok", "verify", 2, key="k", value={"outcome": "error", "message": "one\u2028two\x85"})
    text = "\r\n".join(
        json.dumps(item, ensure_ascii=False) for item in (line("invoke", "verify", 1), message)
    )
    [operation] = parse_history(text, "h.jsonl").operations
    assert operation.lines == (1, 2)


def test_selections_are_compared_with_those_known_to_be_right() -> None:
    def verify(number: int, **value: Any) -> list[dict[str, Any]]:
        messages = {"outcome": "not_found"}
        return [
            line("invoke", "verify", number, key="k", value=value),
            line("ok", "verify", number + 0.5, key="k", value=messages),
        ]

    history = parse(
        *verify(1, answer="[2, 0]", selections=[2, 0]),
        *verify(2, answer="right", selections=[0, 2]),
        *verify(3, selections=[1]),
        *verify(4, answer="[]"),
        *verify(5),
        *verify(6, answer="[__import__('os')]"),
    )
    answers = [operation.answer for operation in history.operations]
    assert answers == [Answer.RIGHT, Answer.RIGHT, Answer.WRONG, Answer.EMPTY, None, None]


def test_the_challenge_is_the_key_or_type_and_id() -> None:
    value = {"type": "imagegrid", "challenge_id": "c", "outcome": "not_found"}
    history = parse(
        line("invoke", "verify", 1, value=value), line("ok", "verify", 2, value=value),
        line("invoke", "verify", 3, value={"challenge_id": "d"}),
        line("invoke", "verify", 3, process=1, key="x:e", value={"challenge_id": "e"}),
        line("invoke", "create", 4, process=2, value={}),
    )  # fmt: skip
    assert [operation.challenge for operation in history.operations] == ["imagegrid:c", "d", "x:e", None]


def test_what_needs_no_invoke() -> None:
    history = parse(
        line("invoke", "create", 0), line("ok", "create", 1, key="k"),
        line("invoke", "create", 1), line("ok", "create", 1, key="l"),
        line("ok", "expire", 2, process=9, key="k"),
        line("ok", "flush", 3, process=9),
        line("ok", "keys", 4, process=9, value={"keys": {"k": -1}}),
        line("info", "nemesis", 5, process=9, value=None),
        line("invoke", "nemesis", 5, process=9),
    )  # fmt: skip
    assert [item.f for item in history.of("k")] == ["create", "expire", "flush"]
    assert [item.f for item in history.of("l")] == ["create", "flush"]
    assert [(look.called, look.keys, look.line) for look in history.seen] == [(4, {"k": -1}, 7)]
    assert history.ignored == 2


def test_events_at_hand() -> None:
    def event(kind: EventType, time: float) -> HistoryEvent:
        return HistoryEvent(0, kind, "verify", {"outcome": "not_found"}, time, None, "k")

    [operation] = history_of([event("invoke", 1), event("ok", 2)]).operations
    assert (operation.lines, operation.result) == ((1, 2), Result(ResultKind.NOT_FOUND))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["", "  "], "h.jsonl: the history is empty"),
        (["{"], "h.jsonl:1: not JSON: Expecting"),
        (["", "[1]"], "h.jsonl:2: an event is a JSON object, not list"),
        ([line("invoke", "x", 1) | {"process": "a"}], "h.jsonl:1: 'process' must be an integer, not \"a\""),
        ([{"process": 1, "type": "ok"}], "h.jsonl:1: 'f' must be a text: create, verify, …, and is missing"),
        ([line("done", "x", 1)], "h.jsonl:1: 'type' must be one of invoke, ok, fail, info, not \"done\""),
        ([line("ok", "x", True)], "h.jsonl:1: 'time' must be a number of seconds, not true"),
        ([line("ok", "x", 1, value=[])], "h.jsonl:1: 'value' must be an object, not []"),
        ([line("ok", "x", 1, key=7)], "h.jsonl:1: 'key' must be a text, not 7"),
        (
            [line("invoke", "create", 1), line("invoke", "verify", 2)],
            "h.jsonl:2: process 0 begins verify while its create of line 1 has not ended",
        ),
        ([line("ok", "verify", 1)], "h.jsonl:1: process 0 ends a verify that it has not begun"),
        (
            [line("invoke", "create", 1), line("ok", "create", 0)],
            "h.jsonl:2: create ends before it begins (line 1)",
        ),
        (
            [line("invoke", "verify", 1), line("ok", "verify", 2)],
            "h.jsonl:2: a verify that is ok needs 'value.outcome'",
        ),
        (
            [
                line("invoke", "verify", 1),
                line("ok", "verify", 2, value={"outcome": "wrong", "attempts": "1"}),
            ],
            "h.jsonl:2: 'value.attempts' must be an integer",
        ),
        (
            [line("invoke", "verify", 1), line("ok", "verify", 2, value={"outcome": "Success"})],
            "h.jsonl:2: 'value.outcome' \"Success\" is no outcome",
        ),
        (
            [line("ok", "keys", 1, value={"keys": ["k"]})],
            "h.jsonl:1: 'value.keys' must map keys to their milliseconds left (-1: no TTL)",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_line(lines: list[Any], message: str) -> None:
    assert problem(*lines).startswith(message)
