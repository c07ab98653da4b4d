from __future__ import annotations

from pathlib import Path

import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.service import Request, Rule
from devenv.verbs.init.detect import (
    _json,
    _name,
    _nobodys,
    _place_of_id,
    _plausible,
    _Refused,
    _request,
    _rules,
    _telling,
)
from devenv.verbs.init.start_commands import starts


def test_starts_are_found_the_likeliest_first(tmp_path: Path) -> None:
    (tmp_path / "src" / "api").mkdir(parents=True)
    (tmp_path / "src" / "api" / "web.py").write_text(
        "service: FastAPI = fastapi.FastAPI()\n", encoding="utf-8"
    )
    (tmp_path / "helper.py").write_text("app = make()\n", encoding="utf-8")
    (tmp_path / "zoo.py").write_text("app = Starlette(routes)\n", encoding="utf-8")
    (tmp_path / "main.py").write_text("import x\n\napp = FastAPI(title='t')\n", encoding="utf-8")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "app.py").write_text("app = FastAPI()\n", encoding="utf-8")
    (tmp_path / "package.json").write_text('{"scripts": {"start": "tsc && node dist"}}', encoding="utf-8")
    (tmp_path / "server.js").write_text("", encoding="utf-8")
    assert starts(tmp_path) == [
        "app:main:app", "app:zoo:app", "app:src.api.web:service", "npm start", "node server.js"
    ]  # fmt: skip


def test_services_that_are_no_asgi_apps_are_started_by_a_command(tmp_path: Path) -> None:
    (tmp_path / "web.py").write_text("server = Flask(__name__)\n", encoding="utf-8")
    (tmp_path / "manage.py").write_text("", encoding="utf-8")
    assert starts(tmp_path) == [
        "{python} -m flask --app web:server run --host 127.0.0.1 --port {port}",
        "{python} manage.py runserver --noreload 127.0.0.1:{port}",
    ]


def test_an_empty_folder_starts_nothing(tmp_path: Path) -> None:
    assert starts(tmp_path) == []


@pytest.mark.parametrize(
    ("first", "second", "place"),
    [
        ({"a": {"ticket": "x1"}, "n": 1}, {"a": {"ticket": "x2"}, "n": 1}, "a.ticket"),
        ({"seed": "abcdefgh1", "id": 4}, {"seed": "abcdefgh2", "id": 5}, "id"),
        ({"q": "2+3", "handle8": "abcdefgh1"}, {"q": "4+4", "handle8": "abcdefgh2"}, "handle8"),
        ({"q": "2+3"}, {"q": "4+4"}, None),
        ({"id": "same"}, {"id": "same"}, None),
        ({"ok": True}, {"ok": False}, None),
    ],
)
def test_the_id_is_what_two_sessions_differ_in(
    first: dict[str, object], second: dict[str, object], place: str | None
) -> None:
    assert _place_of_id(first, second) == place


def test_not_found_is_what_a_session_of_nobody_differs_in() -> None:
    no, gone = {"ok": False}, {"ok": False, "message": "unknown"}
    not_found, wrong, success, _ = _rules((200, no), (200, gone))
    assert not_found == (Rule(status=(200,), equals={"message": "unknown"}),)
    assert wrong == (Rule(status=(200,), equals={"ok": False}),)
    assert success == (Rule(equals={"ok": True}),)
    assert _rules((200, no), (404, {}))[0] == (Rule(status=(404,)),)
    with pytest.raises(EnvironmentProblem):
        _rules((200, no), (200, no))


def test_an_id_of_nobody_has_the_same_form() -> None:
    challenge_id = "3f2a-XYZ_9c"
    other = _nobodys(challenge_id)
    assert other != challenge_id
    assert len(other) == len(challenge_id)
    assert all(one.isdigit() == two.isdigit() for one, two in zip(challenge_id, other, strict=True))


@pytest.mark.parametrize(("path", "name"), [("/api/v2/challenges", "challenge"), ("/", "session")])
def test_kinds_are_named_by_their_path(path: str, name: str) -> None:
    assert _name(path) == name


def test_a_request_is_method_and_path() -> None:
    assert (_request("put /a/{id}").method, _request("/a").method) == ("PUT", "POST")
    with pytest.raises(UsageProblem):
        _request("PUT a")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "enum": ["ko", "en"]}, "ko"),
        ({"type": "string", "default": "en", "examples": ["x"]}, "en"),
        ({"type": "integer", "const": 3}, 3),
        ({"type": "array"}, []),
        ({}, "devenv"),
    ],
)
def test_a_field_gets_what_its_schema_offers(schema: dict[str, object], value: object) -> None:
    assert _plausible(schema) == value


def test_a_body_is_a_json_object() -> None:
    assert _json('{"lang": "en"}', "--create-body") == {"lang": "en"}
    for text in ("{", "[1]", "3"):
        with pytest.raises(UsageProblem, match="--create-body"):
            _json(text, "--create-body")


@pytest.mark.parametrize(("status", "broke"), [(400, False), (422, False), (500, True), (502, True)])
def test_a_session_that_is_not_opened_is_told_with_what_may_be_missing(status: int, broke: bool) -> None:
    refused = _Refused(Request("/quizzes"), status, {"code": "BAD"})
    assert refused.message == f'POST /quizzes answered {status}: {{"code": "BAD"}}'
    assert refused.hint is not None
    assert "--create-body" in refused.hint
    assert refused.its_fault is broke


def test_an_id_is_not_looked_for_in_what_every_answer_has() -> None:
    headers = {"date": "x", "x-request-id": "1", "x-served-by": "a", "x-game-session": "9f", "etag": "w"}
    assert _telling(headers) == {"x-game-session": "9f"}
