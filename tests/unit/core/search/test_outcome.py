"""What is wrong with an outcome."""

import json
from dataclasses import replace
from itertools import combinations_with_replacement, product

import pytest

from devenv.core.model.ids import SessionKey
from devenv.core.search.behaviour import NO_ANSWER, Answered
from devenv.core.search.expression import parse_meeting
from devenv.core.search.outcome import (
    AT_NO_COST,
    Beside,
    Outcome,
    Usual,
    beside_of,
    ends_session,
    is_graded,
    is_graded_answer,
    judge,
    life,
    possible_beyond_limit,
    read_answer,
    remains,
)


def answered(status: int = 200, **body: object) -> Answered:
    return Answered(status, json.dumps(body))


RIGHT = answered(success=True, attempts=1)
RIGHT_2 = answered(success=True, attempts=2)
WRONG = answered(success=False, attempts=1)
WRONG_2 = answered(success=False, attempts=2, downshift=True, message="Too many")
GONE = answered(success=False, message="Challenge not found")
SOLVED = answered(success=False, message="Challenge already solved")
BUSY = answered(503, ok=False, error="busy")
STUB = '{"attempts": 1}'
WHOLE = '{"attempts": 1, "cid": "x"}'


@pytest.mark.parametrize(
    ("text", "answers", "happened", "left", "document", "kinds"),
    [
        ("R", [RIGHT], [], None, None, []),
        ("R+R", [RIGHT, GONE], [], None, None, []),
        ("R+R", [RIGHT, SOLVED], [], None, None, []),
        ("R+R", [RIGHT, RIGHT_2], [], None, None, ["double-success"]),
        ("W+W", [WRONG, WRONG_2], [], None, None, []),
        ("W+W", [WRONG, WRONG], [], 60_000, WHOLE, ["lost-attempt"]),
        ("R+W", [RIGHT, WRONG], [], -1, STUB, ["lost-attempt", "resurrected-key"]),
        ("R+E", [GONE, RIGHT], [], None, None, ["empty-bypass"]),
        ("3 W", [WRONG, WRONG_2, WRONG], [], None, None, ["lost-attempt", "more-than-two-graded"]),
        ("R", [GONE], [], None, None, ["not-linearizable"]),
        ("R+X", [GONE], [True], None, None, []),
        ("R+X", [GONE], [False], None, None, ["not-linearizable"]),
        ("W+X", [WRONG], [True], -1, STUB, ["expiry-inside-verify"]),
        ("W+A", [WRONG], [True], -1, WHOLE, ["ttl-rounds-to-zero"]),
        ("W", [WRONG], [], -1, WHOLE, ["no-ttl"]),
        ("R+L", [GONE], [True], None, None, ["reply-lost"]),
        ("R+L", [answered(503)], [True], None, None, []),
        ("R+L", [answered(500)], [True], None, None, ["reply-lost"]),
        ("R+P", [NO_ANSWER], [True], None, None, []),
        ("R+W+P", [NO_ANSWER, GONE], [True], None, None, []),  # the first had its effect
        ("R+W+P", [NO_ANSWER, WRONG], [True], 60_000, WHOLE, []),  # or it had none
        ("R+W+P", [NO_ANSWER, WRONG_2], [True], None, None, ["half-done"]),
        ("R+W+P", [RIGHT, NO_ANSWER], [True], None, None, ["server-error"]),  # of the other pod
        ("R+P", [NO_ANSWER], [False], None, None, ["server-error"]),
        ("R", [answered(500)], [], None, None, ["server-error"]),
        ("R", [answered(503)], [], None, None, ["server-error"]),
        ("R+W", [RIGHT, answered(503)], [], None, None, ["server-error"]),  # it does not say anything
        ("R+W", [RIGHT, BUSY], [], None, None, []),
        ("R+W", [RIGHT, answered(429, detail="slow down")], [], None, None, []),
        ("R+W", [RIGHT, answered(500, detail="busy")], [], None, None, ["server-error"]),
        ("R+W", [BUSY, BUSY], [], None, None, ["server-error"]),  # nobody was served
        ("R+W", [RIGHT, answered(404)], [], None, None, []),
        ("R+W", [answered(400), answered(404)], [], None, None, []),
        ("W+W+W", [WRONG, WRONG, BUSY], [], 60_000, WHOLE, ["lost-attempt"]),
    ],
)  # fmt: skip
def test_kinds(
    text: str,
    answers: list[Answered],
    happened: list[bool],
    left: int | None,
    document: str | None,
    kinds: list[str],
) -> None:
    outcome = Outcome(tuple(answers), tuple(happened), left, document)
    judgement = judge(parse_meeting(text).cast()[0], outcome)
    assert sorted(item.kind for item in judgement) == kinds
    assert all(item.sentence for item in judgement)


