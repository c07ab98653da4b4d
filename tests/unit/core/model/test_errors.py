"""Errors cross the control API as what they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devenv.core.model.errors import (
    DevenvError,
    EnvironmentProblem,
    ExpectationFailed,
    Inconclusive,
    NoGate,
    UsageProblem,
    error_from_answer,
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


VALIDATION = [{"loc": ["body", "slots"], "msg": "Input should be below 65"}]


@pytest.mark.parametrize(
    ("part", "status", "body", "kind", "message"),
    [
        ("gate", 409, ExpectationFailed("no").to_json(), ExpectationFailed, "no"),
        ("stack", 503, EnvironmentProblem("no engine").to_json(), EnvironmentProblem, "no engine"),
        ("gate", 400, {"detail": "rule.key is empty"}, UsageProblem, "the gate refuses: rule.key is empty"),
        ("proxy", 400, {"detail": "no policy"}, UsageProblem, "the proxy refuses: no policy"),
        (
            "executor",
            422,
            {"detail": VALIDATION},
            UsageProblem,
            "the executor refuses: body.slots: Input should be below 65",
        ),
        ("gate", 404, {"detail": "Not Found"}, NoGate, "this stack has no gate between its pods and Redis"),
        (
            "executor",
            404,
            {"detail": "Not Found"},
            NoGate,
            "this stack has no gate between its pods and Redis",
        ),
        (
            "stack",
            404,
            {"detail": "Not Found"},
            EnvironmentProblem,
            "the stack does not answer as it should: Not Found",
        ),
        (
            "gate",
            403,
            {"detail": "refused"},
            EnvironmentProblem,
            "the gate does not answer as it should: refused",
        ),
        (
            "gate",
            500,
            "Internal Server Error",
            EnvironmentProblem,
            "the gate does not answer as it should: HTTP 500",
        ),
        ("gate", 400, {"exit_code": [], "detail": 1}, UsageProblem, "the gate refuses: 1"),
    ],
)
def test_an_answer_becomes_an_error_by_the_kind_of_refusal(
    part: str, status: int, body: Any, kind: type[DevenvError], message: str
) -> None:
    error = error_from_answer(part, status, json.dumps(body).encode())
    assert (type(error), error.message) == (kind, message)


def test_an_answer_that_is_not_json_is_an_error_too() -> None:
    error = error_from_answer("gate", 502, b"<html>")
    assert (type(error), error.message) == (
        EnvironmentProblem,
        "the gate does not answer as it should: HTTP 502",
    )
