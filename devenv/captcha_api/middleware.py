"""What every request gets: an id, X-Served-By, a log line, counts; and no traceback, ever."""

from __future__ import annotations

import json
import logging
import time
import traceback
import uuid
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from devenv.captcha_api.logs import emit
from devenv.captcha_api.metrics import Metrics

_LONGEST_ID = 200


@dataclass(slots=True)
class Trace:
    """What is known about the request so far."""

    request_id: str
    challenge_id: str | None = None
    """Filled in by handlers."""
    outcome: str | None = None
    """Filled in by handlers."""
    detail: str | None = None


class Observe:
    """Outermost: headers on every response, one log line and one count per request."""

    def __init__(self, app: ASGIApp, pod: str, metrics: Metrics, logger: logging.Logger) -> None:
        """``pod`` is what X-Served-By says."""
        self._app = app
        self._pod = pod.encode("latin-1", "replace")
        self._metrics = metrics
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        trace = Trace(request_id.decode("latin-1"))
        scope.setdefault("state", {})["trace"] = trace
        started = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", []), (b"x-served-by", self._pod)]
                message = {**message, "headers": [*headers, (b"x-request-id", request_id)]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            self._record(scope, trace, status, time.perf_counter() - started)

    def _record(self, scope: Scope, trace: Trace, status: int, seconds: float) -> None:
        endpoint = getattr(scope.get("route"), "path", "other")
        outcome = trace.outcome or _outcome_of(status)
        self._metrics.request(endpoint, status, outcome, seconds)
        level = logging.ERROR if status >= 500 else logging.INFO
        fields = {"detail": trace.detail} if trace.detail else {}
        emit(
            self._logger,
            level,
            "request",
            request_id=trace.request_id,
            challenge_id=trace.challenge_id,
            method=scope["method"],
            path=scope["path"],
            status=status,
            outcome=outcome,
            duration_ms=round(seconds * 1000, 3),
            **fields,
        )


class CatchAll:
    """Innermost: an unforeseen exception is logged and answered with one line of JSON, HTTP 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            where = traceback.extract_tb(error.__traceback__)[-1]
            trace = scope["state"]["trace"]
            trace.detail = f"{type(error).__name__}: {error} ({where.name}, {where.filename}:{where.lineno})"
            body = json.dumps({"detail": f"Internal Server Error: {type(error).__name__}"}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 500, "headers": headers})
            await send({"type": "http.response.body", "body": body})


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and value:
            return bytes(value[:_LONGEST_ID])
    return uuid.uuid4().hex.encode()


def _outcome_of(status: int) -> str:
    if status == 503:
        return "unavailable"
    if status >= 500:
        return "error"
    if status == 422:
        return "invalid"
    return "rejected" if status >= 400 else "ok"
