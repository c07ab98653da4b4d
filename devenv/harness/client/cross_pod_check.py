"""Does the stack that runs have the bug? Cross-pod sequences on it as it is, nothing changed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devenv.core.model.pod_stores import stores
from devenv.core.model.topology import StackStatus
from devenv.core.model.verdict import passes
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.render.sequence import SequenceMessage
from devenv.harness.client.client import TIMEOUT_S, CaptchaClient
from devenv.harness.client.cross_pod import TypeResult, one_crossing, run_cross_pod
from devenv.harness.client.exchanges import CreateFailed, Verified
from devenv.harness.client.recording import Recording

NO_SILENT_PODS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Probe:
    """What cross-pod sequences came to."""

    backend: str
    stores: Mapping[str, Strategy]
    results: Mapping[CaptchaType, TypeResult]
    picture: tuple[SequenceMessage, ...]
    """The first session of them."""

    @property
    def passed(self) -> bool:
        """Whether every right answer was accepted, on whichever pod."""
        tallies = [
            tally
            for result in self.results.values()
            for tally in (result.cross_pod, result.same_pod)
            if tally is not None
        ]
        return passes(
            checked=sum(tally.trials for tally in tallies),
            failures=sum(tally.trials - tally.success for tally in tallies),
        )

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``."""
        return {
            "backend": self.backend,
            "stores": {pod: str(store) for pod, store in self.stores.items()},
            "results": {str(kind): result.to_json() for kind, result in self.results.items()},
            "verdict": "holds" if self.passed else "fails",
        }


@dataclass(frozen=True, slots=True)
class Crossed:
    """One session that was opened on a pod and used on a pod."""

    kind: str
    """The kind of session."""
    created_on: str
    """The pod that was asked to open it."""
    used_on: str
    """The pod that was asked for it."""
    verified: Verified | None
    """How the use ended; None where the session was not opened."""
    refused: str = ""
    """Why the session was not opened."""


def every_crossing(
    status: StackStatus,
    pods: Sequence[str],
    recording: Recording,
    *,
    seed: int,
    silent: Mapping[str, str] = NO_SILENT_PODS,
    without_redis: Collection[str] = (),
    timeout: float = TIMEOUT_S,
) -> list[Crossed]:
    """A session of each kind opened on each of ``pods`` and used on each, also on the same.

    The pod that opens comes first in the order of ``pods``, and uses its own session last. A pod that gave no
    answer is not asked again to open one; ``silent`` has those that gave none before, with the reason.

    The pods ``without_redis`` are known not to reach a Redis: each of their requests lasts as long as their
    client's retries, and is given up after ``timeout`` seconds. They are tried with the first kind only, not
    with themselves, and not again once they have refused to open a session.
    """
    return asyncio.run(_Crossings(status, pods, without_redis, dict(silent)).all(recording, seed, timeout))


Turn = tuple[str, str, str]
"""Kind, the pod that opens a session of it, the pod that uses it."""


def turns(kinds: Sequence[str], pods: Sequence[str], without_redis: Collection[str] = ()) -> list[Turn]:
    """What is tried, in order: all; of pods ``without_redis`` the first kind only, and no pod with itself."""
    return [
        (kind, creator, user)
        for kind in kinds
        for place, creator in enumerate(pods)
        for user in (*pods[place + 1 :], *pods[: place + 1])
        if (kind == kinds[0] and creator != user)
        or (creator not in without_redis and user not in without_redis)
    ]


class _Crossings:
    """The crossings of a stack's pods, one after the other."""

    def __init__(
        self, status: StackStatus, pods: Sequence[str], without_redis: Collection[str], silent: dict[str, str]
    ) -> None:
        self._status = status
        self._turns = turns(list(status.spec.profile.kinds), pods, without_redis)
        self._without_redis, self._silent = frozenset(without_redis), silent

    async def all(self, recording: Recording, seed: int, patience_s: float) -> list[Crossed]:
        """Each that is tried; those with a pod without Redis at the same time, as they wait only."""
        profile = self._status.spec.profile
        async with CaptchaClient(
            self._status.endpoints, seed=seed, recording=recording, profile=profile, timeout=patience_s
        ) as client:
            waiting = [turn for turn in self._turns if self._without_redis.intersection(turn[1:])]
            crossed = list(await asyncio.gather(*(self._crossing(client, *turn) for turn in waiting)))
            for turn in self._turns:
                if turn not in waiting:
                    crossed.append(await self._crossing(client, *turn))
        return crossed

    async def _crossing(self, client: CaptchaClient, kind: str, creator: str, user: str) -> Crossed:
        if creator in self._silent:
            return Crossed(kind, creator, user, None, self._silent[creator])
        try:
            return Crossed(kind, creator, user, await one_crossing(client, kind, creator, user))
        except CreateFailed as error:
            if error.status is None or (error.status >= 500 and creator in self._without_redis):
                self._silent[creator] = error.message
            return Crossed(kind, creator, user, None, error.message)


def probe(status: StackStatus, types: Sequence[CaptchaType], trials: int, *, seed: int) -> Probe:
    """``trials`` right answers per type on another pod than the creating one, and as many on the same.

    Raises UsageProblem for a stack of one pod.
    """
    return asyncio.run(_probe(status, types, trials, seed))


async def _probe(status: StackStatus, types: Sequence[CaptchaType], trials: int, seed: int) -> Probe:
    recording = Recording()
    async with CaptchaClient(
        status.endpoints, seed=seed, recording=recording, profile=status.spec.profile
    ) as client:
        results = await run_cross_pod(client, status.spec.pod_names, types, trials)
    begun, shown = 0, []
    for message in recording.messages:  # the first session only: up to the answer to its verify
        shown.append(message)
        begun += message.target == "client"
        if begun == (3 if types[0] is CaptchaType.HANDWRITING else 2):
            break
    return Probe(status.backend, stores(status), results, tuple(shown))
