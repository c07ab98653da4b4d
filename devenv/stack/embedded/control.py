"""The stack's part of the embedded control API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from devenv.stack.embedded.processes import Processes


class Restart(BaseModel):
    """The body of /stack/pods/restart: by pod, variables over its present ones (null removes one)."""

    settings: dict[str, dict[str, str | None]]


def router(
    processes: Processes, stop: Callable[[], None], policy: Callable[[], str] | None = None
) -> APIRouter:
    """The routes over ``processes``: /stack, /stack/pods/restart, /stack/redis/{action}, /stack/stop.

    The app that includes them turns a ``DevenvError`` into JSON.
    ``stop`` asks the process that serves this to shut down; it is called after the processes have ended.
    ``policy`` gives the proxy's present policy for the status.
    """
    routes = APIRouter(prefix="/stack", tags=["stack"])

    def now() -> dict[str, Any]:
        return processes.status(policy() if policy else None).to_json()

    @routes.get("")
    async def status() -> dict[str, Any]:
        """What is running now (StackStatus)."""
        return now()

    @routes.post("/pods/restart")
    async def restart(body: Restart) -> dict[str, Any]:
        """Restart pods with other variables; answers when they are ready: ``{"progress", "status"}``."""
        lines: list[str] = []
        await processes.restart_pods(body.settings, lines.append)
        return {"progress": lines, "status": now()}

    @routes.post("/redis/{action}")
    async def redis(action: str) -> dict[str, Any]:
        """Pause, resume, stop or start Redis; answers when it is so."""
        await processes.redis(action)
        return {"redis_state": processes.redis_state}

    @routes.post("/stop")
    async def end() -> dict[str, Any]:
        """End every process, then this one."""
        await processes.stop()
        stop()
        return {"stopped": True}

    return routes
