"""Does the stack that runs have the bug? Cross-pod sequences on it as it is, nothing changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devenv.core.model.pod_stores import stores
from devenv.core.model.topology import StackStatus
from devenv.core.model.verdict import passes
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.render.sequence import SequenceMessage
from devenv.harness.client.client import CaptchaClient
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
) -> list[Crossed]:
    """A session of each kind opened on each of ``pods`` and used on each, also on the same.

    The pod that opens comes first in the order of ``pods``, and uses its own session last. A pod that gave no
    answer is not asked again to open one; ``silent`` has those that gave none before, with the reason.
    """
    return asyncio.run(_every_crossing(status, pods, recording, seed, dict(silent)))


async def _every_crossing(
    status: StackStatus, pods: Sequence[str], recording: Recording, seed: int, silent: dict[str, str]
) -> list[Crossed]:
    profile, crossed = status.spec.profile, []
    async with CaptchaClient(status.endpoints, seed=seed, recording=recording, profile=profile) as client:
        for kind in profile.kinds:
            for at, creator in enumerate(pods):
                for user in (*pods[at + 1 :], *pods[: at + 1]):
                    if creator in silent:
                        crossed.append(Crossed(kind, creator, user, None, silent[creator]))
                        continue
                    try:
                        verified = await one_crossing(client, kind, creator, user)
                        crossed.append(Crossed(kind, creator, user, verified))
                    except CreateFailed as error:
                        crossed.append(Crossed(kind, creator, user, None, error.message))
                        if error.status is None:
                            silent[creator] = error.message
    return crossed


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
