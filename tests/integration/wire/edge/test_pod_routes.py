"""``PUT /pods``: what Compose's proxy container is told when pods come and go. No pod runs here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from devenv.wire.control.server import control_app
from devenv.wire.edge.edge import Edge
from devenv.wire.edge.pod_routes import router
from devenv.wire.proxy import Upstream

A, B, C = (f"captcha-api-{letter}" for letter in "abc")


@asynccontextmanager
async def served() -> AsyncIterator[tuple[httpx.AsyncClient, Edge]]:
    edge = Edge([Upstream(A, A, 8000), Upstream(B, B, 8000)], "source-hash", 1, ("127.0.0.1", 1))
    await edge.open_gate("127.0.0.1", 0)
    transport = httpx.ASGITransport(app=control_app([router(edge)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client, edge
    await edge.close()


def gates(edge: Edge) -> list[str]:
    assert edge.gate is not None
    return [str(pod["pod"]) for pod in edge.gate.status()["pods"]]


def routed(edge: Edge) -> list[str]:
    return [str(pod["address"]) for pod in edge.proxy.pods()]


def test_a_pod_has_its_gate_before_it_gets_requests() -> None:
    async def run() -> None:
        async with served() as (client, edge):
            answer = await client.put("/pods", json={"pods": [A, B, C], "serve": [A, B]})
            assert answer.json() == {"pods": [A, B, C], "serve": [A, B], "policy": "source-hash"}
            assert (gates(edge), routed(edge)) == ([A, B, C], [f"{A}:8000", f"{B}:8000"])
            await client.put("/pods", json={"pods": [A, B, C], "serve": [B, C], "policy": "pinned:c"})
            assert (gates(edge), routed(edge)) == ([A, B, C], [f"{B}:8000", f"{C}:8000"])
            await client.put("/pods", json={"pods": [B, C], "serve": [B, C]})
            assert (gates(edge), edge.proxy.policy) == ([B, C], f"pinned:{C}")

    asyncio.run(run())


def test_what_cannot_be_changes_nothing() -> None:
    refused: list[tuple[dict[str, object], str]] = [
        ({"pods": [A, "redis"], "serve": [A]}, "'redis' is no name of a pod"),
        ({"pods": [A], "serve": [B]}, "serve: it needs one pod"),
        ({"pods": [A], "serve": []}, "serve: it needs one pod"),
        ({"pods": [A], "serve": [A], "policy": "pinned:b"}, "unknown pod 'b'"),
    ]

    async def run() -> None:
        async with served() as (client, edge):
            for body, message in refused:
                answer = await client.put("/pods", json=body)
                assert (answer.status_code, message in answer.json()["detail"]) == (400, True)
                assert (gates(edge), len(routed(edge))) == ([A, B], 2)

    asyncio.run(run())
