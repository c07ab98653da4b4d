"""The explorer's part of the control API: batches of jobs, run beside the gate."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from devenv.core.errors import DevenvError
from devenv.gate import Gate
from devenv.lab.exploring.arena import Arena
from devenv.lab.exploring.grip import NO_GRIP, Grip
from devenv.lab.exploring.jobs import job_from_json
from devenv.lab.exploring.twins import known_scripts

MAX_JOBS = 1000
MAX_LANES = 64


class Batch(BaseModel):
    """Jobs as ``lab.exploring.jobs`` writes them, ``lanes`` of them at a time."""

    model_config = ConfigDict(extra="forbid")
    jobs: list[dict[str, Any]] = Field(max_length=MAX_JOBS)
    lanes: int = Field(default=8, ge=1, le=MAX_LANES)


def router(gate: Gate, pods: Mapping[str, tuple[str, int]], grip: Grip = NO_GRIP) -> APIRouter:
    """The routes; ``pods`` are reached past the proxy."""
    routes = APIRouter(prefix="/explore", tags=["explore"])
    arena: Arena | None = None

    @routes.get("")
    async def status() -> dict[str, Any]:
        """The pods that jobs may name."""
        return {"pods": list(pods)}

    @routes.post("/run")
    async def run(batch: Batch) -> dict[str, Any]:
        """Run the jobs: ``{"results": [...]}``, in their order; ``{"error": …}`` for one that failed."""
        nonlocal arena
        try:
            jobs = await asyncio.to_thread(lambda: [job_from_json(data) for data in batch.jobs])
        except (KeyError, TypeError, ValueError) as error:
            raise HTTPException(400, f"not a job: {error!r}") from error
        if arena is None:
            arena = Arena(gate, pods, known_scripts(), grip=grip)
        results = await arena.run(jobs, batch.lanes)
        return {
            "results": [
                {"error": it.to_json()} if isinstance(it, DevenvError) else it.to_json() for it in results
            ]
        }

    return routes
