"""The control API's frame: one FastAPI app of the parts' routers, closed to foreign pages, and its server.

A web page in the user's browser can send requests to 127.0.0.1 (DNS rebinding, CSRF); so a request whose Host
is not this machine, or whose Origin is not the control API itself, is refused before any route sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import urlsplit

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from devenv.core.model.errors import DevenvError, EnvironmentProblem, UsageProblem

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class LocalOnly:
    """ASGI middleware: 403 unless Host names this machine (any port) and Origin, if sent, equals it."""

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str] = LOCAL_HOSTS) -> None:
        self._app = app
        self._allowed = frozenset(allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] in ("http", "websocket"):
            headers = Headers(scope=scope)
            if (why := self._refusal(headers.getlist("host"), headers.getlist("origin"))) is not None:
                await JSONResponse({"detail": why}, status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, hosts: Sequence[str], origins: Sequence[str]) -> str | None:
        if len(hosts) != 1 or _hostname(hosts[0]) not in self._allowed:
            return f"refused: the control API answers only to this machine, not to Host {hosts!r}"
        if any(_origin_authority(origin) != hosts[0].lower() for origin in origins):
            return f"refused: the control API does not answer to pages of {origins!r}"
        return None


def _hostname(authority: str) -> str | None:
    try:
        return urlsplit("//" + authority).hostname
    except ValueError:
        return None


def _origin_authority(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def control_app(routers: Sequence[APIRouter], allowed_hosts: Collection[str] = LOCAL_HOSTS) -> FastAPI:
    """The control API: the routers and ``GET /health``; a DevenvError becomes JSON with its exit code."""
    app = FastAPI(title="devenv control API", docs_url=None, redoc_url=None)
    app.add_middleware(LocalOnly, allowed_hosts=allowed_hosts)
    for router in routers:
        app.include_router(router)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.exception_handler(DevenvError)
    async def told(_request: Request, error: DevenvError) -> JSONResponse:
        status = {UsageProblem: 400, EnvironmentProblem: 503}.get(type(error), 409)
        return JSONResponse(error.to_json(), status_code=status)

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
        self._serving: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; gives the port taken (``port`` 0: any free one). OSError where it is taken."""
        listener = socket.create_server((host, port))
        actual: int = listener.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="control API")
        return actual

    async def close(self) -> None:
        """Answer what is under way, then end."""
        if self._serving is not None:
            self._server.should_exit = True
            await self._serving
