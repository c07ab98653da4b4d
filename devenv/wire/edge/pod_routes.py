"""The control API's part for who starts and ends pods from outside: Docker Compose's ``proxy`` container."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import MAX_PODS, pod_names
from devenv.wire.edge.edge import Edge
from devenv.wire.edge.pod_changes import PodChanges


class PodTable(BaseModel):
    """``PUT /pods``."""

    pods: list[str] = Field(max_length=MAX_PODS)
    """Those that may reach Redis through the gate, by full name: they run, start or end."""
    serve: list[str] = Field(max_length=MAX_PODS)
    """Those of them that get requests."""
    policy: str | None = Field(default=None, max_length=2000)
    """The proxy's policy; null: the present one."""


def router(edge: Edge) -> APIRouter:
    """``PUT /pods`` over ``edge``, whose pods are hosts of their own names and listen on one port number."""
    routes, changes = APIRouter(tags=["proxy"]), PodChanges(edge)

    @routes.put("/pods")
    async def set_pods(body: PodTable) -> dict[str, Any]:
        """Have exactly these pods; a pod that is new gets its gate port, one that is gone loses it.

        It starts and ends nothing: ``devenv scale`` does, and calls this before and after.
        """
        _check(body)
        changes.check(body.serve, body.policy)
        present = edge.pods
        port = next(iter(present.values()))[1]
        await changes.open({pod: (pod, port) for pod in body.pods if pod not in present})
        await changes.route(body.serve, body.policy)
        await changes.close([pod for pod in present if pod not in body.pods])
        return {"pods": list(edge.pods), "serve": body.serve, "policy": edge.proxy.policy}

    return routes


def _check(body: PodTable) -> None:
    every = pod_names(MAX_PODS)
    for pod in (*body.pods, *body.serve):
        if pod not in every:
            raise UsageProblem(f"{pod!r} is no name of a pod", hint=f"{every[0]} to {every[-1]}")
    if not body.serve or any(pod not in body.pods for pod in body.serve):
        raise UsageProblem("serve: it needs one pod at least, and only such as are in pods")
