"""Session libraries as people use them, in four languages: service × fault × cause told.

Each goes unmodified through init and demo; then faults of Redis meet a use of a session on another pod.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.errors import DevenvError
from devenv.core.model.topology import Ports, StackSpec
from devenv.harness.client.client import CaptchaClient
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.harness.config.devenv_toml_writer import toml_text
from devenv.harness.config.settings import Settings
from devenv.harness.runs.journal import JournaledStack, MemoryJournal
from devenv.harness.runs.trace import live_trace
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.demo.own_service import try_service
from devenv.verbs.explain.explanation import explain_trace
from devenv.verbs.init.detect import InitOptions, look
from devenv.verbs.operate.select import SUPERVISOR
from devenv.wire.control.client import ControlClient
from tests.support import until

from .conftest import A, B, installed
from .packages import missing, needed

PATIENCE_S = 1.5
"""So long a user waits for an answer before giving up."""
SWITCH = 'redis = { on = { SESSIONS = "redis" }, off = {} }'
"""What a person writes in place of init's line, as its note says."""


@dataclass(frozen=True)
class Library:
    """A service, how a person starts it, and what it looks like."""

    command: str
    read: str
    """The first command of a use."""
    cookie: str = "session"
    key: str = "{id}"
    """As init writes it."""
    create: str = "POST /login"
    verify: str = "POST /visits"
    probe: tuple[str, ...] = ()
    """A program that fails where what cannot be installed by npm or pip is missing."""
    requirements: tuple[str, ...] = ()
    """Its packages, as pip takes them."""
    always: bool = False
    """Whether its sessions are always in Redis."""


LIBRARIES = {
    "koa_session": Library("node server.mjs", "GET", "koa.sess", always=True),
    "connect_redis": Library("node server.mjs", "GET", "connect.sid", "sess:{id}"),
    "php_session": Library(
        "php -S 127.0.0.1:{port} index.php", "GET", "PHPSESSID", "PHPREDIS_SESSION:{id}",
        probe=("php", "-r", "exit(extension_loaded('redis') ? 0 : 1);")
    ),
    "rack_session": Library(
        "ruby server.rb", "GET", "rack.session", "rack:session:2::{id}",
        probe=("ruby", "-e", "require 'rack/session/redis'; require 'webrick'")
    ),
    "flask_session": Library(
        "{python} server.py", "GET", "session", "session:{id}",
        requirements=("flask==3.1.2", "flask-session[redis]==0.8.0"),
    ),
    "location": Library(
        "{python} server.py", "EXISTS", "", "ticket:{id}", "POST /tickets", "POST /tickets/{id}/redeem"
    ),
}  # fmt: skip
RULES: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "reply lost": {"action": "drop-reply", "nth": 1},
    "error": {"action": "error", "text": "LOADING Redis is loading the dataset in memory"},
}
TOLD: Mapping[str, tuple[int | None, list[str]]] = {
    # fault: the status of the use (None: the user gave up), and the causes
    "none": (200, []),
    "reply lost": (None, ["reply-lost"]),
    "error": (500, ["redis-dies"]),
}


@pytest.fixture(scope="module", params=LIBRARIES)
def named(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(named: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service's folder."""
    return tmp_path_factory.mktemp(named)


@pytest.fixture(scope="module")
def text(named: str, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What init writes into devenv.toml, with everything installed that the service needs."""
    library = LIBRARIES[named]
    if library.probe:
        needed(library.probe[0])
        if subprocess.run(library.probe, capture_output=True, check=False).returncode:
            missing(f"{' '.join(library.probe)} fails: its Redis extension is not installed")
    packages = installed(named, folder, *library.requirements)
    options = InitOptions(
        folder, command=library.command, create=library.create, verify=library.verify,
        env={"SESSIONS": "redis", "PYTHONPATH": str(packages)},
    )  # fmt: skip
    result = look(options, tmp_path_factory.mktemp("look"), lambda line: None)
    assert (result.redis_use, result.key, result.id_cookie) == ("always", library.key, library.cookie)
    return toml_text(result)


def test_demo_shows_the_bug_and_the_mended_service(named: str, text: str, folder: Path) -> None:
    causes: list[list[str]] = [[]]
    if LIBRARIES[named].always:
        verdict = "no session was lost"
    else:
        text = text.replace("redis = false", SWITCH).replace('SESSIONS = "redis"\n', "", 1)
        lost = "the bug is there: 2 sessions were not found"
        verdict, causes = f"{lost} without Redis, none was lost with it", [["pod-memory"], []]
    service = parse_service(text, folder)
    settings = Settings(state_dir=folder / ".devenv", service=service)
    story = try_service(settings, service, trials=2, act_ended=lambda act: None, progress=lambda line: None)
    assert story.sentence == verdict
    assert [[group.cause for group in act.explanation.groups] for act in story.acts] == causes


@dataclass
class Running:
    """Two pods of a service whose sessions are in Redis."""

    name: str
    stack: JournaledStack
    control: ControlClient

    async def crossing(self, rule: Mapping[str, Any]) -> int | None:
        """The status of a use on B of a session opened on A; None where the user gave up before."""
        status = self.stack.status()
        profile = status.spec.profile
        async with CaptchaClient(status.endpoints, profile=profile) as client:
            opened = await client.create(next(iter(profile.kinds)), A)
            if rule:
                self.control.add_rule({**rule, "command": LIBRARIES[self.name].read, "pod": B})
            try:
                used = await asyncio.wait_for(client.verify(opened, {}, B), PATIENCE_S)
            except TimeoutError:
                return None
            return used.status

    def well(self) -> bool:
        """Whether both pods answer."""
        try:
            return asyncio.run(self.crossing({})) == 200
        except DevenvError:
            return False

    def causes(self, since: float) -> list[str]:
        """What explain finds in what has happened since."""
        events = live_trace(self.stack.status(), self.stack.journal, time.time())
        return sorted({group.cause for group in explain_trace(events, self.name, since=since).groups})


@pytest.fixture(scope="module")
def running(
    named: str, text: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    stack = JournaledStack(EmbeddedStack(tmp_path_factory.mktemp("stack"), SUPERVISOR), MemoryJournal())
    spec = StackSpec(ports=Ports.free(), use_redis=True, service=parse_service(text, folder))
    try:
        ends = stack.start(spec, lambda line: None).endpoints
        with ControlClient(ends.control) as control:
            yield Running(named, stack, control)
    finally:
        stack.stop()


@pytest.mark.parametrize("fault", RULES)
def test_what_is_told_of_a_fault(running: Running, fault: str) -> None:
    until(running.well, "both pods are well")
    since = time.time()
    try:
        message = asyncio.run(running.crossing(RULES[fault])), running.causes(since)
    finally:
        running.control.reset_gate()
    status, causes = TOLD[fault]
    if fault == "error" and running.name == "location":
        status = 502  # an exception ends the connection: Python's http.server gives no answer then
    assert message == (status, causes)
