"""[session], [fixes.NAME] and redis = "always": what they mean, and errors with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.requests import Request, Rule
from devenv.core.model.service import ServiceSpec
from devenv.core.model.session_profile import GONE, Fix, SessionRequest
from devenv.harness.config.devenv_toml_reader import parse_service

BASE = """\
[service]
app = "main:app"
redis = "always"

[session]
open = { path = "/login", form = { user = "alice" } }
ask = { path = "/me", method = "GET" }
"""
WHOLE = (
    BASE
    + """\
gone = { status = [401, 404] }

[session.requests]
a = { path = "/set?a=1" }
log-out = { path = "/logout", ends = true }

[fixes.xx]
env = { STORE = "xx" }

[fixes.other]
command = "node 'other app.js'"
directory = "fixed"
"""
)


def test_a_session_is_read_in_place_of_kinds(tmp_path: Path) -> None:
    service = parse_service(WHOLE, tmp_path)
    session = service.session
    assert session is not None
    assert session.open == (Request("/login", form={"user": "alice"}),)
    assert session.ask == Request("/me", "GET")
    assert session.gone == (Rule(status=(401, 404)),)
    assert session.requests == {
        "a": SessionRequest(Request("/set?a=1")),
        "log-out": SessionRequest(Request("/logout"), ends=True),
    }
    assert service.profile.kinds == {}
    assert service.fixes == {
        "xx": Fix({"STORE": "xx"}),
        "other": Fix(command=("node", "other app.js"), directory=str(tmp_path.resolve() / "fixed")),
    }


def test_always_is_no_switch_and_sessions_in_redis(tmp_path: Path) -> None:
    service = parse_service(BASE, tmp_path)
    assert service.always_redis
    assert not service.switchable
    assert not service.profile.switchable


def test_without_gone_401_and_403_look_gone(tmp_path: Path) -> None:
    service = parse_service(BASE, tmp_path)
    assert service.session is not None
    assert service.session.gone == GONE


def test_a_service_survives_json_and_shows_no_secret(tmp_path: Path) -> None:
    service = parse_service(WHOLE.replace("a = {", 'a = { headers = { token = "T0P" },'), tmp_path)
    assert ServiceSpec.from_json(service.to_json()) == service
    shown = str(service.public().to_json())
    assert "T0P" not in shown
    assert "alice" not in shown
    assert "'STORE': ''" in shown


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('path = "/me"', 'path = "me"', "devenv.toml:7: session.ask.path: string should match"),
        ("open =", "opens =", "devenv.toml:5: session.open: field required"),
        ("ends =", "end =", "devenv.toml:12: session.requests.log-out.end: there is no such key"),
        ("ends = true", "ends = 3", "devenv.toml:12: session.requests.log-out.ends: "),
        (
            "a = {",
            "ask = {",
            "devenv.toml:5: session: requests.ask: ask is the name of the request that asks",
        ),
        ('path = "/set?a=1"', 'path = "/set/{id}"', "devenv.toml:5: session: a has {id} in it, and id does"),
        ('env = { STORE = "xx" }', "", "devenv.toml:14: fixes.xx: changes nothing"),
        ("'other app.js'", "'other", "devenv.toml: fixes.other.command:"),
        ('redis = "always"', 'redis = "never"', "devenv.toml:3: service.redis"),
    ],
)
def test_an_error_names_the_line_and_the_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse_service(WHOLE.replace(old, new, 1), tmp_path)
    assert caught.value.message.startswith(message)


def test_an_id_in_a_field_of_the_answer(tmp_path: Path) -> None:
    text = BASE + 'id = { field = "token" }\n[session.requests]\na = { path = "/set/{id}" }\n'
    session = parse_service(text, tmp_path).session
    assert session is not None
    assert session.id_field == "token"
