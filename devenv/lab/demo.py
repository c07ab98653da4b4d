"""The whole story on a fresh stack: the bug on all three captchas, a real restart, the fix; with a verdict.

Every number comes from requests through the proxy to running pods; nothing is assumed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from devenv.core.topology import StackStatus
from devenv.core.vocabulary import Answer, CaptchaType, Outcome, Strategy
from devenv.lab.client import CaptchaClient
from devenv.lab.cross_pod import Tally, TypeResult, run_cross_pod
from devenv.lab.keys import KeyInfo, connected, list_keys
from devenv.lab.overview import key_spaces
from devenv.lab.redis_arrows import with_commands
from devenv.lab.runs import Recording
from devenv.lab.sequence import SequenceMessage
from devenv.lab.toggle import toggle
from devenv.lab.trace import mark, trace_since
from devenv.stack.protocol import Progress, Stack

DEFAULT_TRIALS = 5
TYPES = tuple(CaptchaType)


class Verdict(StrEnum):
    """Whether the story held: the bug was shown where it must show, and the fix where it must."""

    HOLDS = "holds"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Act:
    """One setting of the pods and what became of the trials.

    ``picture`` is one create on one pod and one verify on another, as it happened. ``keys`` is what Redis
    held after one challenge of each type was created. ``surprises`` are the expectations that did not hold.
    """

    use_redis: bool
    strategy: Strategy
    results: Mapping[CaptchaType, TypeResult]
    picture: tuple[SequenceMessage, ...]
    keys: tuple[KeyInfo, ...]
    surprises: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain dict, as ``acts[]`` of ``devenv demo --json``."""
        return {
            "use_redis": self.use_redis,
            "strategy": str(self.strategy),
            "results": {str(kind): result.to_json() for kind, result in self.results.items()},
            "keys": [key.to_json() for key in self.keys],
            "surprises": list(self.surprises),
        }


@dataclass(frozen=True, slots=True)
class Story:
    """A demo that ran to its end. ``restart_seconds`` is how long the toggle's restart of the pods took."""

    backend: str
    pods: tuple[str, ...]
    trials: int
    seed: int
    acts: tuple[Act, ...]
    redis_engine: str
    redis_version: str
    restart_seconds: float
    seconds: float
    recording: Recording

    @property
    def verdict(self) -> Verdict:
        """Holds where no act had a surprise."""
        return Verdict.FAILS if any(act.surprises for act in self.acts) else Verdict.HOLDS

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json`` and results.json."""
        return {
            "kind": "demo",
            "backend": self.backend,
            "pods": list(self.pods),
            "trials": self.trials,
            "seed": self.seed,
            "acts": [act.to_json() for act in self.acts],
            "redis": {"engine": self.redis_engine, "version": self.redis_version},
            "restart_seconds": round(self.restart_seconds, 2),
            "verdict": str(self.verdict),
            "seconds": round(self.seconds, 2),
        }


class Audience(Protocol):
    """Whoever watches the story while it is told."""

    def opened(self, status: StackStatus) -> None:
        """The stack is up."""

    def act_begins(self, use_redis: bool, strategy: Strategy) -> None:
        """The next trials are about to run."""

    def act_ended(self, act: Act) -> None:
        """An act's trials are through."""

    def restarted(self, seconds: float) -> None:
        """The pods were restarted with the other setting."""


