"""Does the stack that runs have the bug? Cross-pod sequences on it as it is, nothing changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devenv.core.model.pod_stores import stores
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.render.sequence import SequenceMessage
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.cross_pod import TypeResult, run_cross_pod
from devenv.harness.client.recording import Recording


@dataclass(frozen=True, slots=True)
class Probe:
    """What cross-pod sequences came to. ``picture`` is the first session of them."""

    backend: str
    stores: Mapping[str, Strategy]
    results: Mapping[CaptchaType, TypeResult]
    picture: tuple[SequenceMessage, ...]

    @property
    def passed(self) -> bool:
        """Whether every right answer was accepted, on whichever pod."""
        return all(
            tally.success == tally.trials
            for result in self.results.values()
            for tally in (result.cross_pod, result.same_pod)
            if tally is not None
        )

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``."""
        return {
            "backend": self.backend,
            "stores": {pod: str(store) for pod, store in self.stores.items()},
            "results": {str(kind): result.to_json() for kind, result in self.results.items()},
            "verdict": "holds" if self.passed else "fails",
        }


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
