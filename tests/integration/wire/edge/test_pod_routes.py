"""``PUT /pods``: what Compose's proxy container is told when pods come and go. No pod runs here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from devenv.wire.control.server import control_app
from devenv.wire.edge.edge import Edge, pods_and_policy
from devenv.wire.edge.kept_pods import KeptPods
from devenv.wire.edge.pod_routes import router
from devenv.wire.proxy import Upstream

NOTHING_KEPT = KeptPods.of({})
A, B, C = (f"captcha-api-{letter}" for letter in "abc")


@asynccontextmanager
async def served(kept: KeptPods = NOTHING_KEPT) -> AsyncIterator[tuple[httpx.AsyncClient, Edge]]:
    edge = Edge([Upstream(A, A, 8000), Upstream(B, B, 8000)], "source-hash", 1, ("127.0.0.1", 1))
    await edge.open_gate("127.0.0.1", 0)
    transport = httpx.ASGITransport(app=control_app([router(edge, kept)]))
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


def test_a_proxy_that_restarts_has_the_pods_of_the_last_complete_change(tmp_path: Path) -> None:
    made_with = {
        "DEVENV_PODS": f"{A}={A}:8000,{B}={B}:8000",
        "DEVENV_POLICY": "pinned:b",
        "DEVENV_KEPT_PODS": str(tmp_path / "pods.json"),
    }
    assert pods_and_policy(made_with) == ([Upstream(A, A, 8000), Upstream(B, B, 8000)], "pinned:b")

    async def run() -> None:
        async with served(KeptPods.of(made_with)) as (client, _):
            await client.put("/pods", json={"pods": [A, B, C], "serve": [A, B]})
            assert pods_and_policy(made_with)[0] == [Upstream(A, A, 8000), Upstream(B, B, 8000)]
            await client.put("/pods", json={"pods": [A, C], "serve": [A, C], "policy": "random"})

    asyncio.run(run())
    assert pods_and_policy(made_with) == ([Upstream(A, A, 8000), Upstream(C, C, 8000)], "random")
    other = {**made_with, "DEVENV_PODS": f"{B}={B}:8000"}
    assert pods_and_policy(other) == ([Upstream(B, B, 8000)], "pinned:b"), "the file is another container's"
