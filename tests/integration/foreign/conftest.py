"""Services in other styles, with real clients of Redis, each as two pods behind proxy and gate."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from devenv.core.model.topology import Ports, StackSpec
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.harness.runs.journal import JournaledStack, MemoryJournal
from devenv.harness.runs.trace import live_trace
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.explain.explanation import Explanation, explain_trace
from devenv.verbs.operate.select import SUPERVISOR
from devenv.wire.control.client import ControlClient

from .packages import of_npm, of_pip

A, B = "captcha-api-a", "captcha-api-b"
SERVICES = Path(__file__).parent / "services"
REDIS_PY = "redis==5.0.8"
PATIENCE_S = 1.5
"""So long a user waits for an answer before giving up."""

TOML = """\
[service]
command = "{command}"
redis = false
env = {{ PYTHONPATH = "{packages}" }}

[profile]
id = {{ field = "ticket" }}

[profile.kinds.ticket]
create = {{ path = "/tickets" }}
verify = {{ path = "/redeem", body = {{ ticket = "{{id}}" }} }}

[[profile.not-found]]
status = 404

[[profile.success]]
equals = {{ ok = true }}
"""


def installed(name: str, folder: Path, *requirements: str) -> Path:
    """A copy of the service in ``folder``, with the packages that it needs, ``requirements`` by pip.

    Gives the PYTHONPATH that has those.
    """
    shutil.copytree(SERVICES / name, folder, dirs_exist_ok=True)
    if (folder / "package.json").exists():
        of_npm(folder / "package.json", folder)
    return of_pip(*requirements) if requirements else folder


@dataclass
class Service:
    """A service that runs, and its users."""

    name: str
    stack: JournaledStack
    http: httpx.Client
    control: ControlClient

    def open(self, pod: str) -> str:
        """A new ticket."""
        answer = self.http.post("/tickets", headers={"X-Devenv-Pod": pod})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ticket"])

    def redeem(self, ticket: str, pod: str) -> int | None:
        """The status of the answer; None where the user gave up before there was one."""
        headers = {"X-Devenv-Pod": pod}
        try:
            answer = self.http.post("/redeem", json={"ticket": ticket}, headers=headers, timeout=PATIENCE_S)
        except httpx.TimeoutException:
            return None
        return answer.status_code

    def well(self, pod: str) -> bool:
        """Whether a ticket is opened and used on this pod as it must be."""
        try:
            answer = self.http.post("/tickets", headers={"X-Devenv-Pod": pod}, timeout=PATIENCE_S)
        except httpx.TimeoutException:
            return False
        return answer.status_code == 201 and self.redeem(answer.json()["ticket"], pod) == 200

    def explained(self, since: float) -> Explanation:
        """What ``devenv explain`` says of what has happened since."""
        events = live_trace(self.stack.status(), self.stack.journal, time.time())
        return explain_trace(events, self.name, since=since)

    def mend(self) -> None:
        """Redis runs, the gate has no rules, and both pods answer again."""
        if self.stack.status().redis_state != "running":
            self.stack.redis("start")
        self.control.reset_gate()


@pytest.fixture(scope="module", params=["node_redis", "ioredis", "redis_py", "resp3"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two pods of one of the services."""
    name = str(request.param)
    folder = tmp_path_factory.mktemp(name)
    packages = installed(name, folder, *(("--no-deps", REDIS_PY) if name == "redis_py" else ()))
    node = (folder / "package.json").exists()
    command = "node server.mjs" if node else "{python} server.py {port}"
    toml = TOML.format(command=command, packages=packages.as_posix())
    spec = StackSpec(ports=Ports.free(), use_redis=True, service=parse_service(toml, folder))
    stack = JournaledStack(EmbeddedStack(tmp_path_factory.mktemp("stack"), SUPERVISOR), MemoryJournal())
    try:
        ends = stack.start(spec, lambda line: None).endpoints
        with (
            httpx.Client(base_url=ends.traffic, timeout=30.0, trust_env=False) as http,
            ControlClient(ends.control) as control,
        ):
            yield Service(name, stack, http, control)
    finally:
        stack.stop()
