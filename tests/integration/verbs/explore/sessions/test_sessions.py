"""Sessions of a real service, explored by the command: every order against the service's own sequences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from devenv.core.model.events import Exchange, RedisCommand
from devenv.core.model.requests import Rule
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.harness.runs.folders import REPORT, TRACE, Run
from devenv.harness.runs.trace import read_numbered
from devenv.verbs.explain.source import explain_run
from tests.support import ROOT, command_environment, devenv_run

HERE = Path(__file__).parent
EXAMPLES = ROOT / "docs" / "examples" / "sessions"
CONFIGURATION = f"""\
[service]
app = "service:app"
directory = {json.dumps(str(HERE))}
redis = "always"
ready = ["/ready"]

[session]
open = {{ path = "/login", headers = {{ X-Tenant = "acme" }}, body = {{ user = "alice" }} }}
ask = {{ path = "/me", method = "GET" }}

[session.requests]
a = {{ path = "/set?a=1" }}
b = {{ path = "/set?b=1" }}
logout = {{ path = "/logout", ends = true }}
broken = {{ path = "/broken-logout", ends = true }}
local = {{ path = "/local" }}

[fixes.xx]
env = {{ STORE = "xx" }}

[fixes.merge]
env = {{ STORE = "merge" }}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sessions")
    made.joinpath("devenv.toml").write_text(CONFIGURATION, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def compared(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The table of fixes by expressions, from one call."""
    words = ("explore", "a+b", "a+logout", "ask+logout", "--compare", "as-is,xx,merge", "--json")
    run = devenv_run(folder, command_environment(), *words, "--junit", "junit.xml", "--summary", "page.md")
    assert run.returncode == 1, run.stderr
    results = json.loads(run.stdout)["compared"]
    return {(result["fix"], result["scenario"]): result for result in results}


@pytest.mark.parametrize(
    ("fix", "expression", "orders", "kinds"),
    [
        ("as-is", "a+b", 6, {"lost-update": 4}),
        ("as-is", "a+logout", 6, {"session-came-back": 2}),
        ("as-is", "ask+logout", 3, {}),
        ("xx", "a+b", 6, {"lost-update": 4}),
        ("xx", "a+logout", 6, {}),
        ("merge", "a+b", 6, {}),
        ("merge", "a+logout", 6, {}),
    ],
)
def test_the_orders_that_no_sequence_explains_are_counted_exactly(
    compared: dict[tuple[str, str], dict[str, Any]],
    fix: str,
    expression: str,
    orders: int,
    kinds: dict[str, int],
) -> None:
    result = compared[fix, expression]
    assert result["complete"]
    assert result["orders"] == orders
    assert {item["kind"]: item["seen_in"]["orders"] for item in result["violations"]} == kinds
    assert all(item["confirmed"] and item["replayed"] == item["replays"] for item in result["violations"])


def test_the_order_and_the_answers_are_shown(
    compared: dict[tuple[str, str], dict[str, Any]],
) -> None:
    [violation] = compared["as-is", "a+logout"]["violations"]
    assert violation["order"] == "a:GET logout:GET logout:DEL a:SET"
    assert 'a told 200 {"ok": true}, logout told 200 {"ok": true}; then GET /me 200' in violation["sentence"]


def test_the_order_as_it_went_lies_in_a_report_and_is_explained(
    folder: Path, compared: dict[tuple[str, str], dict[str, Any]]
) -> None:
    result = compared["as-is", "a+logout"]
    run = Run(folder / ".devenv" / "runs" / result["run_id"])
    report = (run.folder / REPORT).read_text(encoding="utf-8")
    assert 'id="walk"' in report
    assert result["violations"][0]["order"] in report
    events = [event for _, event in read_numbered(run.folder / TRACE)]
    sent = [(event.method, event.path) for event in events if isinstance(event, Exchange)]
    assert sent == [("POST", "/login"), ("POST", "/set?a=1"), ("POST", "/logout"), ("GET", "/me")]
    commands = [event for event in events if isinstance(event, RedisCommand) and event.forwarded is not None]
    steps = [one for one in commands if one.command in ("GET", "SET", "DEL")]
    ran = sorted(steps, key=lambda one: one.forwarded or 0.0)
    assert [one.command for one in ran][-5:] == ["GET", "GET", "DEL", "SET", "GET"], "as the gate let them go"
    assert [group.cause for group in explain_run(run).groups] == ["session-came-back"]


def test_what_changes_from_run_to_run_is_said(compared: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert compared["as-is", "a+b"]["masked"] == {"ask": ["nonce"]}


@pytest.mark.usefixtures("compared")
def test_junit_and_a_page_have_every_exploration(folder: Path) -> None:
    cases = list(ET.parse(folder / "junit.xml").iter("testcase"))
    assert len(cases) == 9
    failed = [str(case.get("name")) for case in cases if case.find("failure") is not None]
    assert failed == ["a+b[as-is]", "a+logout[as-is]", "a+b[xx]"]
    page = (folder / "page.md").read_text(encoding="utf-8")
    assert page.count("\n## ") == 9
    assert "| `a+b` | xx | ❌ `lost-update` in 4 of 6 orders | 6 |" in page


def test_on_the_stack_that_runs(tmp_path: Path) -> None:
    """What it says where nothing can be concluded, too; the stack goes on running."""
    tmp_path.joinpath("devenv.toml").write_text(CONFIGURATION, encoding="utf-8")
    environment = command_environment()
    up = devenv_run(tmp_path, environment, "up", "-d", "--pods", "2")
    try:
        assert up.returncode == 0, up.stderr
        runs = [
            devenv_run(tmp_path, environment, "explore", *expressions, "--json")
            for expressions in (("a+broken",), ("a+local", "a+logout"))
        ]
        assert devenv_run(tmp_path, environment, "status").returncode == 0
    finally:
        devenv_run(tmp_path, environment, "down")
    assert all("on the stack that runs" in run.stderr for run in runs)
    assert [run.returncode for run in runs] == [3, 1]
    ends = "session.requests.broken ends the session, but after it alone GET /me is answered 200"
    assert ends in runs[0].stderr, "a logout that does not end the session alone"
    not_explored, explored = json.loads(runs[1].stdout)["compared"]
    one_pod = (
        "session.requests.local: captcha-api-a, which opened the session, answers it 200, and captcha-api-b "
        "answers it 404: a part of the session is in that pod and not in Redis"
    )
    assert one_pod in not_explored["verdict"]
    assert "shared-folder = true" in not_explored["verdict"]
    [violation] = explored["violations"]
    assert violation["seen_in"] == {"orders": 2, "of": 6}, "found although the other could not be explored"


def test_its_scenario_fails_as_it_was_found_and_holds_with_the_fix(
    folder: Path, compared: dict[tuple[str, str], dict[str, Any]]
) -> None:
    """One order, replayed on the service as it is and as the fix starts it."""
    [violation] = compared["as-is", "a+logout"]["violations"]
    outcome = folder / violation["scenario_file"]
    assert violation["reproduce"].endswith("session-came-back.yaml")
    fixed = folder / "fixed.yaml"
    text = outcome.read_text(encoding="utf-8")
    of_xx = folder / compared["xx", "a+b"]["violations"][0]["scenario_file"]
    assert "  fix: xx\n" in of_xx.read_text(encoding="utf-8")
    assert "order: v1 a:start logout:start a:GET logout:GET logout:DEL a:SET" in text
    fixed.write_text(text.replace("stack:\n", "stack:\n  fix: xx\n"), encoding="utf-8")
    results = [
        devenv_run(folder, command_environment(), "replay", str(file), "--json")
        for file in (outcome, fixed, of_xx)
    ]
    assert [result.returncode for result in results] == [1, 0, 1], results[0].stderr + results[1].stderr
    as_is, with_fix, lost = (json.loads(result.stdout) for result in results)
    assert lost["violations"][0]["kind"] == "lost-update"
    assert as_is["verdict"] == "fails"
    assert as_is["violations"][0]["kind"] == "session-came-back"
    assert as_is["schedules"] == ["v1 a:start logout:start a:GET logout:GET logout:DEL a:SET"]
    assert with_fix["verdict"] == "holds"


def test_init_finds_login_ask_changes_and_logout(tmp_path: Path) -> None:
    """Of the same service, by its OpenAPI and by trying: no word of it is told."""
    service = json.dumps(str(HERE))
    run = devenv_run(
        tmp_path, command_environment(), "init", "--app", "service:app", "--app-dir", str(HERE), "--json"
    )
    assert run.returncode == 0, run.stderr
    [note] = [note for note in json.loads(run.stdout)["notes"] if "stands in a file" in note]
    assert "(opened.txt)" in note and "shared-folder = true" in note
    written = parse_service(tmp_path.joinpath("devenv.toml").read_text(encoding="utf-8"), tmp_path)
    expected = parse_service(CONFIGURATION, tmp_path)
    assert written.session is not None and expected.session is not None
    assert service == json.dumps(written.directory)
    [opens] = written.session.open
    assert (opens.path, opens.body) == ("/login", {"user": "devenv"}), "what the service's OpenAPI requires"
    assert dict(written.profile.headers) == {"x-tenant": "devenv"}
    assert written.session.ask == expected.session.ask
    missing = dict.fromkeys(("broken", "local"))  # no words of a logout, and nothing that GET /me shows
    assert {**written.session.requests, **missing} == {**expected.session.requests, **missing}
    assert written.session.gone == (Rule(status=(401,)),)
    assert written.always_redis


def test_init_finds_a_cart_of_which_an_unknown_one_is_like_an_empty_one(tmp_path: Path) -> None:
    directory = EXAMPLES / "cart"
    words = ("init", "--app", "main:app", "--app-dir", str(directory), "--yes")
    run = devenv_run(tmp_path, command_environment(), *words)
    assert run.returncode == 0, run.stderr
    assert "next: devenv explore a+b" in run.stdout + run.stderr
    written = parse_service(tmp_path.joinpath("devenv.toml").read_text(encoding="utf-8"), tmp_path)
    example = parse_service(directory.joinpath("devenv.toml").read_text(encoding="utf-8"), directory)
    assert written.session is not None and example.session is not None
    assert (written.session.open, written.session.ask) == (example.session.open, example.session.ask)
    assert {use.request.path for use in written.session.requests.values()} == {"/cart/1", "/cart/2"}
