"""The names of a session are types of their own, and traces with them are read back."""

from __future__ import annotations

import pytest

from devenv.core.model import ids
from devenv.core.model.events import Exchange
from devenv.harness.runs import trace


@pytest.mark.parametrize("name", ["ChallengeId", "SessionKey", "SessionHeader", "SessionName"])
def test_each_is_its_text_at_run_time(name: str) -> None:
    kind = getattr(ids, name)
    assert kind.__supertype__ is str
    assert kind("a") == "a"
    assert type(kind("a")) is str


def test_a_field_of_such_a_type_takes_text_or_nothing() -> None:
    session = trace._FIELD_TYPES[Exchange]["session"]
    assert session.fits(ids.SessionHeader("abc"))
    assert session.fits(None)
    assert not session.fits(7)
