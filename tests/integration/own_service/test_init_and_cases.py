"""Services in other styles, unmodified: what init finds out of each, and what the demo then says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.harness.config.devenv_toml_writer import Found, toml_text
from devenv.harness.config.settings import Settings
from devenv.verbs.demo.own_service import try_service
from devenv.verbs.demo.own_story import OwnStory
from devenv.verbs.init.detect import InitOptions, look
from tests.support import devenv_run

SERVICES = Path(__file__).with_name("services")


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], Path]:
    """A folder with one of the services in it, as server.py."""

    def copy(name: str) -> Path:
        made = tmp_path / name
        made.mkdir()
        shutil.copyfile(SERVICES / f"{name}.py", made / "server.py")
        return made

    return copy


def looked(options: InitOptions, tmp_path: Path) -> Found:
    return look(options, tmp_path / "look", lambda line: None)


def demo(result: Found | str, folder: Path, trials: int = 2) -> OwnStory:
    text = result if isinstance(result, str) else toml_text(result)
    settings = Settings(state_dir=folder / ".devenv", service=parse_service(text, folder))
    service = settings.service
    assert service is not None
    return try_service(
        settings, service, trials=trials, act_ended=lambda act: None, progress=lambda line: None
    )


def lines_of(story: OwnStory) -> list[tuple[int, int, list[str]]]:
    """Of each act: sessions not found, answers not known, causes."""
    return [(act.lost, act.unclear, [group.cause for group in act.explanation.groups]) for act in story.acts]


FORM = """\
[service]
command = "{python} server.py {port}"
redis = false

[profile]
id = { field = "captchaId" }
limit = "none"

[profile.kinds.image]
create = { path = "/captcha/new", method = "GET" }
verify = { path = "/captcha/check", form = { captchaId = "{id}", captchaSolution = "{answer}" } }
answers = { wrong = "000000" }

[[profile.not-found]]
status = 410

[[profile.success]]
equals = { ok = true }

[[profile.wrong]]
equals = { ok = false }
"""
FILES = """\
[service]
command = "{python} server.py {port}"
redis = false

[profile]
id = { field = "sessionId" }

[profile.kinds.session]
create = { path = "/session", body = {} }
verify = { path = "/basket", body = { sessionId = "{id}" } }

[[profile.not-found]]
status = 401

[[profile.success]]
equals = { ok = true }
"""
UNKNOWN_400 = """\
preset = "mcp-session"

[service]
command = "{python} server.py {port}"
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [("form_captcha", FORM), ("file_sessions", FILES), ("mcp_unknown_session_400", UNKNOWN_400)],
)
def test_sessions_as_people_have_them_are_lost_on_the_other_pod(
    folder: Callable[[str], Path], name: str, text: str
) -> None:
    """Cases 10, 20, 18: a use that is a form; sessions in files; an unknown MCP session that is a 400."""
    story = demo(text, folder(name))
    assert lines_of(story) == [(2, 0, ["pod-memory"])]
    [act] = story.acts
    [trials] = act.trials.values()
    assert (trials.crossing.not_found, trials.staying.known) == (2, 2)


def test_init_tries_a_form_where_json_is_refused(folder: Callable[[str], Path], tmp_path: Path) -> None:
    options = InitOptions(
        folder("form_captcha"),
        command="{python} server.py {port}",
        create="GET /captcha/new",
        verify="POST /captcha/check",
        body='{"captchaId": "{id}", "captchaSolution": "000000"}',
    )
    report = looked(options, tmp_path)
    [kind] = report.kinds.values()
    assert kind.verify.form == {"captchaId": "{id}", "captchaSolution": "000000"}
    assert report.id_field == "captchaId"
    assert (report.redis_use, report.switchable) == ("unused", False)
    assert parse_service(toml_text(report), options.folder).profile.kinds == report.kinds


def test_the_key_behind_a_signed_cookie_is_found(folder: Callable[[str], Path], tmp_path: Path) -> None:
    options = InitOptions(folder("signed_cookie"), create="POST /login", verify="POST /visits")
    report = looked(options, tmp_path)
    assert (report.id_cookie, report.key) == ("sid", "sess:{id}")
    assert (report.redis_use, report.switchable) == ("switched", True)
    assert any("without the signature" in note for note in report.notes)
    assert lines_of(demo(report, options.folder)) == [(2, 0, ["pod-memory"]), (0, 0, [])]


