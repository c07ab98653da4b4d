from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from devenv.cli.commands.own_service import ServiceFlags
from devenv.core.diagnosis.findings import CHANGES
from devenv.core.model.errors import UsageProblem
from devenv.core.model.mcp import MCP_SESSION
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Kind, Request, Rule
from devenv.core.model.vocabulary import Outcome
from devenv.harness.config.devenv_toml_reader import parse_service, pod_assignments, read_service
from devenv.harness.config.devenv_toml_writer import Found, toml_text
from devenv.harness.config.settings import load
from devenv.stack.files import SERVICE_FILE
from devenv.stack.own_service import service_from_text
from devenv.verbs.init.compose_override import override_of

APP = '[service]\napp = "main:app"\n'


def test_little_needs_to_be_said(tmp_path: Path) -> None:
    service = parse_service(APP, tmp_path)
    assert service.app == "main:app"
    assert service.directory == str(tmp_path.resolve())
    assert service.profile.kinds == CAPTCHA.kinds
    assert service.profile.oracle == ""  # nobody knows the answers of a service that is not ours
    assert service.switchable


def test_a_preset_and_what_differs(tmp_path: Path) -> None:
    text = (
        'preset = "mcp-session"\n[service]\ncommand = "node x.js --port {port}"\nredis = false\n'
        '[profile]\nheaders = { Authorization = "Bearer local" }\n'
    )
    service = parse_service(text, tmp_path)
    assert service.command == ("node", "x.js", "--port", "{port}")
    assert not service.switchable
    assert service.profile.id_header == MCP_SESSION.id_header
    assert service.profile.headers == {"Authorization": "Bearer local"}
    assert service.profile.kinds == MCP_SESSION.kinds


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "service: field required"),
        ("[service\n", "Expected ']'"),
        ("[service]\n", "service: needs exactly one of app, command"),
        ('[service]\napp = "a:b"\ncommand = "c"\n', "service: needs exactly one of app, command"),
        (APP + 'colour = "red"\n', "service.colour: there is no such key"),
        (APP + "ready = 3\n", "service.ready: "),
        ('preset = "saml"\n' + APP, "preset: 'saml' is not one of captcha, mcp-session"),
        (APP + "[profile]\nid = {}\n", "profile.id: needs exactly one of field, header, cookie"),
        (APP + '[profile]\nid = { cookie = "a=b" }\n', "profile.id.cookie: "),
        (
            APP + '[profile.kinds.sum]\ncreate = { path = "new" }\nverify = { path = "/x/{id}" }\n',
            "profile.kinds.sum.create.path: ",
        ),
        (
            APP + '[profile.kinds.sum]\ncreate = { path = "/new" }\nverify = { path = "/x" }\n',
            "profile.kinds.sum.verify: no {id} in it",
        ),
        (APP + '[[profile.not-found]]\nstatus = "gone"\n', "profile.not-found.0.status: input"),
        (APP + "redis = true\n", "service.redis: input should be a valid table (it is True)"),
        (APP + "env = { LEVEL = 3 }\n", "service.env.LEVEL: input should be a valid string (it is 3)"),
        ('[service]\ncommand = ""\n', "service: app or command is empty"),
        ("[service]\ncommand = 'node \"x'\n", "service.command: 'node \"x': No closing quotation"),
        ('[service]\ncommand = "node \'x"\n', "service.command: "),
    ],
)
def test_an_error_names_file_and_key(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UsageProblem) as problem:
        parse_service(text, tmp_path)
    assert sentence in problem.value.message
    assert problem.value.message.startswith(SERVICE_FILE)
    assert "\n" not in problem.value.message


