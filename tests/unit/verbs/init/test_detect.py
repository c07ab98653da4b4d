from __future__ import annotations

import tomllib
from pathlib import Path

import httpx
import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.harness.config.devenv_toml_writer import Found
from devenv.verbs.init.detect import InitOptions, _Trying, as_request, json_object


def test_a_request_is_method_and_path() -> None:
    assert (as_request("put /a/{id}").method, as_request("/a").method) == ("PUT", "POST")
    with pytest.raises(UsageProblem):
        as_request("PUT a")


def test_a_body_is_a_json_object() -> None:
    assert json_object('{"lang": "en"}', "--create-body") == {"lang": "en"}
    for text in ("{", "[1]", "3"):
        with pytest.raises(UsageProblem, match="--create-body"):
            json_object(text, "--create-body")


def test_what_is_to_be_written_by_hand_is_a_whole_file(tmp_path: Path) -> None:
    """A session opens, and no change of it is seen: the hint is a devenv.toml with what was seen in it."""

    def handle(request: httpx.Request) -> httpx.Response:
        opens = (request.method, request.url.path) == ("POST", "/session")
        return httpx.Response(200 if opens else 404, headers={"Set-Cookie": "user=1"} if opens else {})

    client = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://service")
    result = Found("captcha", command="node server.mjs")
    trying = _Trying(InitOptions(tmp_path), result, client)
    with pytest.raises(UsageProblem, match=r"^nothing tells$") as raised:
        trying.any_session(result, UsageProblem("nothing tells", hint="--create …"))
    before, _, text = str(raised.value.hint).partition(":\n\n")
    assert before.startswith("--create …; for a login, a cart or a wizard write this devenv.toml")
    assert "(POST /session sets a cookie)" in before
    written = tomllib.loads(text)
    assert written["service"] == {"command": "node server.mjs"}  # where its sessions are was not seen
    assert written["session"]["open"] == {"path": "/session"}
    assert {*written["session"]["requests"]} == {"a", "b", "logout"}


def test_a_login_that_refuses_us_needs_a_name_and_a_password(tmp_path: Path) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401 if request.url.path == "/login" else 404, json={"error": "wrong password"})

    client = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://service")
    result = Found("captcha", command="node server.mjs")
    nothing = UsageProblem("nothing tells", hint="--create …")
    with pytest.raises(UsageProblem, match="nothing tells") as raised:
        _Trying(InitOptions(tmp_path), result, client).any_session(result, nothing)
    assert str(raised.value.hint).startswith("--create 'POST /login' --create-body '{}', with the name and")
    named = InitOptions(tmp_path, create="POST /login", create_body='{"user": "alice"}')
    with pytest.raises(EnvironmentProblem, match=r"^POST /login answered 401: .*wrong password") as refused:
        _Trying(named, result, client).any_session(result, nothing)
    assert "--create-body" in str(refused.value.hint)
