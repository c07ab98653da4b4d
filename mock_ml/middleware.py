"""ASGI layers around the service: a limit on bodies, and the faults."""

from __future__ import annotations

import asyncio
import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mock_ml.faults import PREDICTIONS, Faults

MAX_BODY = 10 * 1024 * 1024
_DISCARDED = 64 * 1024 * 1024
"""How much of a body that is too large is read and thrown away, so that its sender reads the 413."""


class BodyLimit:
    """Answers 413 to bodies above ``MAX_BODY`` bytes; hands others on in one piece."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS", "DELETE"):
            await self._app(scope, receive, send)
            return
        chunks: list[bytes] = []
        size, more = 0, True
        while more and size <= _DISCARDED:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            chunk = message.get("body", b"")
            size += len(chunk)
            more = message.get("more_body", False)
            if size <= MAX_BODY:
                chunks.append(chunk)
            else:
                chunks.clear()
        if size > MAX_BODY:
            await respond(send, 413, f"the body is larger than {MAX_BODY} bytes", close=more)
            return
        whole: Message | None = {"type": "http.request", "body": b"".join(chunks), "more_body": False}

        async def replay() -> Message:
            nonlocal whole
            if whole is not None:
                message, whole = whole, None
                return message
            return await receive()

        await self._app(scope, replay, send)


class FaultLayer:
    """Delays, fails or never answers requests as the rules say. Other paths than their endpoints pass."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        endpoint = _endpoint(scope["path"]) if scope["type"] == "http" else None
        fate = self._faults.fate(endpoint) if endpoint else None
        if fate is None:
            await self._app(scope, receive, send)
            return
        if fate.rule.timeout:
            self._faults.held += 1
            try:
                left = await _left_within(receive, fate.rule.timeout_s)
            finally:
                self._faults.held -= 1
            if left:
                return
            await respond(send, 504, f"fault: {endpoint} did not answer within {fate.rule.timeout_s:g} s")
            return
        if fate.rule.latency_ms:
            await asyncio.sleep(fate.rule.latency_ms / 1000)
        if fate.fails:
            await respond(send, fate.rule.error_status, f"fault: {endpoint} fails by error_rate")
            return
        await self._app(scope, receive, send)


def _endpoint(path: str) -> str | None:
    first = path.lstrip("/").split("/", 1)[0]
    return first if first == "assets" or first in PREDICTIONS else None


async def _left_within(receive: Receive, seconds: float) -> bool:
    """Whether the caller went away within ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


async def respond(send: Send, status: int, detail: str, *, close: bool = False) -> None:
    """One JSON answer ``{"detail": …}``; ``close`` ends the connection after it."""
    body = json.dumps({"detail": detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
