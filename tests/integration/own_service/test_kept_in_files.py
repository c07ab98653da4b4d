"""Sessions that a service keeps in files: lost where two containers would lose them, else no verdict."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.topology import Ports, StackSpec
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.harness.config.settings import Settings
from devenv.stack.pod_files.pod_copy import MOST_FILES
from devenv.verbs.demo.own_service import try_service
from devenv.verbs.demo.own_story import OwnStory
from devenv.verbs.operate.select import open_stack
from tests.support import command_environment, devenv_run

SERVICE = Path(__file__).with_name("services") / "kept_sessions.py"
TOML = """\
[service]
command = "{{python}} server.py {{port}}"
redis = false
env = {{ SESSIONS = "{sessions}" }}
[profile]
id = {{ field = "sessionId" }}

[profile.kinds.session]
create = {{ path = "/session", body = {{}} }}
verify = {{ path = "/basket", body = {{ sessionId = "{{id}}" }} }}

[[profile.not-found]]
status = 401

[[profile.success]]
equals = {{ ok = true }}
"""
BUG = "the bug is there: 2 sessions were not found"
NO_VERDICT = "no verdict on session: sessions were known by a file that containers do not share"


def service_in(folder: Path, sessions: str) -> str:
    """The service in ``folder``; the text of its devenv.toml, which is there too."""
    folder.mkdir()
    shutil.copyfile(SERVICE, folder / "server.py")
    text = TOML.format(sessions=sessions)
    (folder / "devenv.toml").write_text(text, encoding="utf-8")
    return text


def demo(text: str, folder: Path) -> OwnStory:
    service = parse_service(text, folder)
    settings = Settings(state_dir=folder / ".devenv", service=service)
    return try_service(settings, service, trials=2, act_ended=lambda act: None, progress=lambda line: None)


@pytest.mark.parametrize(
    "sessions", ["", "sessions.db"], ids=["JSON beside the code", "SQLite beside the code"]
)
def test_a_file_beside_the_code_is_each_pods_own(sessions: str, tmp_path: Path) -> None:
    folder = tmp_path / "service"
    story = demo(service_in(folder, sessions), folder)
    assert story.sentence == BUG
    (group,) = story.acts[0].explanation.groups
    assert group.cause == "pod-memory"
    assert "on the disk" in group.first.sentence
    assert {path.name for path in folder.iterdir()} == {"server.py", "devenv.toml", ".devenv"}


@pytest.mark.parametrize("name", ["sessions.json", "sessions.db"])
def test_a_file_at_a_path_of_the_machine_gives_no_verdict(name: str, tmp_path: Path) -> None:
    folder, file = tmp_path / "service", tmp_path / name
    message = on_a_running_stack(service_in(folder, file.as_posix()), folder)
    assert (message["demo"]["verdict"], message["codes"]) == (
        "unclear",
        {"demo": 3, "doctor": 3, "explain": 0},
    )
    assert message["demo"]["sentence"] == f"{NO_VERDICT} ({file})"
    crossing = next(check for check in message["doctor"]["checks"] if "another pod" in check["check"])
    assert str(file) in crossing["text"]
    (remark,) = message["explain"]["remarks"]
    assert "Containers share no file" in remark


def on_a_running_stack(text: str, folder: Path) -> Mapping[str, Any]:
    """What demo says, and what doctor and explain say of a stack that runs; and their exit codes."""
    environment, message, codes = command_environment(), {}, {}
    stack = open_stack("embedded", folder / ".devenv")
    spec = StackSpec(ports=Ports.free(), use_redis=False, service=parse_service(text, folder))
    stack.start(spec, lambda line: None)
    try:
        for words in (("doctor",), ("explain",), ("demo", "--trials", "2")):
            done = devenv_run(folder, environment, *words, "--json")
            codes[words[0]], message[words[0]] = done.returncode, json.loads(done.stdout)
    finally:
        stack.stop()
    return {**message, "codes": codes}


def test_a_folder_that_is_too_large_for_copies_gives_no_verdict(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    text = service_in(folder, "")
    (folder / "pictures").mkdir()
    for number in range(MOST_FILES):
        (folder / "pictures" / f"{number}.png").touch()
    story = demo(text, folder)
    assert story.sentence == f"{NO_VERDICT} ({folder / 'sessions.json'})"


def test_a_volume_that_the_replicas_share_is_believed(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    text = service_in(folder, "").replace("redis = false", "redis = false\nshared-folder = true")
    assert demo(text, folder).sentence == "no session was lost"
