"""Sessions of a user-provided service, opened on one pod and used on another or on the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import Answer, Outcome
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.cross_pod import Tally, distinguishing_answer
from devenv.harness.client.exchanges import Challenge, CreateFailed
from devenv.harness.client.recording import Recording
from devenv.stack.protocol import Stack
from devenv.verbs.demo.kept_logs import PodLog
from devenv.verbs.demo.own_story import KindTrials, UnknownAnswer, quoted

T = TypeVar("T")

OPENING = "opening a session"
CROSSING, STAYING = "using it on another pod", "using it on the same pod"
GIVE_UP_AFTER = 2
"""Sessions of a kind that could not be opened, before any could: then it is given up."""


async def try_kinds(stack: Stack, recording: Recording, trials: int, seed: int) -> Mapping[str, KindTrials]:
    """``trials`` sessions of each kind, used on the next pod, and as many on the pod that opened them.

    What a pod's log says of an error is read after the trials of each kind.
    """
    status = stack.status()
    profile = status.spec.profile
    results: dict[str, KindTrials] = {}
    async with CaptchaClient(status.endpoints, seed=seed, recording=recording, profile=profile) as client:
        for name, kind in profile.kinds.items():
            logs = {pod: PodLog(stack, pod) for pod in status.spec.pod_names}
            tried = await _KindTrial(client, status, name, distinguishing_answer(kind), trials).run()
            unknown = await asyncio.to_thread(_with_logs, tried.unknown, logs)
            results[name] = replace(tried, unknown=unknown)
    return results


def _with_logs(unknown: Sequence[UnknownAnswer], logs: Mapping[str, PodLog]) -> tuple[UnknownAnswer, ...]:
    """A 5xx with what the pod's log says of it."""
    return tuple(
        replace(answer, log=logs[answer.pod].error())
        if answer.status is not None and answer.status >= 500 and answer.pod in logs
        else answer
        for answer in unknown
    )


@dataclass(slots=True)
class _KindTrial:
    """The trials of one kind of session."""

    client: CaptchaClient
    status: StackStatus
    kind: str
    answer: Answer
    trials: int
    _unknown: dict[tuple[str, int | None], UnknownAnswer] = field(default_factory=dict)
    _opened: int = 0
    _refused: int = 0

    async def run(self) -> KindTrials:
        """Both ways."""
        crossing = await self._tally(CROSSING, 1)
        staying = await self._tally(STAYING, 0)
        return KindTrials(crossing, staying, tuple(self._unknown.values()))

    async def _tally(self, step: str, shift: int) -> Tally:
        """Each session is used on the pod ``shift`` places after the one that opened it.

        With several worker processes in a pod all are opened at the same time, then all are used. One after
        the other they would go over one kept-alive connection to a pod, which hides its other processes.
        """
        pods = self.status.spec.pod_names

        async def use(number: int, opened: Challenge) -> Outcome:
            return await self._use(step, number, opened, pods[(number + shift) % len(pods)])

        if self.status.spec.workers > 1:
            opened = await _all(self._open(number, pods) for number in range(self.trials))
            each = enumerate(opened)
            return Tally.of(await _all(use(number, one) for number, one in each if one is not None))
        outcomes: list[Outcome] = []
        for number in range(self.trials):
            if not self._opened and self._refused >= GIVE_UP_AFTER:
                break
            session = await self._open(number, pods)
            if session is not None:
                outcomes.append(await use(number, session))
        return Tally.of(outcomes)

    async def _open(self, number: int, pods: Sequence[str]) -> Challenge | None:
        """Open one session; None where that was refused, or no id came of it."""
        pod = pods[number % len(pods)]
        try:
            opened = await self.client.create(self.kind, pod, process=number)
        except CreateFailed as refused:
            self._refused += 1
            self._note(OPENING, refused.served_by or pod, refused.status, refused.text)
            return None
        if opened.id is None and not self.client.profile.carrier:
            self._refused += 1
            self._note(f"{OPENING} (no {self.client.profile.id_field})", pod, 200, str(dict(opened.raw)))
            return None
        self._opened += 1
        return opened

    async def _use(self, step: str, number: int, opened: Challenge, pod: str) -> Outcome:
        submission = await self.client.answers.to(opened, self.answer)
        result = await self.client.verify(opened, submission, pod, answer=self.answer, process=number)
        if result.outcome is Outcome.ERROR:
            self._note(step, result.served_by or pod, result.status, result.text)
        return result.outcome

    def _note(self, step: str, pod: str, status: int | None, text: str) -> None:
        """Answers of one status at one step are one entry: the first is quoted."""
        before = self._unknown.get((step, status))
        self._unknown[step, status] = (
            UnknownAnswer(step, pod, status, quoted(text))
            if before is None
            else replace(before, count=before.count + 1)
        )


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*work))
