"""Questions of which some are under way while the answers to others are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from devenv.core.model.errors import Inconclusive
from devenv.core.search.behaviour import Behaviour
from devenv.core.search.states.places import Question
from devenv.verbs.explore.asking import LEAST, Asking
from devenv.wire.executor.jobs import ScriptedRun

REQUEST = Behaviour("R")


def questions(*numbers: int) -> list[Question]:
    return [Question(REQUEST, number, b"reply", 0, None) for number in numbers]


class Pods:
    """Answers with the number of the question."""

    def __init__(self) -> None:
        self.sent: list[list[int]] = []

    async def answers(self, asked: Sequence[Question]) -> list[ScriptedRun]:
        self.sent.append([question.node for question in asked])
        await asyncio.sleep(0)
        return [ScriptedRun((question.node,), ()) for question in asked]


async def turn(asking: Asking, *numbers: int) -> list[int]:
    answered = await asking.turn(questions(*numbers))
    assert [run.heard for _, run in answered] == [(question.node,) for question, _ in answered]
    return [question.node for question, _ in answered]


def test_half_of_what_waits_is_under_way_while_the_other_half_is_looked_at() -> None:
    async def play() -> None:
        pods = Pods()
        asking = Asking(pods.answers)
        many = [*range(4 * LEAST)]
        assert await turn(asking, *many) == many[: 2 * LEAST]
        assert not asking.idle
        assert (
            await turn(asking, *many[2 * LEAST :], 999) == many[2 * LEAST : 3 * LEAST]
        )  # 999 is new, and waits its turn
        assert await turn(asking) == many[3 * LEAST :]
        assert await turn(asking) == [999]
        assert asking.idle
        assert await turn(asking) == []
        assert sorted(number for sent in pods.sent for number in sent) == [*many, 999]  # each once

    asyncio.run(play())


def test_a_question_that_is_answered_can_be_asked_again() -> None:
    async def play() -> None:
        asking = Asking(Pods().answers)
        assert await turn(asking, 1) == [1]
        assert await turn(asking, 1) == [1]

    asyncio.run(play())


def test_what_fails_fails_where_it_is_waited_for_and_what_is_under_way_ends_with_the_asking() -> None:
    ended: list[str] = []

    async def answers(asked: Sequence[Question]) -> list[ScriptedRun]:
        if asked[0].node == 1:
            raise Inconclusive("no answer")
        if asked[0].node == LEAST + 1:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append("given up")
        return [ScriptedRun((), ()) for _ in asked]

    async def play() -> None:
        failing = Asking(answers)
        with pytest.raises(Inconclusive, match="no answer"):
            await failing.turn(questions(1))
        asking = Asking(answers)
        await asking.turn(questions(0, *range(2, LEAST + 1), LEAST + 1))
        await asyncio.sleep(0)
        await asking.aclose()

    asyncio.run(play())
    assert ended == ["given up"]
