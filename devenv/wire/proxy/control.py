"""The proxy's control API, to be mounted in the control application (which guards Host and Origin)."""

from __future__ import annotations

from time import time
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from devenv.core.model.errors import UsageProblem
from devenv.core.routing import POLICIES
from devenv.wire.proxy.server import Proxy

MAX_EXCHANGES = 10_000
MAX_SEQ = 2**53 - 1
"""The largest number that every reader of JSON takes exactly."""


class PolicyBody(BaseModel):
    """``PUT /policy``."""

    policy: str = Field(max_length=2000, examples=["weighted:a=3,b=1"])


class BalancerInFront(Protocol):
    """Who takes policies where the proxy need not be the one that chooses."""

    @property
    def policies(self) -> list[str]:
        """What ``set_policy`` takes, without options."""

    async def set_policy(self, text: str) -> None:
        """Choose by another policy; UsageProblem for an unknown one."""


def router(proxy: Proxy, front: BalancerInFront | None = None) -> APIRouter:
    """The routes of one proxy; the handlers run in the loop that the proxy runs in.

    ``front``, where there is one, is given the policies that are set.
    """
    routes = APIRouter(tags=["proxy"])

    @routes.get("/pods")
    async def pods() -> dict[str, Any]:
        """The pods, each tried with a connection just now, so that a restarted pod is known at once."""
        await proxy.probe()
        return {"policy": proxy.policy, "pods": proxy.pods()}

    @routes.get("/policy")
    async def policy() -> dict[str, Any]:
        """The policy in force and the known names."""
        return _policy(proxy, front)

    @routes.put("/policy")
    async def set_policy(body: PolicyBody) -> dict[str, Any]:
        """Route by another policy from the next request on; 400 names what is unknown."""
        try:
            if front is not None:
                await front.set_policy(body.policy)
            else:
                proxy.set_policy(body.policy)
        except UsageProblem as problem:
            hint = f" ({problem.hint})" if problem.hint else ""
            raise HTTPException(400, problem.message + hint) from problem
        return _policy(proxy, front)

    @routes.get("/exchanges")
    async def exchanges(
        since: Annotated[int, Query(ge=0, le=MAX_SEQ)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_EXCHANGES)] = 1000,
    ) -> dict[str, Any]:
        """Recent exchanges numbered above ``since``, oldest first.

        ``last`` is what to ask for next, ``latest`` the number of the latest of all.
        """
        recent = proxy.exchanges(since, limit)
        return {
            "exchanges": [exchange.to_json() for exchange in recent],
            "last": recent[-1].seq if recent else since,
            "latest": proxy.latest_exchange,
        }

    @routes.get("/exchanges/open")
    async def open_exchanges() -> dict[str, Any]:
        """The exchanges under way, oldest first; each is in ``/exchanges`` once it has ended.

        ``now`` is the proxy's time, in seconds since the epoch.
        """
        return {"exchanges": [exchange.to_json() for exchange in proxy.open_exchanges()], "now": time()}

    return routes


def _policy(proxy: Proxy, front: BalancerInFront | None) -> dict[str, Any]:
    return {"policy": proxy.policy, "policies": list(POLICIES) if front is None else front.policies}