def test_time_left_is_rounded_to_what_matters() -> None:
    assert [life(item) for item in (None, -2, -1, 0, 399, 400, 401, 59_990)] == [
        None, None, -1, 400, 400, 400, 60_000, 60_000,
    ]  # fmt: skip


def test_a_counter_may_outlive_its_session_but_not_for_ever() -> None:
    cast = parse_meeting("R").cast()[0]
    for left, kinds in ((60_000, []), (-1, ["no-ttl"])):
        beside = beside_of(
            {"p:abstract:7": (None, b"x"), "p:abstract:7:attempts": (left, b"1")}, SessionKey("p:abstract:7")
        )
        assert beside == (Beside("rcaptcha:abstract:challenge:attempts", left, 1),)
        judgement = judge(cast, Outcome((RIGHT,), (), None, None, beside))
        assert [item.kind for item in judgement] == kinds
        assert all("challenge:attempts is there without a TTL" in item.sentence for item in judgement)


def test_what_lies_beside_a_session() -> None:
    keys = {
        "p:abstract:7": (60_000, b"{}"),
        "p:lock:7": (900, b"\xff token"),
        "p:gone:7": (-2, None),
        "p:receipt:{p:abstract:7}": (10_000, None),
    }
    assert beside_of(keys, SessionKey("p:abstract:7")) == (Beside("p:lock:challenge", 60_000, None),)


@pytest.mark.parametrize(
    ("limit", "answers", "kinds"),
    [
        (1, [WRONG, GONE], []),
        (2, [WRONG, GONE], ["not-linearizable"]),
        (3, [WRONG, GONE], ["not-linearizable"]),
        (0, [answered(success=False, message="wrong, at no cost"), GONE], ["not-linearizable"]),
        (None, [answered(success=False), GONE], []),
        (1, [WRONG, WRONG], ["lost-attempt", "more-than-two-graded"]),
        (None, [answered(success=False), answered(success=False)], []),
        (3, [WRONG, WRONG_2], []),
    ],
)
def test_the_limit_of_the_service(limit: int | None, answers: list[Answered], kinds: list[str]) -> None:
    cast = parse_meeting("W+W").cast()[0]
    judgement = judge(cast, Outcome(tuple(answers), (), None, None), limit)
    assert sorted(item.kind for item in judgement) == kinds


AT_COST_NOTHING = answered(success=False, message=AT_NO_COST)


@pytest.mark.parametrize(
    ("answers", "graded"),
    [
        ([RIGHT], True),
        ([answered(500), AT_COST_NOTHING], True),
        ([GONE], True),
        ([answered(done=True), answered(404), NO_ANSWER], False),
    ],
)
def test_whether_any_answer_was_graded(answers: list[Answered], graded: bool) -> None:
    assert is_graded(Outcome(tuple(answers), (), None, None)) is graded


def test_a_wrong_answer_at_no_cost_is_a_wrong_one() -> None:
    assert str(read_answer(AT_COST_NOTHING)) == "wrong"


@pytest.mark.parametrize(
    ("usual", "kinds"),
    [
        ((), ["resurrected-key"]),
        (((60_000, "{}"),), ["resurrected-key"]),
        (((60_000, WHOLE),), []),
        (((60_000, None),), []),
        (((-1, None),), ["resurrected-key"]),
    ],
)
def test_what_requests_leave_one_after_the_other_is_no_resurrection(
    usual: tuple[tuple[int, str | None], ...], kinds: list[str]
) -> None:
    """aiohttp-session's logout writes {}: that the key is there proves nothing."""
    outcome = Outcome((RIGHT,), (), 60_000, WHOLE)
    judgement = judge(parse_meeting("R").cast()[0], outcome, 0, Usual(frozenset(usual), 1))
    assert [item.kind for item in judgement] == kinds


BOTH = '{"items": [1, 2], "used": 1764500000.5}'


