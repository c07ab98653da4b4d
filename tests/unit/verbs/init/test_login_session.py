"""The requests of a login session are found where reads and changes have names of the service's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx

from devenv.core.model.service import Request
from devenv.verbs.init.login_session import find_login_session
from devenv.verbs.init.openapi import OpenApi
from devenv.verbs.init.trial import Pod

Handler = Callable[[httpx.Request], httpx.Response]


def _pod(read: str, change: tuple[str, str]) -> Pod:
    """A service whose sessions are shown by GET ``read`` and changed by ``change``, a method and a path."""
    sessions: dict[str, dict[str, str]] = {}

    def handle(request: httpx.Request) -> httpx.Response:
        said = (request.method, request.url.path)
        if said == ("POST", "/login"):
            sid = str(len(sessions))
            sessions[sid] = {"user": "alice"}
            return httpx.Response(200, headers={"Set-Cookie": f"sid={sid}"})
        session = sessions.get(request.headers.get("cookie", "").removeprefix("sid="))
        if session is None:
            return httpx.Response(401)
        if said == change:
            session.update(json.loads(request.content or "{}"))
            return httpx.Response(200, json={"ok": True})
        return httpx.Response(200, json=session) if said == ("GET", read) else httpx.Response(404)

    client = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://service")
    return Pod(client, {})


def _api(read: str, change: tuple[str, str]) -> OpenApi:
    paths: dict[str, dict[str, object]] = {"/login": {"post": {}}}
    for method, path in (("GET", read), change):
        paths.setdefault(path, {})[method.lower()] = {}
    return OpenApi({"paths": paths})


def _found(tmp_path: Path, read: str, change: tuple[str, str]) -> tuple[str, dict[str, Request]]:
    found = find_login_session(_pod(read, change), _api(read, change), tmp_path)
    assert found is not None
    return found.ask.path, {name: use.request for name, use in found.requests.items()}


def test_a_read_may_have_a_name_of_the_services_own(tmp_path: Path) -> None:
    ask, uses = _found(tmp_path, "/preferences", ("PUT", "/preferences"))
    assert ask == "/preferences"
    assert uses == {
        "a": Request("/preferences", "PUT", body={"a": "1"}),
        "b": Request("/preferences", "PUT", body={"b": "1"}),
    }


def test_a_change_may_stand_at_the_path_of_a_read_that_is_called_as_usual(tmp_path: Path) -> None:
    ask, uses = _found(tmp_path, "/profile", ("PATCH", "/profile"))
    assert ask == "/profile"
    assert uses["a"] == Request("/profile", "PATCH", body={"a": "1"})


def test_a_change_at_a_path_of_its_own_is_found_as_before(tmp_path: Path) -> None:
    ask, uses = _found(tmp_path, "/me", ("POST", "/set"))
    assert (ask, uses["b"]) == ("/me", Request("/set", body={"b": "1"}))
