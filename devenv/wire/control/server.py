"""The control API's frame: one FastAPI app of the parts' routers, closed to foreign pages, and its server.

A web page in the user's browser can send requests to 127.0.0.1 (DNS rebinding, CSRF); so a request whose Host
is not this machine, or whose Origin is not the control API itself, is refused before any route sees it. What
a browser sends to change something needs the token of the control API's own page besides: no other page can
read it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import socket
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from devenv.core.model.errors import DevenvError, EnvironmentProblem, UsageProblem
from devenv.wire.control.repeats import RepeatedRequests

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
TOKEN_HEADER = "X-Devenv-Token"  # noqa: S105 - the name of a header
"""What a page sends to be let change something; programs that are no browsers need none."""
MAX_BODY = 16 * 1024 * 1024
"""Bytes of a request's body; the largest are an exploration's jobs, some MB."""
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]++\]|[a-z0-9.-]++)(?::[0-9]{1,5})?")
"""What Host may be at all: a name or an address, and a port. No user, path or other part of a URL."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_BROWSERS = ("origin", "sec-fetch-site")
"""Headers that every browser sends with a request of a page, and that a page cannot leave out."""


class AsciiJson(JSONResponse):
    """JSON in ASCII: it has no byte for half a surrogate pair, which a request's JSON may have named."""

    def render(self, content: Any) -> bytes:
        """The content as JSON; ValueError for NaN and infinities, which JSON has not."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


class LocalOnly:
    """ASGI middleware: 403 unless Host names this machine (any port) and Origin, if sent, is http://HOST.

    A request of a browser that may change something (any method but GET, HEAD, OPTIONS) must have ``token``
    in ``TOKEN_HEADER``.
    """

    def __init__(self, app: ASGIApp, token: str, allowed_hosts: Collection[str] = LOCAL_HOSTS) -> None:
        self._app = app
        self._token = token
        self._allowed = frozenset(allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] in ("http", "websocket"):
            headers = Headers(scope=scope)
            why = self._refusal(headers.getlist("host"), headers.getlist("origin"))
            if (why := why or self._without_token(scope.get("method", ""), headers)) is not None:
                await JSONResponse({"detail": why}, status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, hosts: Sequence[str], origins: Sequence[str]) -> str | None:
        name = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
        if name is None or name["name"].strip("[]") not in self._allowed:
            return f"refused: the control API answers only to this machine, not to Host {hosts!r}"
        if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in origins):
            return f"refused: the control API does not answer to pages of {origins!r}"
        return None

    def _without_token(self, method: str, headers: Headers) -> str | None:
        if method in _READING or not any(name in headers for name in _OF_BROWSERS):
            return None
        if secrets.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self._token.encode()):
            return None
        return f"refused: a page must send its token in {TOKEN_HEADER}; load it again"


class BoundedBody:
    """ASGI middleware: 413 for a request whose body is longer than ``MAX_BODY``, before it is read whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its body bounded."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        refused = length.isdecimal() and (len(length) > 18 or int(length) > MAX_BODY)
        parts: list[bytes] = []
        size, more = 0, not refused
        while more:
            message = await receive()
            if message["type"] != "http.request":  # the client has left
                return
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = bool(message.get("more_body", False))
            if size > MAX_BODY:
                refused = True
                break
        if refused:
            detail = {"detail": f"the body is longer than {MAX_BODY} bytes"}
            await JSONResponse(detail, status_code=413)(scope, receive, send)
            return
        whole: list[Message] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, again, send)


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str
    """One sentence."""
    hint: str | None = None
    """The next step, where there is one."""
    exit_code: int | None = None
    """What a verb that meets it ends with."""


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "What was given is not understood"},
    403: {"model": Problem, "description": "The request came from another machine or a foreign page"},
    409: {"model": Problem, "description": "It cannot be done as things are"},
    413: {"model": Problem, "description": "The body is too long"},
    503: {"model": Problem, "description": "What is needed for it is not there"},
}
"""What any route may answer besides its result and FastAPI's own 422."""


def control_app(routers: Sequence[APIRouter], allowed_hosts: Collection[str] = LOCAL_HOSTS) -> FastAPI:
    """The control API: the routers and ``GET /health``; a DevenvError becomes JSON with its exit code.

    ``app.state.token`` is what its own page sends in ``TOKEN_HEADER``, ``app.state.closing`` whether it is
    about to end: an answer without end, as a stream, ends then.
    """
    app = FastAPI(
        title="devenv control API",
        docs_url=None,
        redoc_url=None,
        default_response_class=AsciiJson,
        responses=PROBLEMS,
    )
    app.state.token, app.state.closing = secrets.token_urlsafe(24), False
    app.add_middleware(BoundedBody)
    app.add_middleware(RepeatedRequests)
    app.add_middleware(LocalOnly, token=app.state.token, allowed_hosts=allowed_hosts)
    for router in routers:
        app.include_router(router)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.exception_handler(DevenvError)
    async def refused(_request: Request, error: DevenvError) -> JSONResponse:
        status = {UsageProblem: 400, EnvironmentProblem: 503}.get(type(error), 409)
        return AsciiJson(error.to_json(), status_code=status)

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> JSONResponse:
        return AsciiJson({"detail": error.detail}, status_code=error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        # without the input itself, which may be what JSON cannot write (Infinity)
        problems = [{name: problem[name] for name in ("loc", "msg", "type")} for problem in error.errors()]
        return AsciiJson({"detail": problems}, status_code=422)

    return app


class _Server(uvicorn.Server):
    """uvicorn inside our own loop: the process's signals stay ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ControlServer:
    """The control API served in the running loop."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        config.timeout_graceful_shutdown = 1
        self._server = _Server(config)
        self._app = app
        self._serving: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; gives the port taken (``port`` 0: any free one). OSError where it is taken."""
        listener = socket.create_server((host, port))
        actual: int = listener.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="control API")
        return actual

    async def close(self) -> None:
        """Answer what is under way, then end."""
        self._app.state.closing = True
        if self._serving is not None:
            self._server.should_exit = True
            await self._serving