def test_settings_of_a_folder_with_a_service_take_only_what_is_ours_from_its_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("USE_REDIS=1\nREDIS_DB=many\nDEVENV_PODS=3\n", encoding="utf-8")
    with pytest.raises(UsageProblem, match="USE_REDIS"):
        load(tmp_path, {})
    (tmp_path / SERVICE_FILE).write_text(APP, encoding="utf-8")
    settings = load(tmp_path, {})
    assert settings.pods == 3
    assert settings.service == read_service(tmp_path)
    assert settings.stack_spec().service == settings.service


def test_no_file_is_no_service(tmp_path: Path) -> None:
    assert read_service(tmp_path) is None


FOUND = Found(
    preset="captcha",
    command="node 'my server.js' {port}",
    neutral=("FLAGS_HOST",),
    env={"QUOTED": 'a "b" \\ ü'},
    headers={"X-Client-Id": "devenv"},
    id_field="data.id",
    kinds={
        "sum": Kind(
            Request("/new"),
            Request("/use", "PUT", {"id": "{id}", "sum": "{answer}"}),
            answers={"wrong": [1, 2]},
        )
    },
    not_found=(Rule(status=(410,)),),
    success=(Rule(differs={"state": "no"}),),
    wrong=(Rule(status=(200,), equals={"state": "no"}),),
    notes=("something",),
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    service = parse_service(toml_text(FOUND), tmp_path)
    assert service.command == ("node", "my server.js", "{port}")
    assert service.env == {"FLAGS_HOST": "", "QUOTED": 'a "b" \\ ü'}
    profile = service.profile
    assert profile.kinds == FOUND.kinds
    assert (profile.id_field, profile.headers) == ("data.id", {"X-Client-Id": "devenv"})
    assert (profile.not_found, profile.success, profile.wrong) == (
        FOUND.not_found,
        FOUND.success,
        FOUND.wrong,
    )
    assert profile.outcome(200, {"state": "yes"}) is Outcome.SUCCESS


@pytest.mark.parametrize(
    ("word", "limit"), [("0", 0), ("1", 1), ("2", 2), ("3", 3), ("17", 17), ('"none"', 0)]
)
def test_a_limit_is_any_number_of_answers_or_none(tmp_path: Path, word: str, limit: int) -> None:
    assert parse_service(APP + f"[profile]\nlimit = {word}\n", tmp_path).profile.limit == limit


@pytest.mark.parametrize("word", ["-1", '"two"', "1.5", "true", "[2]"])
def test_what_is_no_limit_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(UsageProblem, match=r"profile\.limit: "):
        parse_service(APP + f"[profile]\nlimit = {word}\n", tmp_path)


FORM_KIND = APP + '[profile.kinds.image]\ncreate = { path = "/new" }\n'


def test_a_use_may_be_a_form(tmp_path: Path) -> None:
    form = {"captchaId": "{id}", "text": "{answer}"}
    message = 'verify = { path = "/check", form = { captchaId = "{id}", text = "{answer}" } }\n'
    assert parse_service(FORM_KIND + message, tmp_path).profile.kinds["image"].verify.form == form
    by_type = (
        'verify = { path = "/check", body = { captchaId = "{id}", text = "{answer}" }, '
        'headers = { Content-Type = "application/x-www-form-urlencoded" } }\n'
    )
    verify = parse_service(FORM_KIND + by_type, tmp_path).profile.kinds["image"].verify
    assert (verify.form, verify.body) == (form, None)
    changed = replace(FOUND, kinds={"image": Kind(Request("/new"), Request("/check", form=form))})
    assert parse_service(toml_text(changed), tmp_path).profile.kinds == changed.kinds


@pytest.mark.parametrize(
    ("verify", "sentence"),
    [
        ('{ path = "/c", form = { a = "{id}" }, body = { a = "{id}" } }', "both body"),
        ('{ path = "/c", form = { a = { b = "{id}" } } }', "form.a is a table"),
    ],
)
def test_a_form_that_cannot_be_sent_is_refused(tmp_path: Path, verify: str, sentence: str) -> None:
    with pytest.raises(UsageProblem, match=r"profile\.kinds\.image\.verify: ") as problem:
        parse_service(FORM_KIND + f"verify = {verify}\n", tmp_path)
    assert sentence in problem.value.message


def test_files_are_relative_to_devenv_toml_or_to_the_services_folder(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "inner.env").touch()
    text = APP + 'directory = "api"\n'
    for name, where in (("inner.env", "api/inner.env"), ("none.env", "none.env")):
        service = parse_service(text + f'env-file = "{name}"\n', tmp_path)
        assert service.env_file == str(tmp_path / where)
    (tmp_path / "inner.env").touch()
    assert parse_service(text + 'env-file = "inner.env"\n', tmp_path).env_file == str(tmp_path / "inner.env")
    assert parse_service(text + 'python = "python3.12"\n', tmp_path).python == "python3.12"
    assert parse_service(text + 'python = "v/bin/python"\n', tmp_path).python == str(
        tmp_path / "v/bin/python"
    )


def test_flags_are_relative_to_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ServiceFlags(app_dir=Path("api"), app="main:app", python="v/bin/python", env_file="dev.env")
    service = flags.over(None)
    assert service is not None
    assert service.directory == str(tmp_path / "api")
    assert (service.python, service.env_file) == (str(tmp_path / "v/bin/python"), str(tmp_path / "dev.env"))
    named = replace(flags, python="python3").over(None)
    assert named is not None
    assert named.python == "python3"


def test_a_preset_without_requests_of_its_own_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="--preset mcp-handle") as problem:
        ServiceFlags(app="main:app", preset="mcp-handle").over(None)
    assert problem.value.hint == "devenv init --preset mcp-handle"
    with pytest.raises(UsageProblem, match=r"profile\.kinds: the preset mcp-handle"):
        parse_service('preset = "mcp-handle"\n' + APP, tmp_path)
    sessions = ServiceFlags(app="main:app", preset="mcp-session").over(None)
    assert sessions is not None
    assert not sessions.switchable


