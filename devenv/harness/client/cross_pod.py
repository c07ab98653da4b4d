"""The trial that shows the bug: create on one pod, verify on another; and its control on one pod."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from devenv.core.model.errors import DevenvError, EnvironmentProblem, UsageProblem
from devenv.core.model.service import Kind
from devenv.core.model.vocabulary import Answer, CaptchaType, Outcome
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.exchanges import Challenge, Verified

_USERS_OF_A_TRIAL = 2
"""The one who creates and verifies, and one who creates another handwriting challenge in between."""
WORD_TRIES = 50
"""Challenges created at most until a pod's word differs; with 12 words all equal by luck in 12**-50."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How the verifies of some trials ended."""

    trials: int = 0
    """The sum of the four outcomes."""
    success: int = 0
    not_found: int = 0
    wrong: int = 0
    error: int = 0

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Tally:
        """Count them."""
        counts = Counter(outcomes)
        return cls(len(outcomes), *(counts[outcome] for outcome in Outcome))

    @property
    def known(self) -> int:
        """How often the session was known, with a right or a wrong answer."""
        return self.success + self.wrong

    def to_json(self) -> dict[str, int]:
        """A plain dict of the five counts."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TypeResult:
    """One captcha type's trials."""

    cross_pod: Tally
    same_pod: Tally | None
    """The control; None where it was not asked for."""

    def to_json(self) -> dict[str, Any]:
        """``{"cross_pod": {...}, "same_pod": {...}}``."""
        result = {"cross_pod": self.cross_pod.to_json()}
        return result if self.same_pod is None else {**result, "same_pod": self.same_pod.to_json()}


async def run_cross_pod(
    client: CaptchaClient,
    pods: Sequence[str],
    types: Sequence[CaptchaType],
    trials: int,
    *,
    same_pod: bool = True,
) -> Mapping[CaptchaType, TypeResult]:
    """Per type, ``trials`` right answers on the next pod, then (``same_pod``) as many on the creating pod.

    The types are tried at the same time, each by users of its own; the pods take turns at creating. What
    happened is in ``client.recording``. Raises UsageProblem with fewer than two pods.
    """
    if len(pods) < 2:
        raise UsageProblem("a cross-pod trial needs at least two pods", hint="devenv up --pods 2")

    async def try_type(kind: CaptchaType, process: int) -> TypeResult:
        crossed = [await _trial(client, kind, *_pair(pods, index), process) for index in range(trials)]
        same = None
        if same_pod:
            same = Tally.of([await _trial(client, kind, pod, pod, process) for pod in _turns(pods, trials)])
        return TypeResult(Tally.of(crossed), same)

    # The types share nothing in a pod; trials of one type come one after the other.
    try:
        async with asyncio.TaskGroup() as together:
            tried = {
                kind: together.create_task(try_type(kind, _USERS_OF_A_TRIAL * number))
                for number, kind in enumerate(types)
            }
    except* DevenvError as problems:
        raise problems.exceptions[0] from None
    return {kind: task.result() for kind, task in tried.items()}


def distinguishing_answer(kind: Kind) -> Answer:
    """A wrong answer where one is known, else any known answer: any tells whether the session is known."""
    known = [answer for answer in (Answer.WRONG, Answer.EMPTY, Answer.RIGHT) if answer in kind.answers]
    return known[0] if known else Answer.WRONG


async def create_with_other_word(
    client: CaptchaClient, pod: str | None, than: Challenge, process: int = 1
) -> Challenge:
    """Another user's handwriting challenge on ``pod`` whose word, by the oracle, is not that of ``than``.

    With USE_REDIS=false the pod then judges against that word, so the verdict there is never luck.
    """
    word = await client.answers.word(than)
    for _ in range(WORD_TRIES):
        other = await client.create(CaptchaType.HANDWRITING, pod, process=process)
        if await client.answers.word(other) != word:
            return other
    raise EnvironmentProblem(
        f"{pod} gave the word {word!r} {WORD_TRIES} times in a row: there is only one word"
    )


async def _trial(
    client: CaptchaClient, kind: CaptchaType, creator: str, verifier: str, process: int
) -> Outcome:
    return (await one_crossing(client, kind, creator, verifier, process)).outcome


async def one_crossing(
    client: CaptchaClient, kind: str, creator: str, verifier: str, process: int = 0
) -> Verified:
    """Open a session on ``creator`` and use it on ``verifier``, as the user ``process`` of the history.

    With a right answer where the mock ML service knows one, else with one that tells whether the session is
    known. Raises CreateFailed where the service refuses to open it.
    """
    profile = client.profile
    answer = Answer.RIGHT if profile.oracle else distinguishing_answer(profile.kind(kind))
    challenge = await client.create(kind, creator, process=process)
    if profile.oracle and kind == CaptchaType.HANDWRITING and creator != verifier:
        await create_with_other_word(client, verifier, challenge, process + 1)
    submission = await client.answers.to(challenge, answer)
    return await client.verify(challenge, submission, verifier, answer=answer, process=process)


def _pair(pods: Sequence[str], index: int) -> tuple[str, str]:
    return pods[index % len(pods)], pods[(index + 1) % len(pods)]


def _turns(pods: Sequence[str], trials: int) -> list[str]:
    return [pods[index % len(pods)] for index in range(trials)]