def tell(
    stack: Stack,
    *,
    trials: int = DEFAULT_TRIALS,
    strategy: Strategy = Strategy.ATOMIC,
    seed: int = 1,
    audience: Audience,
    progress: Progress,
    started: float,
    clock: Callable[[], float] = time.monotonic,
) -> Story:
    """Run the story on ``stack``, which runs with USE_REDIS=false and at least two pods.

    ``trials`` sequences per captcha type and kind; ``strategy`` is the store of the second act. ``started``
    is ``clock``'s reading from which ``seconds`` counts. Gives the story whether it held or not.
    """
    status = stack.status()
    audience.opened(status)
    recording = Recording()
    first = asyncio.run(_act(status, Strategy.MEMORY, trials, seed, recording, audience))
    toggled = toggle(stack, True, strategy=strategy, progress=progress, clock=clock)
    audience.restarted(toggled.seconds)
    recording.note(time.time(), "proxy", "pods restarted: USE_REDIS=true")
    second = asyncio.run(_act(stack.status(), strategy, trials, seed, recording, audience))
    return Story(
        backend=stack.backend,
        pods=status.spec.pod_names,
        trials=trials,
        seed=seed,
        acts=(first, second),
        redis_engine=status.redis_engine,
        redis_version=status.redis_version,
        restart_seconds=toggled.seconds,
        seconds=clock() - started,
        recording=recording,
    )


async def _act(
    status: StackStatus,
    strategy: Strategy,
    trials: int,
    seed: int,
    recording: Recording,
    audience: Audience,
) -> Act:
    use_redis = strategy is not Strategy.MEMORY
    audience.act_begins(use_redis, strategy)
    pods = status.spec.pod_names
    async with CaptchaClient(status.endpoints, seed=seed, recording=recording) as client:
        for kind in TYPES:  # left unanswered, so that Redis can be looked into while the story goes on
            await client.create(kind, pods[0])
        keys = _keys(status)
        picture = await _picture(client, status, pods)
        results = await run_cross_pod(client, pods, TYPES, trials)
    act = Act(use_redis, strategy, results, picture, keys, tuple(surprises(use_redis, results)))
    audience.act_ended(act)
    return act


async def _picture(
    client: CaptchaClient, status: StackStatus, pods: Sequence[str]
) -> tuple[SequenceMessage, ...]:
    """One session over two pods, with what Redis holds of it in between."""
    messages = client.recording.messages
    begin = len(messages)
    control = status.endpoints.control
    since = mark(control)
    challenge = await client.create(CaptchaType.ABSTRACT, pods[0])
    found = [key for key in _keys(status) if challenge.id and challenge.id in key.key]
    if found:
        left = "no TTL" if found[0].ttl is None else f"TTL {found[0].ttl:.0f} s"
        client.recording.note(time.time(), "redis", f"holds it, {left}")
    else:
        client.recording.note(time.time(), pods[0], "kept in this pod's memory")
    submission = await client.answer(challenge, Answer.RIGHT)
    await client.verify(challenge, submission, pods[1], answer=Answer.RIGHT)
    return tuple(with_commands(messages[begin:], trace_since(control, since)))


def _keys(status: StackStatus) -> tuple[KeyInfo, ...]:
    found: list[KeyInfo] = []
    for prefix, db in key_spaces(status):
        with connected(status.endpoints, db) as redis:
            found += list_keys(redis, prefix).keys
    return tuple(found)


def surprises(use_redis: bool, results: Mapping[CaptchaType, TypeResult]) -> list[str]:
    """What of ``results`` is not as it must be; nothing where all is.

    On one pod a right answer always passes. On another pod it passes with Redis; from pod memory it is not
    found, and handwriting is judged against the other pod's word.
    """
    found = []
    for kind, result in results.items():
        lost = Outcome.WRONG if kind is CaptchaType.HANDWRITING else Outcome.NOT_FOUND
        expected = Outcome.SUCCESS if use_redis else lost
        for name, tally, wanted in (
            ("cross-pod", result.cross_pod, expected),
            ("same-pod", result.same_pod, Outcome.SUCCESS),
        ):
            if tally is not None and count(tally, wanted) != tally.trials:
                seen = ", ".join(
                    f"{n} {name}" for name, n in tally.to_json().items() if n and name != "trials"
                )
                found.append(f"{kind} {name}: expected {tally.trials} {wanted}, saw {seen or 'nothing'}")
    return found


def count(tally: Tally, outcome: Outcome) -> int:
    """How many of the tally's verifies ended in ``outcome``."""
    return int(tally.to_json()[str(outcome)])