def test_variables_of_single_pods(tmp_path: Path) -> None:
    text = APP + '[service.pod-env.b]\nREDIS_PREFIX = "x:"\n'
    assert parse_service(text, tmp_path).pod_env == {"b": {"REDIS_PREFIX": "x:"}}
    assert parse_service(text, tmp_path).public().pod_env == {"b": {"REDIS_PREFIX": ""}}
    words = ["b:REDIS_PREFIX=x:", "b:LEVEL=1", "a:URL=http://h:1/"]
    assert pod_assignments(words, "--pod-env") == {
        "b": {"REDIS_PREFIX": "x:", "LEVEL": "1"},
        "a": {"URL": "http://h:1/"},
    }
    for word in ("REDIS_PREFIX=x:", "b:", "b:NAME", ":A=1", "b"):
        with pytest.raises(UsageProblem, match="--pod-env"):
            pod_assignments([word], "--pod-env")


def test_a_session_in_a_cookie_is_sent_back_in_it(tmp_path: Path) -> None:
    text = APP + '[profile]\nid = { cookie = "sid" }\n[profile.kinds.cart]\ncreate = { path = "/carts" }\n'
    plain = parse_service(text + 'verify = { path = "/use", headers = { X = "1" } }\n', tmp_path).profile
    assert plain.kinds["cart"].verify.headers == {"X": "1", "Cookie": "sid={id}"}
    assert plain.carrier == "Cookie:sid"
    parsed = parse_service(text + 'verify = { path = "/use/{id}" }\n', tmp_path).profile
    assert parsed.kinds["cart"].verify.headers == {}
    changed = replace(FOUND, id_field="", id_cookie="sid")
    assert parse_service(toml_text(changed), tmp_path).profile.id_cookie == "sid"


