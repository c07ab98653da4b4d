"""Replays and explorations that the page starts, each in a process: its search takes no time of the proxy.

The process is ``devenv.dashboard.worker``; it is given what to do as one line of JSON, and writes what it
reports as JSON lines. It ends early, and ends its stack, when its standard input does: also when this process
is killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import Strategy
from devenv.dashboard.surroundings import Surroundings

WORKER = (sys.executable, "-m", "devenv.dashboard.worker")
AT_ONCE = 2
KEPT = 20
MAX_REPORTS = 5000
MAX_LINE = 64 * 1024 * 1024


class JobBody(BaseModel):
    """``POST /dashboard/jobs``: replay a scenario or a run, branch off one, explore, or simulate."""

    model_config = ConfigDict(extra="forbid")
    verb: Literal["replay", "branch", "explore", "simulate"]
    target: str = Field(min_length=1, max_length=500)
    """A scenario or a run, an expression, or what a simulation sweeps over (``pods=1..12``)."""
    fields: dict[str, str] = Field(default={}, max_length=40)
    """Of a simulation: everything else that is not as it is by default."""
    seed: int = Field(default=1, ge=0, lt=2**63)
    """Of a simulation."""
    strategy: Strategy | None = None
    schedule: str | None = Field(default=None, max_length=20_000)
    until: int = Field(default=0, ge=0, le=10_000)
    """Of a branch: this many steps of its schedule are run, then a person goes on."""
    budget_seconds: float | None = Field(default=None, gt=0, le=3600)


@dataclass(slots=True)
class Job:
    """One process at work, or that has ended."""

    number: int
    asked: Mapping[str, Any]
    reports: list[Mapping[str, Any]] = field(default_factory=list)
    """What it has said, in order; the last of them has ``result`` or ``error`` once it has ended."""
    ended: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is another report; each that waits takes one of its own."""
    process: asyncio.subprocess.Process | None = None

    def report(self, item: Mapping[str, Any]) -> None:
        """Append a report and wake those who wait."""
        if len(self.reports) < MAX_REPORTS or "result" in item or "error" in item:
            self.reports.append(item)
        self.news.set()
        self.news = asyncio.Event()

    def to_json(self, since: int = 0) -> dict[str, Any]:
        """A plain dict with the reports from number ``since`` on."""
        return {
            "id": self.number,
            "asked": dict(self.asked),
            "ended": self.ended,
            "reports": list(self.reports[since:]),
            "next": len(self.reports),
        }


class JobBoard:
    """The jobs of the page."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._jobs: dict[int, Job] = {}
        self._numbers = count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    def jobs(self) -> list[Job]:
        """All that are remembered, oldest first."""
        return list(self._jobs.values())

    def job(self, number: int) -> Job:
        """The one with this number; UsageProblem where there is none."""
        if number not in self._jobs:
            raise UsageProblem(f"there is no job {number}")
        return self._jobs[number]

    async def start(self, body: JobBody) -> Job:
        """Start a job. Raises UsageProblem where it cannot be started from here, or too many are at work."""
        folder = self._surroundings.state_dir
        if folder is None and body.verb != "simulate":
            command = f"devenv {body.verb} {body.target} --backend compose"
            raise UsageProblem(
                "the container of the proxy starts no stacks", hint=f"in a terminal: {command}"
            )
        if sum(not job.ended for job in self._jobs.values()) >= AT_ONCE:
            raise UsageProblem(f"{AT_ONCE} jobs are at work", hint="stop one, or wait")
        asked = body.model_dump(mode="json", exclude_none=True)
        job = Job(next(self._numbers), asked)
        job.process = await asyncio.create_subprocess_exec(
            *WORKER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_LINE,
        )
        assert job.process.stdin is not None
        job.process.stdin.write(json.dumps({**asked, "state_dir": str(folder or "")}).encode() + b"\n")
        self._jobs[job.number] = job
        for old in [number for number, one in self._jobs.items() if one.ended][:-KEPT]:
            del self._jobs[old]
        task = asyncio.create_task(_follow(job, job.process), name=f"job {job.number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job


async def _follow(job: Job, process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(process.stderr.read())
    async for line in process.stdout:
        with suppress(ValueError):
            job.report(json.loads(line))
    code = await process.wait()
    if not any("result" in report or "error" in report for report in job.reports[-1:]):
        last = (await errors).decode(errors="replace").strip().splitlines()[-1:]
        detail = f"it ended with exit code {code}" + (f": {last[0]}" if last else "")
        job.report({"error": {"detail": detail, "hint": None, "exit_code": 1}})
    errors.cancel()
    job.ended = True
    job.report({"ended": code})


def router(board: JobBoard) -> APIRouter:
    """``/dashboard/jobs``."""
    routes = APIRouter(prefix="/dashboard", tags=["dashboard"])

    @routes.get("/jobs")
    async def jobs() -> dict[str, Any]:
        """The jobs that are remembered, without their reports."""
        return {"jobs": [job.to_json(len(job.reports)) for job in board.jobs()]}

    @routes.post("/jobs")
    async def start(body: JobBody) -> dict[str, Any]:
        """Start one."""
        return (await board.start(body)).to_json()

    @routes.get("/jobs/{number}")
    async def follow(
        number: int,
        since: Annotated[int, Query(ge=0)] = 0,
        wait: Annotated[float, Query(ge=0, le=30)] = 0.0,
    ) -> dict[str, Any]:
        """Its reports from ``since`` on; with ``wait`` (seconds), as soon as there is one."""
        job = board.job(number)
        if wait and since >= len(job.reports) and not job.ended:
            with suppress(TimeoutError):
                await asyncio.wait_for(job.news.wait(), wait)
        return job.to_json(since)

    @routes.delete("/jobs/{number}")
    async def stop(number: int) -> dict[str, Any]:
        """Let it end early: an exploration then gives what it has until then."""
        job = board.job(number)
        if job.process is None or job.process.stdin is None:
            raise HTTPException(409, f"job {number} is not at work")
        job.process.stdin.close()
        return job.to_json(len(job.reports))

    return routes
