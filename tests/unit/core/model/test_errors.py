"""Errors cross the control API as what they are."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import (
    DevenvError,
    EnvironmentProblem,
    ExpectationFailed,
    Inconclusive,
    UsageProblem,
    error_from_json,
)


@pytest.mark.parametrize("kind", [ExpectationFailed, UsageProblem, Inconclusive, EnvironmentProblem])
def test_an_error_comes_out_as_it_went_in(kind: type[DevenvError]) -> None:
    error = error_from_json(kind("what", hint="then").to_json())
    assert (type(error), error.message, error.hint) == (kind, "what", "then")


def test_any_other_body_is_still_an_error() -> None:
    error = error_from_json({"detail": [{"msg": "Field required"}]})
    assert type(error) is DevenvError
    assert "Field required" in error.message
