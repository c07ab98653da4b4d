"""The requests of a login session are found where reads and changes have names of the service's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from devenv.core.model.service import Request, Rule
from devenv.core.model.session_profile import GONE
from devenv.verbs.init import login_session
from devenv.verbs.init.login_session import HOLE, find_any_session, find_login_session
from devenv.verbs.init.openapi import OpenApi
from devenv.verbs.init.trial import Pod

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer of these services has a time in it."""
    monkeypatch.setattr(login_session, "_APART_SECONDS", 0.0)


def _pod(read: str, change: tuple[str, str]) -> Pod:
    """A service whose sessions are shown by GET ``read`` and changed by ``change``, a method and a path."""
    sessions: dict[str, dict[str, str]] = {}

    def handle(request: httpx.Request) -> httpx.Response:
        message = (request.method, request.url.path)
        if message == ("POST", "/login"):
            sid = str(len(sessions))
            sessions[sid] = {"user": "alice"}
            return httpx.Response(200, headers={"Set-Cookie": f"sid={sid}"})
        session = sessions.get(request.headers.get("cookie", "").removeprefix("sid="))
        if session is None:
            return httpx.Response(401)
        if message == change:
            session.update(json.loads(request.content or "{}"))
            return httpx.Response(200, json={"ok": True})
        return httpx.Response(200, json=session) if message == ("GET", read) else httpx.Response(404)

    client = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://service")
    return Pod(client, {})


def _api(read: str, change: tuple[str, str]) -> OpenApi:
    paths: dict[str, dict[str, object]] = {"/login": {"post": {}}}
    for method, path in (("GET", read), change):
        paths.setdefault(path, {})[method.lower()] = {}
    return OpenApi({"paths": paths})


def _found(tmp_path: Path, read: str, change: tuple[str, str]) -> tuple[str, dict[str, Request]]:
    parsed = find_login_session(_pod(read, change), _api(read, change), tmp_path)
    assert parsed is not None
    return parsed.ask.path, {name: use.request for name, use in parsed.requests.items()}


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


def _served(handle: Handler) -> Pod:
    client = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://service")
    return Pod(client, {})


def _documented(*operations: str) -> OpenApi:
    """An OpenAPI with these operations, each a method and a path."""
    paths: dict[str, dict[str, object]] = {}
    for operation in operations:
        method, path = operation.split()
        paths.setdefault(path, {})[method.lower()] = {}
    return OpenApi({"paths": paths})


def test_what_changes_in_every_answer_is_no_change(tmp_path: Path) -> None:
    """GET /me has a nonce: POST /feedback, which changes nothing of the session, is no change."""
    numbers = iter(range(1000))
    name = {"name": "alice"}

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/login":
            return httpx.Response(200, headers={"Set-Cookie": "sid=1"})
        if request.headers.get("cookie") != "sid=1":
            return httpx.Response(401)
        if request.url.path == "/rename":
            name.update(name=str(request.url.params))
        return httpx.Response(200, json={**name, "nonce": next(numbers)})

    api = _documented("POST /login", "GET /me", "POST /feedback", "POST /rename")
    parsed = find_login_session(_served(handle), api, tmp_path)
    assert parsed is not None
    assert parsed.requests["a"].request == Request("/rename?a=1")


def test_a_request_that_uses_the_session_up_does_not_ask(tmp_path: Path) -> None:
    """GET /profile is answered once in each session; GET /account shows it."""
    used: set[str] = set()
    fields: dict[str, str] = {}

    def handle(request: httpx.Request) -> httpx.Response:
        path, sid = request.url.path, request.headers.get("cookie", "")
        if path == "/login":
            return httpx.Response(200, headers={"Set-Cookie": f"sid={len(used)}"})
        if not sid or (path == "/profile" and sid in used):
            return httpx.Response(401)
        if path == "/profile":
            used.add(sid)
        if path == "/set":
            fields.update(request.url.params)
        return httpx.Response(200, json=dict(fields) if path == "/account" else {"ok": True})

    api = _documented("POST /login", "GET /profile", "GET /account", "POST /set")
    parsed = find_login_session(_served(handle), api, tmp_path)
    assert parsed is not None and parsed.ask.path == "/account"


class Carts:
    """An unknown cart is answered like an empty one; /visits counts the requests of all."""

    def __init__(self) -> None:
        self.carts: dict[str, list[str]] = {}
        self.visits = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        method, path, self.visits = request.method, request.url.path, self.visits + 1
        if (method, path) == ("POST", "/carts"):
            number = f"cart={len(self.carts)}"
            self.carts[number] = []
            return httpx.Response(200, headers={"Set-Cookie": number})
        items = self.carts.get(request.headers.get("cookie", ""), [])
        if method == "POST" and path.startswith("/cart/"):
            items.append(path)
            return httpx.Response(200)
        if path == "/visits":
            return httpx.Response(200, json=self.visits)
        return httpx.Response(200, json=items) if path == "/cart" else httpx.Response(404)


def test_a_cart_that_nobody_knows_is_like_an_empty_one(tmp_path: Path) -> None:
    api = _documented("GET /visits", "POST /carts", "GET /cart", "POST /cart/{item}")
    pod = _served(Carts())
    assert find_login_session(pod, api, tmp_path) is None
    session, whole, *_ = find_any_session(pod, api, tmp_path)
    assert whole
    assert (session.open, session.ask) == ((Request("/carts"),), Request("/cart", "GET"))
    uses = {name: use.request for name, use in session.requests.items()}
    assert uses == {"a": Request("/cart/1"), "b": Request("/cart/2")}
    assert session.gone == GONE and session.likely_meetings == ("a+b",)


