"""The page and its files, as they lie in ``static``: no build step, nothing from another machine.

The policy for its content lets run and be fetched only what the control API itself serves, and pictures of
this machine (the mock ML service draws those of the captchas). ``require-trusted-types-for`` makes the
browser refuse text that a script would have read as HTML, except where lit-html makes its templates, which
are constants.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from mimetypes import guess_type

from fastapi import APIRouter, HTTPException, Request, Response

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: http://127.0.0.1:* http://localhost:*",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types lit-html devenv-charts",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_SERVED = (".js", ".css", ".svg")


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent."""

    content: bytes
    packed: bytes
    """The same, compressed with gzip."""
    media_type: str
    tag: str
    """Names this content (an HTTP ETag)."""


def static_files() -> dict[str, StaticFile]:
    """What is served below ``/static/``, by path; read once."""
    return _static_files()


@cache
def _static_files() -> dict[str, StaticFile]:
    return {
        name: _read(item, name)
        for name, item in _walk(files("devenv.dashboard").joinpath("static"), "")
        if name.endswith(_SERVED)
    }


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
        found += _walk(item, f"{prefix}{item.name}/") if item.is_dir() else [(prefix + item.name, item)]
    return found


def _read(item: Traversable, name: str) -> StaticFile:
    content = item.read_bytes()
    suffix = name[name.rindex(".") :]
    media_type = _TYPES.get(suffix) or guess_type(name)[0] or "application/octet-stream"
    return StaticFile(
        content, gzip.compress(content, mtime=0), media_type, f'"{sha256(content).hexdigest()[:16]}"'
    )


@cache
def _template() -> str:
    return files("devenv.dashboard").joinpath("static", "index.html").read_text(encoding="utf-8")


def page(token: str) -> str:
    """The page's HTML with the token that lets it change something, and every module named, to load now."""
    modules = "\n".join(
        f'<link rel="modulepreload" href="/static/{escape(name)}">'
        for name in static_files()
        if name.startswith("js/")
    )
    return _template().replace("<!-- modules -->", modules).replace("{{token}}", escape(token, quote=True))


def router() -> APIRouter:
    """``GET /`` and ``GET /static/…``."""
    routes = APIRouter(tags=["dashboard"])

    @routes.get("/", response_class=Response)
    async def index(request: Request) -> Response:
        """The page."""
        headers = {**HEADERS, "Cache-Control": "no-store"}
        return Response(page(request.app.state.token), media_type="text/html", headers=headers)

    @routes.get("/static/{path:path}", response_class=Response)
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
