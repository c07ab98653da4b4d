"""Redis behind TLS, with users, with a replica, in containers: who gets in, and what is left."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from docker import DockerClient

from devenv.core.model.redis_access import RedisAccess
from devenv.core.model.topology import Ports, RedisMode, StackSpec
from devenv.harness.redis.keys import connected
from devenv.stack.compose import compose_file, docker_engine
from devenv.stack.compose.backend import ComposeStack

pytestmark = pytest.mark.docker
A, B = "captcha-api-a", "captcha-api-b"


def quiet(line: str) -> None:
    """Progress that nobody reads."""


def left_of(engine: DockerClient, project: str) -> list[str]:
    label: dict[str, str | list[str] | bool] = {"label": f"{docker_engine.PROJECT_LABEL}={project}"}
    containers = engine.containers.list(all=True, filters=label, ignore_removed=True)
    return [str(container.attrs["Name"]) for container in (*containers, *engine.volumes.list(filters=label))]


class Case:
    """A running stack of one mode."""

    def __init__(self, mode: RedisMode, clone: Path, folder: Path) -> None:
        self.mode, self.folder = mode, folder
        self.stack = ComposeStack(clone, folder, project=f"devenv-test-{uuid.uuid4().hex[:8]}")
        spec = StackSpec(use_redis=True, redis_mode=mode, ports=Ports.free())
        self.status = self.stack.start(spec, quiet)
        self.ends = self.status.endpoints

    @property
    def access(self) -> RedisAccess:
        """How we get in, from the private file."""
        return RedisAccess.from_json(json.loads(Path(self.ends.redis_access).read_text("utf-8")))

    def pair(self) -> tuple[str, Any]:
        """A wrong answer on another pod than the challenge's: the challenge, and what was answered."""
        with httpx.Client(base_url=self.ends.traffic, trust_env=False, timeout=30) as client:
            made = client.post("/api/abstract-captcha", headers={"X-Devenv-Pod": A}).json()["challenge_id"]
            body = {"challenge_id": made, "selections": []}
            return made, client.post("/api/abstract-verify", json=body, headers={"X-Devenv-Pod": B}).json()


@pytest.fixture(scope="module", params=[RedisMode.TLS, RedisMode.ACL, RedisMode.REPLICA])
def case(
    request: pytest.FixtureRequest,
    engine: DockerClient,
    clone: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Case]:
    running = Case(request.param, clone, tmp_path_factory.mktemp("state"))
    yield running
    running.stack.stop()
    assert left_of(engine, running.stack.project) == []
    assert not (running.folder / "credentials").exists()


def test_a_session_is_shared_and_every_command_passes_the_gate(case: Case) -> None:
    assert case.status.spec.redis_mode is case.mode
    challenge, message = case.pair()
    assert message["attempts"] == 1
    control = httpx.get(f"{case.ends.control}/commands", params={"limit": 1000}, trust_env=False).json()
    seen = {
        (command["pod"], command["command"])
        for command in control["commands"]
        if challenge in str(command["key"])
    }
    assert seen == {(A, "SET"), (B, "EVALSHA")}


def test_our_own_clients_get_in_and_others_do_not(case: Case) -> None:
    challenge, _ = case.pair()
    with connected(case.ends) as client:
        assert client.exists(f"rcaptcha:abstract:{challenge}") == 1
    port = case.ends.redis_port
    if case.mode is RedisMode.REPLICA:
        port = int(case.ends.redis_replica.rpartition(":")[2])
    with redis.Redis(port=port, socket_timeout=5) as client, pytest.raises(redis.RedisError):
        client.set("a", "b")


def test_a_pod_that_comes_anew_gets_in(case: Case) -> None:
    case.stack.restart_pods({B: {"REDIS_TIMEOUT_MS": "1500"}}, quiet)
    assert case.pair()[1]["attempts"] == 1


def test_a_stopped_redis_comes_back(case: Case) -> None:
    case.stack.redis("stop")
    assert case.stack.status().redis_state == "stopped"
    case.stack.redis("start")
    assert case.stack.status().redis_state == "running"
    assert case.pair()[1]["attempts"] == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.parametrize("case", [RedisMode.TLS, RedisMode.ACL], indirect=True)
def test_what_lets_in_is_private_and_shown_to_nobody(case: Case) -> None:
    file = Path(case.ends.redis_access)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shown = json.dumps(case.stack.status().to_json()) + "".join(
        case.stack.logs(None, tail=None, follow=False)
    )
    control = httpx.get(f"{case.ends.control}/commands", params={"limit": 1000}, trust_env=False).text
    if case.mode is RedisMode.ACL:
        containers = case.stack._containers()
        theirs = docker_engine.environment(containers[A])["REDIS_PASSWORD"]
        for secret in (case.access.password, theirs):
            assert len(secret) > 20
            assert secret not in shown + control
    else:
        keys = case.stack._containers()[A].exec_run(["ls", "/run/redis-credentials"])
        assert keys.exit_code != 0


@pytest.mark.parametrize("mode", [RedisMode.TLS, RedisMode.ACL, RedisMode.REPLICA])
def test_the_files_are_clean(engine: DockerClient, clone: Path, mode: RedisMode) -> None:
    words = [word for name in compose_file.files(mode) for word in ("-f", name)]

    def config(**more: str) -> subprocess.CompletedProcess[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
        return subprocess.run(
            ["docker", "compose", *words, "config", "--quiet"],
            cwd=clone, env={**environ, **more}, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip

    done = config(DEVENV_REDIS_PASSWORD="any word")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    if mode is RedisMode.ACL:
        refused = config()
        assert refused.returncode != 0
        assert "DEVENV_REDIS_PASSWORD" in refused.stderr


def test_pods_that_redis_does_not_let_in_are_up_and_say_so(
    engine: DockerClient, clone: Path, tmp_path: Path
) -> None:
    stack, lines = ComposeStack(clone, tmp_path, project=f"devenv-test-{uuid.uuid4().hex[:8]}"), list[str]()
    spec = StackSpec(
        pods=1, use_redis=True, redis_mode=RedisMode.TLS, env={"REDIS_SSL": "false"}, ports=Ports.free()
    )
    try:
        status = stack.start(spec, lines.append)
        assert f"{A} is up, but not ready: its health check is answered by an HTTP error 5xx" in lines
        with httpx.Client(base_url=status.endpoints.traffic, trust_env=False, timeout=30) as client:
            refused = client.post("/api/abstract-captcha")
        assert refused.status_code == 503
        assert "REDIS_SSL=false" in refused.json()["detail"]
    finally:
        stack.stop()
    assert left_of(engine, stack.project) == []
