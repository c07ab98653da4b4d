"""The client of a login session: what names the session, and with which requests it goes."""

from __future__ import annotations

import json

import httpx

from devenv.core.model.requests import Request
from devenv.core.model.session_profile import SessionProfile
from devenv.harness.client.login import LoginClient

ASK = Request("/me", "GET")


def client(session: SessionProfile, received: list[httpx.Request], **opened: object) -> LoginClient:
    """One whose service answers a POST with ``opened`` (arguments of httpx.Response), a GET with {}."""

    def handle(request: httpx.Request) -> httpx.Response:
        received.append(request)
        return httpx.Response(200, **(opened if request.method == "POST" else {"json": {}}))  # type: ignore[arg-type]

    http = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://service")
    return LoginClient(http, session, {"X-Client": "us"})


def test_cookies_of_the_answers_that_open_go_with_every_request_and_later_ones_do_not() -> None:
    received: list[httpx.Request] = []
    twice = SessionProfile((Request("/form"), Request("/login")), ASK, {})
    login = client(twice, received, headers=[("Set-Cookie", "sid=1; Path=/"), ("Set-Cookie", "csrf=2")])
    login.open({"X-Devenv-Pod": "a"})
    login.send(ASK)
    assert login.opened
    assert [request.headers.get("Cookie") for request in received] == [None, "sid=1; csrf=2", "sid=1; csrf=2"]
    assert [request.headers.get("X-Devenv-Pod") for request in received] == ["a", "a", None]
    assert {request.headers["X-Client"] for request in received} == {"us"}


def test_a_token_stands_where_the_request_has_its_place() -> None:
    received: list[httpx.Request] = []
    ask = ASK.with_header("Authorization", "Bearer {id}")
    login = client(
        SessionProfile((Request("/login"),), ask, {}, id_field="data.token"), received,
        content=json.dumps({"data": {"token": "t-1"}}),
    )  # fmt: skip
    login.send(ask)
    assert "Authorization" not in received[-1].headers  # who has no session names none
    login.open()
    login.send(ask)
    assert received[-1].headers["Authorization"] == "Bearer t-1"
    assert login.opened


def test_an_answer_that_names_no_session_opens_none() -> None:
    login = client(SessionProfile((Request("/login"),), ASK, {}), [], json={"ok": True})
    assert login.open().status_code == 200
    assert not login.opened
