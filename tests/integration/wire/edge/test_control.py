"""The control API's guard, on a real server: foreign Host and Origin headers are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import APIRouter

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.wire.control.server import TOKEN_HEADER, ControlServer, control_app


@asynccontextmanager
async def served() -> AsyncIterator[httpx.AsyncClient]:
    router = APIRouter()

    @router.put("/touch")
    async def touch() -> dict[str, bool]:
        return {"touched": True}

    @router.get("/usage")
    async def usage() -> None:
        raise UsageProblem("policy 'x' is unknown", hint="one of …")

    @router.get("/environment")
    async def environment() -> None:
        raise EnvironmentProblem("no engine")

    app = control_app([router])
    server = ControlServer(app)
    port = await server.start("127.0.0.1", 0)
    token = {TOKEN_HEADER: app.state.token}
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=token) as client:
            yield client
    finally:
        await server.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8081"}, 200),
        ({"Host": "[::1]:8081"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:8081"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Host": "LocalHost:8081"}, 200),
        ({"Host": "user@127.0.0.1:8081"}, 403),
        ({"Host": "127.0.0.1/evil.example"}, 403),
        ({"Host": "127.0.0.1?evil.example"}, 403),
        ({"Host": "127.0.0.1#evil.example"}, 403),
        ({"Host": "127.0.0.1:8081x"}, 403),
        ({"Host": "127.0.0.1:999999"}, 403),
        ({"Host": "localhost."}, 403),
        ({"Host": "localhost:8081", "Origin": "https://localhost:8081"}, 403),
        ({"Host": "localhost:8081", "Origin": "x://localhost:8081"}, 403),
        ({"Host": "localhost:8081", "Origin": "http://localhost:8081/path"}, 403),
        ({"Host": "localhost:8081", "Origin": "http://user@localhost:8081"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "localhost:8081", "Origin": "http://localhost:8081"}, 200),
        ({"Host": "localhost:8081", "Origin": "http://localhost:3000"}, 403),
        ({"Host": "localhost:8081", "Origin": "https://evil.example"}, 403),
        ({"Host": "localhost:8081", "Origin": "null"}, 403),
    ],
)
def test_only_this_machine_and_no_foreign_page(headers: dict[str, str], status: int) -> None:
    async def main() -> None:
        async with served() as client:
            assert (await client.put("/touch", headers=headers)).status_code == status
            assert (await client.get("/health", headers=headers)).status_code == status

    asyncio.run(main())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program, no browser
        ({"Host": "localhost:8081", "Origin": "http://localhost:8081"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "same-origin", TOKEN_HEADER: "wrong"}, 403),
        ({"Sec-Fetch-Site": "same-origin", TOKEN_HEADER: "ü"}, 403),
    ],
)
def test_a_browser_changes_nothing_without_the_token(headers: dict[str, str], status: int) -> None:
    async def main() -> None:
        async with served() as client:
            del client.headers[TOKEN_HEADER]
            sent = {name.encode(): value.encode() for name, value in headers.items()}
            assert (await client.put("/touch", headers=sent)).status_code == status
            assert (await client.get("/health", headers=sent)).status_code == 200

    asyncio.run(main())


def test_errors_carry_their_hint_and_exit_code() -> None:
    async def main() -> None:
        async with served() as client:
            usage = await client.get("/usage")
            assert usage.status_code == 400
            assert usage.json() == {"detail": "policy 'x' is unknown", "hint": "one of …", "exit_code": 2}
            environment = await client.get("/environment")
            assert (environment.status_code, environment.json()["exit_code"]) == (503, 4)

    asyncio.run(main())


def test_close_ends_the_server_with_an_open_connection() -> None:
    async def main() -> None:
        async with served() as client:
            await client.get("/health")
        assert [task.get_name() for task in asyncio.all_tasks()] == [asyncio.current_task().get_name()]  # type: ignore[union-attr]

    asyncio.run(main())
