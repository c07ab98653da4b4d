"""Answers as they are compared and shown."""

from __future__ import annotations

import pytest

from devenv.core.serializability.ends import HttpAnswer


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_4xx_and_5xx_are_refusals(status: int) -> None:
    assert HttpAnswer(status, b"").refused


@pytest.mark.parametrize("status", [0, 200, 204, 302])
def test_other_answers_are_none(status: int) -> None:
    assert not HttpAnswer(status, b"").refused


@pytest.mark.parametrize("body", [b'{"a": 1}', b"\xff\xfe\x00 pickle", "ü".encode(), b""])
def test_a_body_survives_json_byte_by_byte(body: bytes) -> None:
    answer = HttpAnswer(200, body, "/next")
    assert HttpAnswer.from_json(answer.to_json()) == answer


def test_an_answer_in_words() -> None:
    assert str(HttpAnswer(200, b'{"a":\n 1}')) == '200 {"a": 1}'
    assert str(HttpAnswer(302, b"moved", "/home")) == "302 → /home"
    assert str(HttpAnswer(0, b"")) == "no answer"
