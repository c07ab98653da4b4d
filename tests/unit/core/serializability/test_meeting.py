"""Expressions over a session's requests."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.requests import Request
from devenv.core.model.session_profile import SessionProfile, SessionRequest
from devenv.core.serializability.meeting import is_meeting, parse_session_meeting, sequences

SESSION = SessionProfile(
    (Request("/login"),),
    Request("/me", "GET"),
    {name: SessionRequest(Request(f"/{name}")) for name in ("a", "b", "log-out", "a2")},
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a+b", ("a", "b")),
        (" ask + log-out ", ("ask", "log-out")),
        ("2 b", ("b", "b2")),
        ("2 a+b", ("a", "a3", "b")),  # a2 is a request of its own
        ("a+a2+2 b", ("a", "a2", "b", "b2")),
    ],
)
def test_each_member_has_a_name_of_its_own(text: str, names: tuple[str, ...]) -> None:
    assert parse_session_meeting(text, SESSION).names == names
    assert is_meeting(text, SESSION)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a+c", "'c' in 'a+c' is no request of [session.requests]"),
        ("", "'' in '' is no request"),
        ("a", "'a' is one request: at least two must meet"),
        ("5 a", "at most 4"),
    ],
)
def test_what_is_no_meeting_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageProblem, match="") as caught:
        parse_session_meeting(text, SESSION)
    assert message in caught.value.message


def test_an_expression_about_challenges_is_none_about_a_session() -> None:
    assert not is_meeting("R+W", SESSION)


def test_the_sequences_are_those_of_every_selection() -> None:
    assert sequences(2) == ((), (0,), (1,), (0, 1), (1, 0))
    assert [len(sequences(count)) for count in (1, 3, 4)] == [2, 16, 65]