def test_an_override_names_the_image_or_the_folder(tmp_path: Path) -> None:
    service = parse_service(toml_text(FOUND), tmp_path)
    image = override_of(service, "registry.example/captcha:1", "x.env").text
    assert "image: registry.example/captcha:1" in image
    assert "build: !reset" in image
    assert "redis://proxy:6392/0" in image
    assert "FLAGS_HOST: ''" in image
    folder = override_of(service, str(tmp_path), "x.env").text
    assert f"context: {tmp_path}" in folder
    assert "!override" in folder
    for pod in ("captcha-api-a", "captcha-api-b"):  # two checkouts do not overwrite each other's images
        assert f"image: ${{DEVENV_IMAGES:-${{COMPOSE_PROJECT_NAME}}}}-{pod}-own" in folder
    plain = parse_service(toml_text(replace(FOUND, headers={})), tmp_path)
    assert "x.env" not in override_of(plain, "registry.example/captcha:1", "x.env").text


def test_no_value_of_a_header_is_in_an_override(tmp_path: Path) -> None:
    """It lies in a file for docker compose, in which nothing is replaced, and every verb reads it there."""
    value = 'it\'s $x ${Y} "q" \\ # é'
    service = parse_service(toml_text(replace(FOUND, headers={"X-Api-Key": value})), tmp_path)
    override = override_of(service, "registry.example/captcha:1", ".devenv/x.env")
    assert "it's" not in override.text
    assert yaml.safe_load(override.text.partition("  proxy:\n")[2]) == {
        "env_file": [".devenv/x.env"],
        "environment": {},
    }
    name, _, quoted = override.private.rstrip("\n").partition("=")
    assert (name, quoted[0], quoted[-1]) == ("DEVENV_SERVICE", "'", "'")
    assert "'" not in quoted[1:-1]
    known = service_from_text(quoted[1:-1])
    assert known is not None
    assert known.profile.headers == service.profile.headers


@pytest.mark.parametrize(
    ("redis", "memory", "dies"),
    [
        ("", "keep sessions in Redis: USE_REDIS=true on every pod", "instead of using memory"),
        (
            '[service.redis]\non = { STORE = "redis" }\noff = { STORE = "memory" }\n',
            "keep sessions in Redis: STORE=redis on every pod",
            "instead of using memory",
        ),
        ("redis = false\n", "keep sessions in Redis on every pod", "instead of using memory"),
    ],
)
def test_advice_is_in_the_services_own_words(tmp_path: Path, redis: str, memory: str, dies: str) -> None:
    changes = {**CHANGES, **parse_service(APP + redis, tmp_path).profile.changes}
    assert changes["pod-memory"] == memory
    assert changes["redis-dies"].endswith(dies)
    assert not any("SESSION_STRATEGY" in change for change in changes.values())
    assert ("STORE=memory" in changes["flag-off-regression"]) == ("STORE" in redis)


def test_a_presets_advice_comes_first(tmp_path: Path) -> None:
    changes = parse_service('preset = "mcp-session"\n' + APP, tmp_path).profile.changes
    assert changes["pod-memory"] == MCP_SESSION.changes["pod-memory"]


def test_an_override_has_the_services_own_switch(tmp_path: Path) -> None:
    text = APP + '[service.redis]\non = { STORE = "{redis_url}" }\noff = { STORE = "memory" }\n'
    written = override_of(parse_service(text, tmp_path), "registry.example/app:1", "x.env").text
    assert "STORE: ${STORE:-memory}" in written
    assert "STORE" not in override_of(parse_service(APP, tmp_path), "registry.example/app:1", "x.env").text


KIND = '[profile.kinds.sum]\ncreate = { path = "/new" }\nverify = { path = "/x/{id}" }\n'


def test_the_presets_limit_is_not_known_to_hold_for_other_kinds(tmp_path: Path) -> None:
    assert parse_service(APP, tmp_path).profile.limit == 2
    assert parse_service(APP + KIND, tmp_path).profile.limit is None
    assert parse_service('preset = "mcp-session"\n' + APP + KIND, tmp_path).profile.limit == 0
