"""The requests that the page sends as a visitor, and their answers.

The page is not kept waiting by any of them: a browser opens few connections to one server (Chromium: six),
and requests whose commands are held would take them all, so that the release could not be sent.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from contextlib import suppress
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.vocabulary import POD_HEADER
from devenv.dashboard.surroundings import Surroundings
from devenv.stack.loopback import local_async_client

SEND_SECONDS = 330.0
"""A held message may last 300 s."""
MAX_BODY = 2_000_000
MOST_OPEN = 100
KEPT = 500


class SendBody(BaseModel):
    """``POST /dashboard/send``: one request of a visitor, through the proxy."""

    model_config = ConfigDict(extra="forbid")
    path: str = Field(pattern=r"^/[^/\\]", max_length=2000)
    body: dict[str, Any] = {}
    pod: str | None = None
    request_id: str = Field(pattern=r"^[\w.-]{1,80}$")


class Outbox:
    """Sends requests, and keeps the latest answers, numbered from 1 in the order in which they came."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._answers: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.latest = 0
        self._news = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()

    def send(self, body: SendBody) -> None:
        """Send a request. UsageProblem where its body is too long, or too many are under way."""
        if len(json.dumps(body.body)) > MAX_BODY:
            raise UsageProblem(f"the body is longer than {MAX_BODY} bytes")
        if len(self._open) >= MOST_OPEN:
            raise UsageProblem(f"{MOST_OPEN} requests are under way", hint="release what is held, or wait")
        task = asyncio.create_task(self._deliver(body), name=f"request {body.request_id}")
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    def after(self, number: int) -> list[dict[str, Any]]:
        """The answers numbered above ``number`` that are kept."""
        return [answer for answer in self._answers if answer["number"] > number]

    async def wait(self, number: int, seconds: float) -> None:
        """Wait for an answer numbered above ``number``, ``seconds`` at most."""
        if self.latest <= number and seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), seconds)

    async def _deliver(self, body: SendBody) -> None:
        began = time.monotonic()
        headers = {"X-Request-Id": body.request_id} | ({POD_HEADER: body.pod} if body.pod else {})
        try:
            ends = await asyncio.to_thread(self._surroundings.stack().endpoints)
            async with local_async_client(ends.pinned if body.pod else ends.traffic, SEND_SECONDS) as client:
                response = await client.post(body.path, json=body.body, headers=headers)
            answer: dict[str, Any] = {
                "status": response.status_code,
                "pod": response.headers.get("X-Served-By"),
                "body": _json_or_text(response),
            }
        except (httpx.HTTPError, EnvironmentProblem) as error:
            answer = {"error": f"the proxy does not answer: {type(error).__name__}"}
        self.latest += 1
        seconds = round(time.monotonic() - began, 4)
        self._answers.append(
            {"number": self.latest, "request_id": body.request_id, "seconds": seconds, **answer}
        )
        self._news.set()
        self._news = asyncio.Event()


def _json_or_text(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text[:2000]


def router(surroundings: Surroundings) -> APIRouter:
    """``POST /dashboard/send`` and ``GET /dashboard/sent``."""
    routes = APIRouter(prefix="/dashboard", tags=["dashboard"])
    box: Outbox | None = None

    def opened() -> Outbox:
        nonlocal box
        if box is None:
            box = Outbox(surroundings)
        return box

    @routes.post("/send")
    async def send(body: SendBody) -> dict[str, Any]:
        """Send one request through the proxy, as a visitor would; its answer comes above ``after``."""
        number = opened().latest
        opened().send(body)
        return {"after": number}

    @routes.get("/sent")
    async def sent(
        after: Annotated[int, Query(ge=0)] = 0, wait: Annotated[float, Query(ge=0, le=30)] = 0.0
    ) -> dict[str, Any]:
        """The answers numbered above ``after``; with ``wait`` (seconds), as soon as there is one."""
        await opened().wait(after, wait)
        return {"sent": opened().after(after), "latest": opened().latest}

    return routes