def test_a_form_that_is_answered_by_a_redirect_with_two_cookies_opens_a_session(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    options = InitOptions(folder("form_login"), create="POST /login", verify="POST /visits")
    report = looked(options, tmp_path)
    assert (report.id_cookie, report.id_header, report.id_field) == ("sid", "", "")
    assert lines_of(demo(report, options.folder)) == [(2, 0, ["pod-memory"])]


def test_a_login_session_that_use_redis_moves_has_a_switch(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    """Commands that reach Redis with USE_REDIS=true do not show that its sessions are always there."""
    report = looked(InitOptions(folder("switched_login")), tmp_path)
    assert report.session is not None
    assert (report.redis_use, report.switchable, report.always_in_redis) == ("switched", True, False)
    assert parse_service(toml_text(report), tmp_path).switchable


def test_a_hashed_key_required_fields_and_the_limit_are_found(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    report = looked(InitOptions(folder("hashed_key")), tmp_path)
    assert (report.key, report.limit, report.redis_use) == ("quiz:{id}", 3, "switched")
    [kind] = report.kinds.values()
    assert kind.verify.body == {"quiz_id": "{id}", "number": "{answer}", "locale": "devenv"}
    assert any("sha256 of it" in note for note in report.notes)
    assert "limit = 3\n" in toml_text(report)


def test_a_key_that_cannot_be_told_a_signed_id_and_an_answer_to_be_chosen(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    """USE_REDIS changes none of its commands: it is no switch, and no regression is told of it."""
    body = '{"ticket": "{id}", "word": "{answer}"}'
    options = InitOptions(folder("keyed_hash"), create="POST /tickets", verify="POST /tickets/use", body=body)
    report = looked(options, tmp_path)
    assert (report.key, report.redis_use, report.switchable, report.limit) == (None, "alike", False, 2)
    assert [rule.status for rule in report.not_found] == [(401,), (410,)]
    [kind] = report.kinds.values()
    assert kind.answers == {"wrong": "devenv"}
    assert lines_of(demo(report, options.folder)) == [(0, 0, [])]


def test_a_cluster_client_is_given_a_cluster(folder: Callable[[str], Path], tmp_path: Path) -> None:
    options = InitOptions(folder("hashed_key"), env={"CLIENT": "cluster"})
    report = looked(options, tmp_path)
    assert (report.redis_mode, report.key, report.redis_use) == ("cluster", "quiz:{id}", "switched")
    text = toml_text(report)
    assert 'redis-mode = "cluster"' in text
    assert lines_of(demo(text, options.folder)) == [(2, 0, ["pod-memory"]), (0, 0, [])]


REFUSING = """\
import os
from fastapi import FastAPI, HTTPException
app = FastAPI()

@app.post("/api/abstract-captcha")
def create():
    raise HTTPException(int(os.environ["REFUSAL"]), "who are you?")

@app.post("/api/abstract-verify")
def verify():
    return {}
"""


@pytest.mark.parametrize(("status", "hint"), [("401", "--header"), ("500", "log")])
def test_a_create_that_is_refused_is_no_service_without_redis(tmp_path: Path, status: str, hint: str) -> None:
    (tmp_path / "main.py").write_text(REFUSING, encoding="utf-8")
    options = InitOptions(tmp_path, env={"REFUSAL": status})
    with pytest.raises(EnvironmentProblem, match=f"answered {status}: .*who are you") as problem:
        looked(options, tmp_path)
    assert hint in str(problem.value.hint)


BREAKING = """\
from fastapi import FastAPI
app = FastAPI(openapi_url=None)

@app.post("/tickets")
def create():
    return {"ticket": __import__("secrets").token_hex(8)}

@app.post("/answers")
def answer(body: dict):
    return {"ok": body["sum"] == 7}
"""


def test_a_service_that_breaks_over_the_use_has_not_called_it_wrong(tmp_path: Path) -> None:
    """A body that lacks a field: a 500 is no answer to be graded by."""
    (tmp_path / "main.py").write_text(BREAKING, encoding="utf-8")
    body = '{"ticket": "{id}"}'
    options = InitOptions(tmp_path, create="POST /tickets", verify="POST /answers", body=body)
    with pytest.raises(EnvironmentProblem, match="POST /answers answered 500") as problem:
        looked(options, tmp_path)
    assert "KeyError: 'sum'" in str(problem.value.hint)
    assert "--body" in str(problem.value.hint)


def played(folder: Path, environment: Mapping[str, str], *words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON and all that was printed of a verb."""
    done = devenv_run(folder, environment, *words, "--json")
    return done.returncode, json.loads(done.stdout), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("example_name", "preset", "mended"),
    [
        ("mcp-session", "mcp-session", "streamable_http_app(stateless_http=True)"),
        ("mcp-handle", "mcp-handle", None),
    ],
)
def test_an_mcp_server_from_its_folder_to_the_verdict(
    example: Callable[[str], Path],
    environment: dict[str, str],
    example_name: str,
    preset: str,
    mended: str | None,
) -> None:
    """init, replay, explain: the server that keeps state in its process fails, the mended one holds."""
    folder = example(example_name)
    code, result, printed = played(folder, environment, "init", "--yes")
    assert (code, result.get("preset")) == (0, preset), printed
    replayed = devenv_run(folder, environment, "replay", f"{preset}-lost")
    assert replayed.returncode == 1, replayed.stdout + replayed.stderr
    assert "✗ fails" in replayed.stdout
    explained = devenv_run(folder, environment, "explain", "latest")
    assert explained.returncode == 1, explained.stdout + explained.stderr
    assert "pod-memory" in explained.stdout, replayed.stdout + explained.stdout
    printed = (replayed.stdout + explained.stdout).replace("captcha-api", "")
    for word in ("captcha", "challenge", "right", "wrong", "USE_REDIS"):
        assert word not in printed
    program = (folder / "server.py").read_text(encoding="utf-8")
    if mended is not None:
        program = program.replace("streamable_http_app()", mended)
    else:  # what a handle stands for lies where both pods find it
        program = program.replace("baskets: dict[str, list[str]] = {}", SHARED)
    (folder / "server.py").write_text(program, encoding="utf-8")
    code, _, printed = played(folder, environment, "replay", f"{preset}-lost")
    assert code == 0, printed


SHARED = """\
import os, redis
class Items(list):
    def __init__(self, name): self.name = name; super().__init__(store.lrange(name, 1, -1))
    def append(self, item): store.rpush(self.name, item); super().append(item)
class Shared(dict):
    def __contains__(self, name): return store.exists(name)
    def __getitem__(self, name): return Items(name)
    def __setitem__(self, name, items): store.rpush(name, "", *items)
store = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
baskets = Shared()
"""
