"""``demo`` on a service of several kinds of sessions, of which some cannot be opened and some crash."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.support import devenv_run

SERVICES = Path(__file__).parent / "replay_services"


def test_each_kind_has_a_verdict_and_what_is_not_known_is_quoted(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    folder = tmp_path / "service"
    shutil.copytree(SERVICES / "kinds", folder)
    done = devenv_run(folder, environment, "demo", "--trials", "3", "--json")
    story = json.loads(done.stdout)
    assert (done.returncode, story["verdict"]) == (0, "holds"), done.stderr
    assert story["sentence"] == (
        "the bug is there: 3 sessions were not found; no verdict on members, broken, careless"
    )
    verdicts = {name: kind["verdict"] for name, kind in story["kinds"].items()}
    assert verdicts == {"members": "unclear", "broken": "unclear", "careless": "unclear", "plain": "holds"}
    [act] = story["acts"]
    assert act["trials"]["plain"]["crossing"]["not_found"] == 3
    unknown = {name: trials["unknown"] for name, trials in act["trials"].items()}
    [refused] = unknown["members"]
    assert (refused["status"], refused["start"]) == (401, '{"detail":"X-Member-Token is missing"}')
    assert refused["log"] is None
    [broken] = unknown["broken"]
    assert broken["status"] == 500
    assert broken["log"].startswith("FileNotFoundError: ")
    [careless] = unknown["careless"]
    assert (careless["status"], careless["count"], careless["start"]) == (500, 3, "Internal Server Error")
    assert careless["step"] == "using it on another pod"
    assert careless["log"].startswith("KeyError: ")
    assert "HTTP 401" in story["kinds"]["members"]["sentence"]
    logs = Path(story["logs"]).read_text(encoding="utf-8")
    assert "KeyError" in logs
    assert "captcha-api-b" in logs
    assert "X-Member-Token is missing" in Path(story["report"]).read_text(encoding="utf-8")


def test_a_kind_that_needs_a_header_has_a_verdict_when_it_is_given(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    folder = tmp_path / "service"
    shutil.copytree(SERVICES / "kinds", folder)
    text = (folder / "devenv.toml").read_text(encoding="utf-8")
    head, _, kinds = text.partition("[profile.kinds.members]")
    members = kinds.partition("[profile.kinds.broken]")[0]
    rules = "[[profile.not-found]]" + kinds.partition("[[profile.not-found]]")[2]
    header = head + 'headers = { X-Member-Token = "local" }\n\n[profile.kinds.members]' + members + rules
    (folder / "devenv.toml").write_text(header, encoding="utf-8")
    story = json.loads(devenv_run(folder, environment, "demo", "--trials", "2", "--json").stdout)
    assert story["sentence"] == "the bug is there: 2 sessions were not found"
    assert story["kinds"] == {"members": {"verdict": "holds", "sentence": "2 sessions were not found"}}


def test_logs_are_kept_where_the_demo_ends_in_an_error(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "service"
    shutil.copytree(SERVICES / "kinds", folder)
    text = (folder / "devenv.toml").read_text(encoding="utf-8")
    asks = text.replace('body = { session = "{id}" } }', 'body = { session = "{id}", answer = "{answer}" } }')
    (folder / "devenv.toml").write_text(asks, encoding="utf-8")
    done = devenv_run(folder, environment, "demo", "--trials", "1")
    assert done.returncode == 2  # no answer is known
    [logs] = (folder / ".devenv" / "runs").glob("*-demo-own/logs.txt")
    assert "captcha-api-a" in logs.read_text(encoding="utf-8")
