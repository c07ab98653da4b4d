"""Which uses of a user-provided service's sessions can be explored by their answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Kind, Request, ServiceProfile
from devenv.core.model.vocabulary import Answer
from devenv.core.search.behaviour import Answered
from devenv.verbs.explore.fixture import require_gradable

PASSED = Answered(200, '{"success": true}')
REFUSED = Answered(200, '{"success": false, "attempts": 1}')
USE = Kind(Request("/session"), Request("/basket", body={"sessionId": "{id}"}))
ANSWERED = Kind(Request("/session"), Request("/basket", body={"sessionId": "{id}", "sum": "{answer}"}))
ONCE = replace(CAPTCHA, kinds={"session": USE}, reusable=False)
AGAIN = replace(ONCE, reusable=True)


@pytest.mark.parametrize(
    ("profile", "answers", "alone"),
    [
        (None, [Answer.WRONG], PASSED),
        (replace(ONCE, kinds={"session": ANSWERED}), [Answer.WRONG], PASSED),
        (ONCE, [Answer.WRONG], REFUSED),
        (AGAIN, [Answer.RIGHT], REFUSED),
        (ONCE, [Answer.RIGHT], PASSED),
    ],
)
def test_answers_that_can_be_judged(
    profile: ServiceProfile | None, answers: list[Answer], alone: Answered
) -> None:
    require_gradable(profile, answers, alone)


@pytest.mark.parametrize(
    ("profile", "answers"),
    [(ONCE, [Answer.WRONG]), (ONCE, [Answer.RIGHT, Answer.EMPTY]), (AGAIN, [Answer.RIGHT])],
)
def test_a_use_without_an_answer_that_succeeds_is_no_violation(
    profile: ServiceProfile | None, answers: list[Answer]
) -> None:
    with pytest.raises(UsageProblem, match="neither right nor wrong") as caught:
        require_gradable(profile, answers, PASSED)
    assert "[session] in devenv.toml" in str(caught.value.hint)