@pytest.mark.parametrize(
    ("left", "answers", "kinds"),
    [
        (BOTH, (200, 200), []),
        (BOTH.replace("000.5", "009.25"), (200, 200), []),
        ('{"items": [2], "used": 1764500000.5}', (200, 200), ["not-serial"]),
        ('{"items": [2], "used": 1764500000.5}', (200, 409), []),
    ],
    ids=["as in a sequence", "at another time", "a change is lost", "one was refused"],
)
def test_what_no_sequence_leaves_is_not_serial(left: str, answers: tuple[int, ...], kinds: list[str]) -> None:
    body = json.dumps({"success": False, "message": AT_NO_COST})
    refused = json.dumps({"detail": "busy"})
    outcome = Outcome(
        tuple(Answered(status, body if status == 200 else refused) for status in answers), (), 60_000, left
    )
    usual = Usual(frozenset({remains(replace(outcome, document=BOTH))}), 2)
    cast = parse_meeting("2 W").cast()[0]
    assert [item.kind for item in judge(cast, outcome, 0, usual)] == kinds
    assert judge(cast, outcome, 0) == (), "where no sequence was asked, nothing is concluded"
    alone = replace(outcome, answers=outcome.answers[:1])
    one = parse_meeting("W").cast()[0]
    assert judge(one, alone, 0, usual) == (), "one request alone leaves what two in sequence never leave"


ANSWERS = [RIGHT, RIGHT_2, WRONG, WRONG_2, answered(success=False, attempts=3), GONE, answered(500), BUSY]
LEFT = [(None, None), (-1, STUB), (60_000, WHOLE), (60_000, STUB)]


@pytest.mark.parametrize("events", ["", "+X", "+A"])
@pytest.mark.parametrize("letters", ["R+W+E"])
def test_every_kind_of_many_graded_answers_is_possible_by_its_parts(letters: str, events: str) -> None:
    """``judge`` of every outcome with more graded answers than a session takes."""
    [cast] = parse_meeting(letters + events).cast()
    requests = [item for item in cast if item.answer is not None]
    times = len(cast) - len(requests)
    for answers in combinations_with_replacement(ANSWERS, 3):
        if sum(is_graded_answer(answer) for answer in answers) <= 2:
            continue
        for (left, document), happened in product(LEFT, product([False, True], repeat=times)):
            outcome = Outcome(answers, happened, left, document)
            expired = any(
                done and item.event == "expire"
                for item, done in zip(cast[len(requests) :], happened, strict=True)
            )
            ended = expired or any(ends_session(answer, 2) for answer in answers)
            each = [(request, answer, False) for request, answer in zip(requests, answers, strict=True)]
            remains = Outcome((), happened, left, document)
            possible = possible_beyond_limit(cast, each, [(remains, ended)])
            assert {finding.kind for finding in judge(cast, outcome)} <= possible, outcome
            unsure = possible_beyond_limit(cast, each, [(remains, False)])
            assert {finding.kind for finding in judge(cast, outcome)} <= unsure, outcome


def test_what_cannot_follow_is_ruled_out() -> None:
    [cast] = parse_meeting("3 W+X").cast()
    each = [(item, answer, False) for item, answer in zip(cast, [WRONG, WRONG_2, GONE], strict=False)]
    gone = Outcome((), (False,), None, None)
    assert possible_beyond_limit(cast, each, [(gone, True)]) == {"lost-attempt", "more-than-two-graded"}
    stub = Outcome((), (False,), -1, STUB)
    assert possible_beyond_limit(cast, [], [(stub, True)]) - possible_beyond_limit(cast, [], []) == {
        "resurrected-key"
    }
    passed = [(cast[0], RIGHT, False)]
    assert "double-success" in possible_beyond_limit(cast, passed, []), "three equal requests can pass"
    [mixed] = parse_meeting("R+2 W").cast()
    passed = [(mixed[0], RIGHT, False), (mixed[1], WRONG, False)]
    assert "double-success" not in possible_beyond_limit(mixed, passed, []), "one request alone can pass"
    counter = Outcome((), (False,), None, None, (Beside("captcha:challenge:attempts", -1, 3),))
    assert "no-ttl" in possible_beyond_limit(cast, [], [(counter, True)])
    assert "wrong-answer-passed" in possible_beyond_limit(cast, [(cast[0], RIGHT, False)], [])
    assert "server-error" in possible_beyond_limit(cast, [(cast[0], answered(500), False)], [])
    assert "server-error" not in possible_beyond_limit(cast, [(cast[0], BUSY, False)], [])
