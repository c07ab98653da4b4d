"""The executor from outside: batches of jobs through the control API, several under way at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from devenv.core.model.errors import error_from_json
from devenv.core.spec.learned_scripts import ScriptCall, ScriptEffect
from devenv.verbs.explore.stack_answers import read_answer
from devenv.wire.control.async_client import AsyncControlClient
from devenv.wire.executor.codec import script_call_to_json, script_effect_from_json
from devenv.wire.executor.jobs import RULE_PREFIX, Job, Scheduled, ScheduledRun, Scripted, ScriptedRun

TIMEOUT_SECONDS = 120.0
KEPT_SECONDS = 2.0
"""A connection that was idle for longer is not used again: the control API's server closes it after 5 s."""
BATCH = 200
"""Jobs in one request to the control API."""
RESTARTING_BATCH = 20
"""Of those that restart a pod each, which takes a second or more."""


class Remote:
    """Use as a context manager. ``requests`` counts the HTTP requests that pods were sent."""

    def __init__(self, control: str, slots: int) -> None:
        self._control = AsyncControlClient(control, TIMEOUT_SECONDS, keepalive=KEPT_SECONDS)
        self.slots = slots
        self.requests = 0

    async def aclose(self) -> None:
        """Close the connection."""
        await self._control.aclose()

    async def rules(self) -> list[str]:
        """The ids of the rules at the gate that are not the executor's."""
        answer = await self._control.request("GET", "/rules")
        rules = read_answer(lambda data: [str(rule["id"]) for rule in data["rules"]], answer)
        return [rule for rule in rules if not rule.startswith(RULE_PREFIX)]

    async def scripted(self, jobs: Sequence[Scripted]) -> list[ScriptedRun]:
        """Requests on scripted replies. Raises the first job's error, if one failed."""
        return [read_answer(ScriptedRun.from_json, data) for data in await self._run(jobs)]

    async def scheduled(self, jobs: Sequence[Scheduled]) -> list[ScheduledRun]:
        """Orders on real Redis. Raises the first job's error, if one failed."""
        return [read_answer(ScheduledRun.from_json, data) for data in await self._run(jobs)]

    async def scripts(self, calls: Sequence[ScriptCall]) -> list[ScriptEffect]:
        """What the real Redis does with scripts. Raises the first call's error, if one failed."""
        effects: list[ScriptEffect] = []
        for start in range(0, len(calls), BATCH):
            body = {"calls": [script_call_to_json(call) for call in calls[start : start + BATCH]]}
            answers = await self._post("/explore/scripts", body)
            effects += [read_answer(script_effect_from_json, data) for data in answers]
        return effects

    async def _run(self, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = []
        size = RESTARTING_BATCH if any(job.restarts for job in jobs) else BATCH
        for start in range(0, len(jobs), size):
            results += await self._batch(jobs[start : start + size])
        return results

    async def _batch(self, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        body = {"jobs": [job.to_json() for job in jobs], "slots": self.slots}
        results = await self._post("/explore/run", body)
        self.requests += sum(1 if isinstance(job, Scripted) else len(job.calls) for job in jobs)
        return results

    async def _post(self, path: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = await self._control.request("POST", path, json=dict(body))
        results: list[dict[str, Any]] = read_answer(itemgetter("results"), answer)
        for data in results:
            if "error" in data:
                raise error_from_json(data["error"])
        return results