def test_what_was_seen_of_a_session_without_a_known_change_is_kept(tmp_path: Path) -> None:
    api = _documented("POST /carts", "GET /cart")
    session, whole, *_ = find_any_session(_served(Carts()), api, tmp_path)
    assert not whole
    assert (session.open, session.ask) == ((Request("/carts"),), Request("/cart", "GET"))
    assert {use.request.path for use in session.requests.values()} == {HOLE}
    session, whole, *_ = find_any_session(_served(Carts()), _documented("GET /health"), tmp_path)
    assert not whole and session.open == (Request(HOLE),)


def test_a_login_that_lacks_a_password_is_named_and_one_that_a_person_named_is_taken(tmp_path: Path) -> None:
    """POST /enter opens a session for alice alone; no word of it is called like a login but POST /login."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path in ("/login", "/enter"):
            fields = json.loads(request.content or "{}")
            known = request.url.path == "/enter" and fields.get("user") == "alice"
            return httpx.Response(200 if known else 401, headers={"Set-Cookie": "sid=1"} if known else {})
        if request.headers.get("cookie") != "sid=1":
            return httpx.Response(401)
        if request.url.path == "/set":
            kept.update(request.url.params)
        return httpx.Response(200, json=kept)

    kept: dict[str, str] = {}
    api = _documented("POST /login", "POST /enter", "GET /me", "POST /set")
    assert find_login_session(_served(handle), api, tmp_path) is None
    seen = find_any_session(_served(handle), api, tmp_path)
    assert (seen.refused, seen.opening_seen) == (Request("/login"), "POST /login answered 401")
    assert seen.session.open == (Request("/login"),)
    opening = Request("/enter", body={"user": "alice"})
    parsed = find_login_session(_served(handle), api, tmp_path, opening)
    assert parsed is not None
    assert parsed.open == (opening,) and parsed.requests["a"].request == Request("/set?a=1")


@pytest.mark.parametrize(
    ("field", "header", "value"),
    [("access_token", "authorization", "Bearer {id}"), ("data.sessionId", "x-session-id", "{id}")],
)
def test_a_session_that_a_token_names_is_used_by_the_header_that_it_takes(
    tmp_path: Path, field: str, header: str, value: str
) -> None:
    sessions: dict[str, dict[str, str]] = {}

    def handle(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/login":
            token = f"token-of-{len(sessions)}"
            sessions[value.replace("{id}", token)] = {"user": "alice"}
            body: Any = token
            for name in reversed(field.split(".")):
                body = {name: body}
            return httpx.Response(200, json={"id": "a number of alice", "refresh_token": "another", **body})
        session = sessions.get(request.headers.get(header, ""))
        if session is None:
            return httpx.Response(401 if header in request.headers else 403)
        if path == "/logout":
            sessions.pop(request.headers[header])
        elif path == "/set":
            session.update(request.url.params)
        return httpx.Response(200, json=session if path == "/me" else {})

    api = _documented("POST /login", "GET /me", "POST /set", "POST /logout")
    parsed = find_login_session(_served(handle), api, tmp_path)
    assert parsed is not None
    assert parsed.id_field == field
    assert {name.lower(): item for name, item in parsed.ask.headers.items()} == {header: value}
    paths = {name: (use.request.path, use.request.headers) for name, use in parsed.requests.items()}
    of_ask = parsed.ask.headers
    assert paths == {"a": ("/set?a=1", of_ask), "b": ("/set?b=1", of_ask), "logout": ("/logout", of_ask)}
    assert parsed.gone == (Rule(status=(401,)),), "as a token that was never given out is answered"


def test_a_change_may_be_of_optional_fields_below_a_path_that_is_called_like_a_login(tmp_path: Path) -> None:
    """PATCH /auth/profile takes nickname or city, and refuses every other field."""
    profile: dict[str, str] = {}

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/login":
            return httpx.Response(200, headers={"Set-Cookie": "sid=1"})
        if request.headers.get("cookie") != "sid=1":
            return httpx.Response(401)
        fields = json.loads(request.content or "{}")
        if request.method == "PATCH":
            if not {*fields} <= {"nickname", "city"}:
                return httpx.Response(422)
            profile.update(fields)
        return httpx.Response(200, json=profile)

    schema = {"properties": {"nickname": {"type": "string"}, "city": {"type": "string"}}}
    change = {"requestBody": {"content": {"application/json": {"schema": schema}}}}
    paths = {"/auth/login": {"post": {}}, "/auth/profile": {"get": {}, "patch": change}}
    parsed = find_login_session(_served(handle), OpenApi({"paths": paths}), tmp_path)
    assert parsed is not None
    assert {name: use.request.body for name, use in parsed.requests.items()} == {
        "a": {"nickname": "devenv"},
        "b": {"city": "devenv"},
    }


def test_a_session_that_has_ended_may_look_otherwise_than_none(tmp_path: Path) -> None:
    """Without a cookie GET /me leads to the login page; with one whose session has ended it answers 401."""
    alive: dict[str, str] = {}

    def handle(request: httpx.Request) -> httpx.Response:
        cookie = request.headers.get("cookie", "")
        if request.url.path == "/login":
            alive.clear()
            alive["sid=1"] = "alice"
            return httpx.Response(200, headers={"Set-Cookie": "sid=1"})
        if cookie not in alive:
            return httpx.Response(401) if cookie else httpx.Response(302, headers={"Location": "/login"})
        if request.url.path == "/logout":
            alive.clear()
        return httpx.Response(200, text="alice")

    parsed = find_login_session(
        _served(handle), _documented("POST /login", "GET /me", "POST /logout"), tmp_path
    )
    assert parsed is not None
    assert parsed.requests["logout"].request == Request("/logout")
    assert parsed.gone == (Rule(status=(302, 401)),)
