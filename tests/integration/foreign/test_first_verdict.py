"""From a foreign service's folder to the first verdict: at most three commands, and the right one."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import command_environment, devenv_run

from .conftest import REDIS_PY, SERVICES, installed

OWN = SERVICES.parents[1] / "own_service"
MOST_COMMANDS = 3


@dataclass(frozen=True)
class Foreign:
    """A service, how a person starts it, and what is right to say of it."""

    folder: Path
    """Its folder, or its one file."""
    init: tuple[str, ...]
    """The words after ``devenv init --yes``."""
    sentence: str
    """The demo's last line."""
    causes: tuple[tuple[str, ...], ...]
    """Of each act of the demo."""
    requirements: tuple[str, ...] = ()
    """Its packages, as pip takes them."""
    detected: Mapping[str, str] = field(default_factory=dict)
    """Of what init writes."""


TICKETS = ("--create", "POST /tickets", "--verify", "POST /redeem", "--body", '{"ticket": "{id}"}')
SCRIPT = ("--command", "{python} server.py {port}")
PYTHON = "{interpreter}"
"""Stands for the path of this interpreter from where one stands, the service's folder."""
NOTHING_LOST = "no session was lost"
BUG = "the bug is there: 2 sessions were not found"
MENDED = f"{BUG} without Redis, none was lost with it"
FOREIGN = {
    "limit of one": Foreign(
        OWN / "replay_services" / "limit_one",
        ("--app", "main:app", "--python", PYTHON, "--body", '{"answer": "silence"}'), NOTHING_LOST, ((),),
        detected={"redis": "always"},
    ),
    "signed cookies": Foreign(
        OWN / "services" / "signed_cookie.py",
        ("--create", "POST /login", "--verify", "POST /visits"), MENDED, (("pod-memory",), ()),
        detected={"redis": "switched"},
    ),
    "node-redis": Foreign(
        SERVICES / "node_redis", TICKETS, NOTHING_LOST, ((),), detected={"redis": "always"}
    ),
    "ioredis": Foreign(SERVICES / "ioredis", TICKETS, NOTHING_LOST, ((),), detected={"redis": "always"}),
    "redis-py 5": Foreign(
        SERVICES / "redis_py", (*SCRIPT, *TICKETS), NOTHING_LOST, ((),), ("--no-deps", REDIS_PY),
        detected={"redis": "always"},
    ),
    "SETEX without MULTI": Foreign(
        OWN / "replay_services" / "setex", ("--body", '{"ticket": "{id}", "sum": 0}'),
        MENDED, (("pod-memory",), ()),
        detected={"redis": "switched"},
    ),
    "cluster client": Foreign(
        OWN / "services" / "hashed_key.py", ("--env", "CLIENT=cluster"), MENDED, (("pod-memory",), ()),
        detected={"redis": "switched", "redis_mode": "cluster"},
    ),
    "sessions in files": Foreign(
        OWN / "services" / "file_sessions.py",
        (*SCRIPT, "--create", "POST /session", "--verify", "POST /basket", "--body", '{"sessionId": "{id}"}'),
        BUG, (("pod-memory",),), detected={"redis": "unused"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_at_most_three_commands(
    name: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    foreign, folder, environment = FOREIGN[name], tmp_path / "service", command_environment()
    if foreign.folder.is_dir() and foreign.folder.parent == SERVICES:
        packages = installed(foreign.folder.name, folder, *foreign.requirements)
    elif foreign.folder.is_dir():
        shutil.copytree(foreign.folder, folder)
        (folder / "devenv.toml").unlink()
    else:
        folder.mkdir()
        shutil.copyfile(foreign.folder, folder / "server.py")
    begun, commands = time.monotonic(), 0
    given = ("--env", f"PYTHONPATH={packages}") if foreign.requirements else ()
    python = Path(os.path.relpath(sys.executable, folder)).as_posix()
    words = [python if word == PYTHON else word for word in foreign.init]
    init = devenv_run(folder, environment, "init", "--yes", *words, *given, "--json")
    commands += 1
    assert init.returncode == 0, init.stderr
    result = json.loads(init.stdout)
    assert {name: result.get(name) for name in foreign.detected} == foreign.detected
    written = (folder / "devenv.toml").read_text(encoding="utf-8")
    assert (f'python = "{python}"' in written) == (PYTHON in foreign.init)
    demo = devenv_run(folder, environment, "demo", "--trials", "2", "--json")
    commands += 1
    record_property("seconds", round(time.monotonic() - begun, 1))
    assert demo.returncode == 0, demo.stdout + demo.stderr
    report = json.loads(demo.stdout)
    assert report["sentence"] == foreign.sentence
    causes = tuple(tuple(item["cause"] for item in act["findings"]) for act in report["acts"])
    assert causes == foreign.causes
    explained = devenv_run(folder, environment, "explain", "latest", "--json")
    commands += 1
    findings = [item["cause"] for item in json.loads(explained.stdout)["findings"]]
    assert findings == list(foreign.causes[0])
    assert commands <= MOST_COMMANDS
