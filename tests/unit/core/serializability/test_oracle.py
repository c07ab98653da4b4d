"""Ends that a sequence gives are right, whatever they are; all others are violations with their kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from devenv.core.model.requests import Request
from devenv.core.model.session_profile import SessionProfile, SessionRequest
from devenv.core.serializability.ends import End, HttpAnswer
from devenv.core.serializability.meeting import parse_session_meeting, sequences
from devenv.core.serializability.oracle import CAME_BACK, LOST_UPDATE, NOT_SERIAL, Oracle

SESSION = SessionProfile(
    (Request("/login"),),
    Request("/me", "GET"),
    {
        "a": SessionRequest(Request("/set?a=1")),
        "b": SessionRequest(Request("/set?b=1")),
        "count": SessionRequest(Request("/count")),
        "logout": SessionRequest(Request("/logout"), ends=True),
    },
)
OK, NO = HttpAnswer(200, b'{"ok": true}'), HttpAnswer(401, b'{"error": "no session"}')


def state(data: Mapping[str, Any] | None) -> HttpAnswer:
    return NO if data is None else HttpAnswer(200, json.dumps(data).encode())


def play(oracle: Oracle, sequence: tuple[int, ...]) -> End[int]:
    """A service that is right, one request after the other."""
    session: dict[str, Any] | None = {"user": "alice"}
    answers = {}
    for position in sequence:
        request = oracle.meeting.members[position].request
        answers[position] = NO if session is None else OK
        if session is None:
            continue
        if request == "logout":
            session = None
        elif request == "count":
            session["n"] = session.get("n", 0) + 1
            answers[position] = state({"n": session["n"]})
        elif request == "ask":
            answers[position] = state(session)
        else:
            session[request] = 1
    return End(answers, state(session))


def oracle(expression: str) -> Oracle:
    made = Oracle(parse_session_meeting(expression, SESSION), SESSION)
    for _ in range(2):
        for sequence in sequences(len(made.meeting.members)):
            made.play(sequence, play(made, sequence))
    return made


def kind(expression: str, answers: Mapping[int, HttpAnswer], ask: HttpAnswer) -> str | None:
    violation = oracle(expression).judge(End(answers, ask))
    return None if violation is None else violation.kind


@pytest.mark.parametrize("expression", ["a+b", "a+logout", "ask+logout", "2 count", "a+b+logout"])
def test_every_sequence_of_all_is_right(expression: str) -> None:
    judged = oracle(expression)
    count = len(judged.meeting.members)
    for sequence in (item for item in sequences(count) if len(item) == count):
        assert judged.judge(play(judged, sequence)) is None


def test_a_change_that_is_missing_is_a_lost_update() -> None:
    end = End({0: OK, 1: OK}, state({"user": "alice", "b": 1}))
    violation = oracle("a+b").judge(end)
    assert violation is not None and violation.kind == LOST_UPDATE
    assert violation.sentence.startswith("nothing is left of a; a told 200")
    assert violation.sentence.endswith('then GET /me 200 {"user": "alice", "b": 1}')


def test_two_counts_of_which_one_is_left_are_a_lost_update() -> None:
    one = state({"n": 1})
    assert kind("2 count", {0: one, 1: one}, state({"user": "alice", "n": 1})) == LOST_UPDATE


def test_a_session_that_is_there_after_its_end_came_back() -> None:
    assert kind("a+logout", {0: OK, 1: OK}, state({"user": "alice", "a": 1})) == CAME_BACK
    assert kind("ask+logout", {0: state({"user": "alice"}), 1: OK}, state({"user": "alice"})) == CAME_BACK


def test_an_end_that_is_neither_is_not_serial() -> None:
    assert kind("a+b", {0: OK, 1: OK}, state({"user": "bob", "a": 1, "b": 1})) == NOT_SERIAL
    assert kind("a+b", {0: OK, 1: OK}, NO) == NOT_SERIAL


def test_a_refused_request_counts_as_one_that_was_not_there() -> None:
    interrupted = HttpAnswer(400, b"SessionInterrupted")  # no sequence says so
    assert kind("a+logout", {0: interrupted, 1: OK}, NO) is None
    assert kind("a+b", {0: HttpAnswer(500, b"oops"), 1: OK}, state({"user": "alice", "b": 1})) is None


def test_a_refused_request_that_has_an_effect_is_a_violation() -> None:
    end = {0: HttpAnswer(500, b"oops"), 1: OK}
    assert kind("a+b", end, state({"user": "alice", "a": 1, "b": 1})) == NOT_SERIAL


def test_a_logout_that_was_refused_ended_nothing() -> None:
    assert kind("a+logout", {0: OK, 1: HttpAnswer(503, b"busy")}, state({"user": "alice", "a": 1})) is None


def test_a_refusal_that_costs_something_is_explained_by_the_sequence_with_it() -> None:
    """The second use of a code is refused and locks the session: refused, and not without effect."""
    meeting = parse_session_meeting("2 a", SESSION)
    judged = Oracle(meeting, SESSION)
    locked, used = state({"locked": True}), state({"used": True})
    refused = HttpAnswer(409, b"used")
    ends = {(): state({}), (0,): used, (1,): used, (0, 1): locked, (1, 0): locked}
    for sequence, ask in ends.items():
        answers = {position: refused if place else OK for place, position in enumerate(sequence)}
        judged.play(sequence, End(answers, ask))
    assert judged.judge(End({0: OK, 1: refused}, locked)) is None
    assert judged.judge(End({0: OK, 1: OK}, used)) is not None
    assert judged.judge(End({0: OK, 1: HttpAnswer(500, b"")}, locked)) is not None


def test_what_changes_from_play_to_play_is_not_compared() -> None:
    judged = Oracle(parse_session_meeting("a+b", SESSION), SESSION)
    for time in (1, 2):
        for sequence in sequences(2):
            end = play(judged, sequence)
            data = json.loads(end.ask.body)
            judged.play(sequence, End(end.answers, state({**data, "seen_at": time})))
    assert judged.masks.described() == {"ask": ("seen_at",)}
    assert judged.unsteady() == ()
    both = {"user": "alice", "a": 1, "b": 1, "seen_at": 7}
    assert judged.judge(End({0: OK, 1: OK}, state(both))) is None
    lost = judged.judge(End({0: OK, 1: OK}, state({"user": "alice", "a": 1, "seen_at": 7})))
    assert lost is not None and lost.kind == LOST_UPDATE


def test_a_sequence_that_ends_in_two_ways_is_said() -> None:
    judged = oracle("a+b")
    judged.play((0,), End({0: OK}, NO))
    assert judged.unsteady() == ((0,),)


def test_where_nothing_was_played_nothing_is_explained() -> None:
    judged = Oracle(parse_session_meeting("a+b", SESSION), SESSION)
    assert judged.judge(End({0: OK, 1: OK}, state({}))) is not None
