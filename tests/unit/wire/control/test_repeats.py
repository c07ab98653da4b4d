"""What a browser sends again is done once; what was broken off unread is done when it comes again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from devenv.wire.control.repeats import KEPT, KEY_HEADER, RepeatedRequests


class Counting:
    """An app that counts, and answers when it may."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.may = asyncio.Event()
        self.may.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.may.wait()
        self.done.append((await Request(scope, receive).body()).decode())
        await Response(f"number {len(self.done)}", 201)(scope, receive, send)


Play = Callable[[Counting, httpx.AsyncClient], Awaitable[None]]


def play(work: Play) -> None:
    async def whole() -> None:
        app = Counting()
        transport = httpx.ASGITransport(RepeatedRequests(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            await work(app, client)

    asyncio.run(whole())


async def post(client: httpx.AsyncClient, key: str, path: str = "/x", body: str = "a") -> tuple[int, str]:
    answer = await client.post(path, content=body, headers={KEY_HEADER: key} if key else {})
    return answer.status_code, answer.text


def test_the_same_key_is_done_once() -> None:
    async def work(app: Counting, client: httpx.AsyncClient) -> None:
        assert [await post(client, "k") for _ in range(3)] == [(201, "number 1")] * 3
        assert app.done == ["a"]

    play(work)


def test_another_key_path_or_no_key_is_another_request() -> None:
    async def work(app: Counting, client: httpx.AsyncClient) -> None:
        await post(client, "k")
        assert await post(client, "l") == (201, "number 2")
        assert await post(client, "k", "/y") == (201, "number 3")
        assert [await post(client, "") for _ in range(2)] == [(201, "number 4"), (201, "number 5")]

    play(work)


def test_one_that_comes_while_the_first_is_at_work_waits_for_it() -> None:
    async def work(app: Counting, client: httpx.AsyncClient) -> None:
        app.may.clear()
        tasks = [asyncio.create_task(post(client, "k")) for _ in range(3)]
        await asyncio.sleep(0)
        app.may.set()
        assert await asyncio.gather(*tasks) == [(201, "number 1")] * 3

    play(work)


def test_one_that_was_broken_off_before_its_answer_is_done_when_it_comes_again() -> None:
    async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
        """As BoundedBody, whose client has left."""

    async def whole() -> None:
        app = Counting()
        repeats = RepeatedRequests(app)
        repeats._app = nothing
        scope: Scope = {
            "type": "http", "method": "POST", "path": "/x", "headers": [(KEY_HEADER.lower().encode(), b"k")]
        }  # fmt: skip

        async def unused(*_given: object) -> None:
            raise AssertionError

        await repeats(scope, unused, unused)  # type: ignore[arg-type]
        repeats._app = app
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(repeats), base_url="http://127.0.0.1"
        ) as client:
            assert await post(client, "k") == (201, "number 1")

    asyncio.run(whole())


def test_an_error_is_not_remembered() -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("no")

    async def whole() -> None:
        repeats = RepeatedRequests(fails)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(repeats), base_url="http://127.0.0.1"
        ) as client:
            for _ in range(2):
                with pytest.raises(ValueError, match="no"):
                    await post(client, "k")

    asyncio.run(whole())


def test_so_many_answers_are_remembered() -> None:
    async def work(app: Counting, client: httpx.AsyncClient) -> None:
        for number in range(KEPT + 1):
            await post(client, f"k{number}")
        assert await post(client, "k1") == (201, "number 2")
        assert await post(client, "k0") == (201, f"number {KEPT + 2}")

    play(work)
