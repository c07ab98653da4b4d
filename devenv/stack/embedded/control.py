"""The stack's part of the embedded control API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from devenv.core.model.pod_numbers import numbered
from devenv.stack.embedded.processes import Processes


class Restart(BaseModel):
    """The body of /stack/pods/restart: by pod, variables over its present ones (null removes one)."""

    settings: dict[str, dict[str, str | None]]


class PodsWished(BaseModel):
    """The body of ``PUT /stack/pods``."""

    pods: Annotated[int, Field(strict=True)] | list[str] = Field(examples=[3, ["a", "c"]])
    """How many pods there are to be, or which, in full or by letter."""
    settings: dict[str, dict[str, str | None]] = {}
    """By pod that is added, its variables over those that the stack gives to every pod."""
    policy: str | None = Field(default=None, max_length=2000)
    """The proxy's policy with these pods; null: the present one."""


def router(
    processes: Processes, stop: Callable[[], None], policy: Callable[[], str] | None = None
) -> APIRouter:
    """The routes over ``processes``: /stack, and below it /pods, /pods/restart, /redis/{action}, /stop.

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

    @routes.put("/pods")
    async def set_pods(body: PodsWished) -> dict[str, Any]:
        """Add and remove pods; answers when it is done: ``{"added", "removed", "progress", "status"}``.

        A number adds the first free names, and removes the last pods. 400 for a number below 1 or above 26, a
        wrong name, or a policy that does not fit; 503 where an added pod does not start: the pods are then
        those of before.
        """
        lines: list[str] = []
        before = processes.spec.pod_names
        wished = numbered(before, body.pods) if isinstance(body.pods, int) else body.pods
        await processes.set_pods(wished, body.settings, body.policy, lines.append)
        after = processes.spec.pod_names
        return {
            "added": [pod for pod in after if pod not in before],
            "removed": [pod for pod in before if pod not in after],
            "progress": lines,
            "status": now(),
        }

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
