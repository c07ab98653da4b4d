from __future__ import annotations

from typing import Any

import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.ids import ChallengeId
from devenv.core.model.service import Rule
from devenv.verbs.init.answers import Answered, IdPlace, hint_for, place_of_id, rules, unknown_like


def answered(body: dict[str, Any], status: int = 200, **more: Any) -> Answered:
    return Answered(status, body, **more)


@pytest.mark.parametrize(
    ("first", "second", "place"),
    [
        ({"a": {"ticket": "x1"}, "n": 1}, {"a": {"ticket": "x2"}, "n": 1}, "a.ticket"),
        ({"seed": "abcdefgh1", "id": 4}, {"seed": "abcdefgh2", "id": 5}, "id"),
        ({"q": "2+3", "handle8": "abcdefgh1"}, {"q": "4+4", "handle8": "abcdefgh2"}, "handle8"),
        ({"q": "2+3"}, {"q": "4+4"}, None),
        ({"id": "same"}, {"id": "same"}, None),
        ({"ok": True}, {"ok": False}, None),
    ],
)
def test_the_id_is_what_two_sessions_differ_in(
    first: dict[str, object], second: dict[str, object], place: str | None
) -> None:
    result = place_of_id(answered(first), answered(second))
    assert result == (None if place is None else IdPlace(field=place))


def test_an_id_may_stand_in_a_header_or_a_cookie() -> None:
    headers = [
        {"date": "x", "x-request-id": n, "x-served-by": "a", "x-game-session": f"9f{n}", "etag": n}
        for n in "12"
    ]
    first, second = (answered({}, headers=item) for item in headers)
    assert place_of_id(first, second) == IdPlace(header="x-game-session")
    cookies = [
        answered({"opened": f"123456789{n}"}, cookies={"theme": "dark", "sid": f"ab{n}"}) for n in "12"
    ]
    assert place_of_id(*cookies) == IdPlace(cookie="sid")  # a time in the body is no id
    both = [answered({"id": f"x{n}"}, cookies={"sid": f"ab{n}"}) for n in "12"]
    assert place_of_id(*both) == IdPlace(field="id")


def test_not_found_is_what_an_unknown_id_differs_in() -> None:
    no, gone = {"ok": False}, {"ok": False, "message": "unknown"}
    not_found, wrong, success, _ = rules(answered(no), answered(gone))
    assert not_found == (Rule(status=(200,), equals={"message": "unknown"}),)
    assert wrong == (Rule(status=(200,), equals={"ok": False}),)
    assert success == (Rule(equals={"ok": True}),)
    assert rules(answered(no), answered({}, 404)).not_found == (Rule(status=(404,)),)


def test_not_found_may_stand_in_a_list_of_errors() -> None:
    """As GraphQL answers it, with 200 and no data."""
    known = answered({"data": {"answer": {"ok": False}}})
    error = {"message": "no such challenge", "extensions": {"code": "NOT_FOUND"}}
    understood = rules(known, answered({"data": None, "errors": [error]}))
    assert understood.not_found == (Rule(status=(200,), equals={"errors.0.message": "no such challenge"}),)
    with pytest.raises(EnvironmentProblem, match="answered as one that is known"):
        rules(answered({"errors": ["no"]}), answered({"errors": ["no"]}))


MISMATCH = {"ok": False, "reason": "mismatch"}
GONE = {"ok": False, "reason": "expired"}


@pytest.mark.parametrize(
    ("known", "again", "reason"),
    [
        (MISMATCH, MISMATCH, "mismatch"),
        (MISMATCH, GONE, "mismatch"),  # the first wrong answer ended the session
        (MISMATCH, {"ok": False, "state": "last try"}, None),
        (MISMATCH, {"ok": False, "reason": "last try"}, None),
        ({"ok": False, "reason": "2 tries left"}, GONE, None),
    ],
)
def test_an_error_inside_the_service_is_no_wrong_answer(
    known: dict[str, Any], again: dict[str, Any], reason: str | None
) -> None:
    understood = rules(answered(known), answered(GONE), again=answered(again))
    [wrong] = understood.wrong
    assert wrong.equals == {"ok": False} | ({"reason": reason} if reason else {})
    assert wrong.holds(200, {"ok": False, "reason": "internal"}) is (reason is None)
    assert understood.not_found == (Rule(status=(200,), equals={"reason": "expired"}),)


def test_another_error_is_no_success() -> None:
    for place in ("error", "data.code", "message"):
        head, _, name = place.rpartition(".")
        body = {head: {name: "WRONG_CODE"}} if head else {name: "WRONG_CODE"}
        understood = rules(answered(body), answered({}, 404))
        assert (understood.success, understood.notes) == ((), ("how success looks is not known",))
    [success] = rules(answered({"status": "fail"}), answered({}, 404)).success
    states = ("success", "fail", "error")
    assert [state for state in states if success.holds(200, {"status": state})] == ["success"]


@pytest.mark.parametrize(
    ("known", "takes_answer", "wrong", "success"),
    [
        ({"ok": True}, True, (Rule(equals={"ok": False}),), (Rule(equals={"ok": True}),)),
        ({"ok": True, "right": False}, True, (Rule(status=(200,), equals={"right": False}),), None),
        ({"ok": True, "user": "alice"}, False, (), (Rule(status=(200,)),)),
        ({}, False, (), (Rule(status=(200,)),)),
        ({"ok": False}, False, (Rule(status=(200,), equals={"ok": False}),), None),
    ],
)
def test_a_good_change_is_no_wrong_answer(
    known: dict[str, object], takes_answer: bool, wrong: tuple[Rule, ...], success: tuple[Rule, ...] | None
) -> None:
    understood = rules(answered(known), answered({}, 401), takes_answer)
    assert understood.wrong == wrong
    assert success is None or understood.success == success


def test_two_answers_that_are_alike_tell_nothing_and_are_quoted() -> None:
    with pytest.raises(EnvironmentProblem, match="answered as one that is known: 200"):
        rules(answered({"ok": False}), answered({"ok": False}))
    refused = answered({"detail": "no token"}, 401, text='{"detail": "no token"}')
    with pytest.raises(EnvironmentProblem, match=r'401 \{"detail": "no token"\}') as problem:
        rules(refused, refused)
    assert "--header" in str(problem.value.hint)


@pytest.mark.parametrize(
    ("status", "flag"), [(401, "--header"), (403, "--header"), (422, "--body"), (500, "--body")]
)
def test_a_refusal_names_what_may_be_missing(status: int, flag: str) -> None:
    assert hint_for(status, "--body").startswith(flag)


def test_an_unknown_id_has_the_same_form() -> None:
    challenge_id = "3f2a-XYZ_9c"
    other = str(unknown_like(ChallengeId(challenge_id)))
    assert other != challenge_id
    assert len(other) == len(challenge_id)
    assert all(one.isdigit() == two.isdigit() for one, two in zip(challenge_id, other, strict=True))
    assert unknown_like(4711) == 987_659_032  # a counter gives out the next numbers soon
    assert unknown_like(ChallengeId("4711")) == "987659032"
    assert unknown_like(12345678901) == 45678901234


def test_a_cookie_that_signs_another_is_no_id() -> None:
    first, second = (
        Answered(200, {}, {}, {"koa.sess.sig": f"{text}-signature", "koa.sess": f"{text}-session"})
        for text in ("one", "two")
    )
    place = place_of_id(first, second)
    assert place is not None and place.cookie == "koa.sess"
