"""The explorer's part of the control API: batches of jobs, run beside the gate."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from devenv.core.model.errors import DevenvError
from devenv.core.spec.learned_scripts import LearnedScripts
from devenv.wire.executor.codec import script_call_from_json, script_effect_to_json
from devenv.wire.executor.jobs import ScheduledRun, ScriptedRun, job_from_json
from devenv.wire.executor.known_scripts import known_scripts
from devenv.wire.executor.pod_control import NO_POD_CONTROL, PodControl
from devenv.wire.executor.pool import ExecutorPool
from devenv.wire.executor.session_jobs import SessionJob, SessionRun
from devenv.wire.executor.session_pool import SessionPool
from devenv.wire.gate.server import Gate

MAX_JOBS = 1000
MAX_LANES = 64


class Batch(BaseModel):
    """Jobs as ``wire.executor.jobs`` writes them, ``slots`` of them at a time."""

    model_config = ConfigDict(extra="forbid")
    jobs: list[dict[str, Any]] = Field(max_length=MAX_JOBS)
    slots: int = Field(default=8, ge=1, le=MAX_LANES)


class Sessions(BaseModel):
    """Runs of a session's requests as ``wire.executor.session_jobs`` writes them, one after the other."""

    model_config = ConfigDict(extra="forbid")
    jobs: list[dict[str, Any]] = Field(max_length=MAX_JOBS)


class Situations(BaseModel):
    """Runs of scripts as ``wire.executor.codec`` writes them."""

    model_config = ConfigDict(extra="forbid")
    calls: list[dict[str, Any]] = Field(max_length=MAX_JOBS)


def router(
    gate: Gate, pods: Mapping[str, tuple[str, int]], pod_control: PodControl = NO_POD_CONTROL
) -> APIRouter:
    """The routes; ``pods`` are reached past the proxy."""
    routes = APIRouter(prefix="/explore", tags=["explore"])
    pool: ExecutorPool | None = None
    session_pool = SessionPool(gate, pods, pod_control)

    def opened() -> ExecutorPool:
        nonlocal pool
        if pool is None:
            pool = ExecutorPool(gate, pods, LearnedScripts(known_scripts()), pod_control=pod_control)
        return pool

    @routes.get("")
    async def status() -> dict[str, Any]:
        """The pods that jobs may name."""
        return {"pods": list(pods)}

    @routes.post("/run")
    async def run(batch: Batch) -> Response:
        """Run the jobs: ``{"results": [...]}``, in their order; ``{"error": …}`` for one that failed."""
        try:
            jobs = await asyncio.to_thread(lambda: [job_from_json(data) for data in batch.jobs])
        except (KeyError, TypeError, ValueError) as error:
            raise HTTPException(400, f"not a job: {error!r}") from error
        results = await opened().run(jobs, batch.slots)
        return _results(results)

    @routes.post("/sessions")
    async def sessions(batch: Sessions) -> Response:
        """Run the jobs: ``{"results": [...]}``, in their order; ``{"error": …}`` for one that failed."""
        try:
            jobs = [SessionJob.from_json(data) for data in batch.jobs]
        except (KeyError, TypeError, ValueError) as error:
            raise HTTPException(400, f"not a job: {error!r}") from error
        results = await session_pool.run(jobs)
        return _results(results)

    @routes.post("/scripts")
    async def scripts(situations: Situations) -> dict[str, Any]:
        """What the real Redis does with scripts: ``{"results": [...]}``; ``{"error": …}`` where it cannot."""
        try:
            calls = [script_call_from_json(data) for data in situations.calls]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise HTTPException(400, f"not a script's call: {error!r}") from error
        return {
            "results": [
                {"error": item.to_json()} if isinstance(item, DevenvError) else script_effect_to_json(item)
                for item in await opened().scripts(calls)
            ]
        }

    return routes


def _results(results: Sequence[ScriptedRun | ScheduledRun | SessionRun | DevenvError]) -> Response:
    """As JSON at once: to go through each of its parts before, as FastAPI does, takes as long again."""
    return JSONResponse(
        {
            "results": [
                {"error": result.to_json()} if isinstance(result, DevenvError) else result.to_json()
                for result in results
            ]
        }
    )
