"""Questions to real pods, some of them under way while the answers to others are searched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeAlias

from devenv.core.search.behaviour import Heard
from devenv.core.search.states.places import Question
from devenv.wire.executor.jobs import ScriptedRun

LEAST = 48
"""Fewer questions are not divided: pods would wait for each other's last ones."""

_Name: TypeAlias = tuple[str, int, Heard]


class Asking:
    """``answers`` asks pods. A ``turn`` sends half of what waits and gives the answers to those sent before.

    Which questions are sent in which turn depends on nothing but what was asked.
    """

    def __init__(
        self, answers: Callable[[Sequence[Question]], Coroutine[None, None, list[ScriptedRun]]]
    ) -> None:
        self._answers = answers
        self._waiting: dict[_Name, Question] = {}
        self._sent: dict[_Name, Question] = {}
        self._under_way: asyncio.Future[list[ScriptedRun]] | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not self._waiting and self._under_way is None

    async def turn(self, questions: Sequence[Question]) -> list[tuple[Question, ScriptedRun]]:
        """Take in questions, each once, send some, and give the answers to those sent before.

        Raises what ``answers`` raises.
        """
        for question in questions:
            name = (question.behaviour.name, question.node, question.heard)
            if name not in self._sent:
                self._waiting.setdefault(name, question)
        if self._under_way is None:
            self._send()
        answered = [] if self._under_way is None else await self._under_way
        asked = [*self._sent.values()]
        self._send()
        return [*zip(asked, answered, strict=True)]

    def _send(self) -> None:
        number = max(LEAST, len(self._waiting) // 2)
        self._sent = dict([*self._waiting.items()][:number])
        for name in self._sent:
            del self._waiting[name]
        sent = [*self._sent.values()]
        self._under_way = asyncio.ensure_future(self._answers(sent)) if sent else None

    async def aclose(self) -> None:
        """Give up what is under way."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.gather(self._under_way, return_exceptions=True)
