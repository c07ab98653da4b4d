"""The page and its files: no build step, nothing from another machine.

The page is one answer: its style, its script (see ``core.render.linker``) and what it shows first are in it,
so that it is there whole or not at all. The policy for its content lets run only this very script, by its
hash, and what the control API itself serves; pictures may come from this machine (the mock ML service draws
those of the captchas). ``require-trusted-types-for`` makes the browser refuse text that a script would have
read as HTML, except where lit-html makes its templates, which are constants.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from html import escape
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from devenv.core.model.errors import DevenvError
from devenv.core.render.linker import Linked
from devenv.core.render.page_files import digest, linked, source

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
ENTRY = "js/main.js"
STYLES = ("style.css", "lanes.css")
COMPRESSION = 6
"""gzip's level for the page, which is compressed for each answer: 5 ms, and a sixth less than level 1."""
STATE_SECONDS = 0.15
"""The page waits so long for the first state; what takes longer it asks for itself."""
_STYLE_COMMENTS = re.compile(r"/\*.*?\*/", re.DOTALL)
_STYLE_BLANKS = re.compile(r"\s*[{};,>]\s*|\n\s*")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_SERVED = ("vendor/uplot/uPlot.iife.min.js", "vendor/uplot/uPlot.min.css", "icon.svg")
"""What the page loads as it lies there; all else is in the page itself, or one of its later scripts."""

FirstState = Callable[[], Awaitable[Any]]
"""Gives what the page shows first (as ``GET /dashboard/overview``)."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent."""

    content: bytes
    packed: bytes
    """The same, compressed with gzip."""
    media_type: str
    tag: str
    """Names this content (an HTTP ETag)."""

    @classmethod
    def of(cls, content: bytes, name: str) -> StaticFile:
        """The file ``name`` with this content."""
        packed = gzip.compress(content, mtime=0)
        return cls(content, packed, _TYPES[name[name.rindex(".") :]], f'"{sha256(content).hexdigest()[:16]}"')


def scripts() -> Linked:
    """The page's modules, joined."""
    return linked(ENTRY)


@cache
def style() -> str:
    """The page's style sheet, without comments and the blanks around its signs."""
    text = _STYLE_COMMENTS.sub("", "".join(source(name) for name in STYLES))
    return (
        _STYLE_BLANKS.sub(lambda match: match[0].strip() or "\n", text).replace(": ", ":").replace(";}", "}")
    )


@cache
def static_files() -> dict[str, StaticFile]:
    """What is served below ``/static/``, by path."""
    later = {f"later/{path}": text for path, text in scripts().later.items()}
    texts = later | {name: source(name) for name in _SERVED}
    return {name: StaticFile.of(text.encode(), name) for name, text in texts.items()}


@cache
def content_policy() -> str:
    """Let run what the page holds, and load what it serves."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {digest(scripts().first)}",
            f"style-src 'self' {digest(style())}",
            "img-src 'self' data: http://127.0.0.1:* http://localhost:*",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types lit-html devenv-charts",
        )
    )


@cache
def _template() -> str:
    """The page but for what differs from answer to answer."""
    text = source("index.html").replace("{{style}}", style())
    return text.replace("{{script}}", scripts().first)


def page(token: str, state: Any = None) -> str:
    """The page's HTML, with the token that lets it change something and what it shows first."""
    known = json.dumps(state, ensure_ascii=True).replace("<", "\\u003c")
    return _template().replace("{{token}}", escape(token, quote=True)).replace("{{state}}", known)


def router(first_state: FirstState | None = None) -> APIRouter:
    """``GET /`` and ``GET /static/…``."""
    routes = APIRouter(tags=["dashboard"])

    @routes.get("/", response_class=Response)
    async def index(request: Request) -> Response:
        """The page."""
        state = None
        if first_state is not None:
            with suppress(TimeoutError, DevenvError):
                state = await asyncio.wait_for(first_state(), STATE_SECONDS)
        text = page(request.app.state.token, state).encode()
        headers = {
            **HEADERS,
            "Content-Security-Policy": content_policy(),
            "Cache-Control": "no-store",
            "Vary": "Accept-Encoding",
        }
        if "gzip" in request.headers.get("accept-encoding", ""):
            text = await asyncio.to_thread(gzip.compress, text, COMPRESSION)
            headers["Content-Encoding"] = "gzip"
        return Response(text, media_type="text/html", headers=headers)

    unusual: dict[int | str, dict[str, Any]] = {
        304: {"description": "It is the one that the browser has."},
        404: {"description": "The page has no such file."},
    }

    @routes.get("/static/{path:path}", response_class=Response, responses=unusual)
    async def static(path: str, request: Request) -> Response:
        """A file of the page."""
        file = static_files().get(path)
        if file is None:
            raise HTTPException(404, f"the page has no file {path!r}")
        headers = {**HEADERS, "Cache-Control": "no-cache", "ETag": file.tag, "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(
                file.packed, media_type=file.media_type, headers={**headers, "Content-Encoding": "gzip"}
            )
        return Response(file.content, media_type=file.media_type, headers=headers)

    return routes
