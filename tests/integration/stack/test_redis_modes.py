"""Redis behind TLS, ACL users, or with a replica: pods and our own clients get in, the gate sees all."""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import redis

from devenv.core.model.redis_access import RedisAccess
from devenv.core.model.topology import Ports, RedisMode, StackSpec, StackStatus
from devenv.harness.redis.keys import connected
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.operate.select import SUPERVISOR
from tests.support import HANG_GUARD_S


class Case:
    """A running stack of one mode."""

    def __init__(self, mode: RedisMode, folder: Path) -> None:
        self.mode = mode
        self.folder = folder
        # Of a fork the system shows its parent's environment, and these tests read the pods' passwords.
        self.stack = EmbeddedStack(folder, SUPERVISOR, cold=mode is RedisMode.ACL)
        spec = StackSpec(use_redis=True, redis_mode=mode, ports=Ports.free())
        self.status: StackStatus = self.stack.start(spec, lambda _line: None)
        self.http = httpx.Client(
            base_url=self.status.endpoints.traffic, timeout=HANG_GUARD_S, trust_env=False
        )
        self.control = httpx.Client(
            base_url=self.status.endpoints.control, timeout=HANG_GUARD_S, trust_env=False
        )

    def secrets(self) -> list[str]:
        """The passwords of this stack: ours from its private file, the pods' from their environment."""
        path = Path(self.status.endpoints.redis_access)
        ours = RedisAccess.from_json(json.loads(path.read_text("utf-8"))).password
        pids = [pod.pid for pod in self.stack.status().pods]
        return [ours, *(psutil.Process(pid).environ()["REDIS_PASSWORD"] for pid in pids)]

    def close(self) -> None:
        self.http.close()
        self.control.close()
        self.stack.stop()


@pytest.fixture(scope="module", params=[RedisMode.TLS, RedisMode.ACL, RedisMode.REPLICA])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    running = Case(request.param, tmp_path_factory.mktemp("stack"))
    yield running
    running.close()


def pair(case: Case) -> dict[str, Any]:
    """A wrong answer on another pod than the challenge's: a store that both share knows it."""
    created = case.http.post("/api/abstract-captcha", headers={"X-Devenv-Pod": "a"}).json()
    body = {"challenge_id": created["challenge_id"], "selections": []}
    report = case.http.post("/api/abstract-verify", json=body, headers={"X-Devenv-Pod": "b"}).json()
    return {**report, "challenge_id": created["challenge_id"]}


def test_a_session_is_shared_and_every_command_passes_the_gate(case: Case) -> None:
    message = pair(case)
    assert message["attempts"] == 1
    commands = case.control.get("/commands", params={"limit": 1000}).json()["commands"]
    seen = [command for command in commands if message["challenge_id"] in str(command["key"])]
    assert {(item["pod"], item["command"]) for item in seen} == {
        ("captcha-api-a", "SET"),
        ("captcha-api-b", "EVALSHA"),
    }


def test_our_own_clients_get_in(case: Case) -> None:
    message = pair(case)
    with connected(case.status.endpoints) as client:
        assert client.exists(f"rcaptcha:abstract:{message['challenge_id']}") == 1


def test_a_stopped_redis_comes_back(case: Case) -> None:
    case.stack.redis("stop")
    assert case.http.post("/api/abstract-captcha").status_code == 503
    case.stack.redis("start")
    assert pair(case)["attempts"] == 1


@pytest.mark.parametrize("case", [RedisMode.ACL], indirect=True)
def test_no_password_is_shown(case: Case) -> None:
    pair(case)
    shown = json.dumps(case.stack.status().to_json())
    commands = case.control.get("/commands", params={"limit": 1000}).text
    message = "".join(path.read_text("utf-8", "replace") for path in (case.folder / "logs").glob("*.log"))
    for secret in case.secrets():
        assert len(secret) > 20
        assert secret not in shown + commands + message
    assert any(command["command"] in ("AUTH", "HELLO") for command in json.loads(commands)["commands"])
    assert commands.count("(redacted)") > 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_what_lets_in_is_its_owner_s_alone(case: Case) -> None:
    private = [
        path
        for path in (case.folder / "run").glob("credentials/*")
        if path.suffix in (".key", ".json", ".acl")
    ]
    assert bool(private) == (case.mode is not RedisMode.REPLICA)
    assert {path.stat().st_mode & 0o777 for path in private} <= {0o600}


def test_nobody_gets_in_otherwise(case: Case) -> None:
    ends = case.status.endpoints
    plain = redis.Redis(host=ends.redis_host, port=ends.redis_port, socket_timeout=5)
    if case.mode is RedisMode.REPLICA:
        host, _, port = ends.redis_replica.partition(":")
        with pytest.raises(redis.ReadOnlyError):
            redis.Redis(host=host, port=int(port)).set("a", "b")
        return
    with pytest.raises((redis.ConnectionError, redis.AuthenticationError, redis.ResponseError)):
        plain.set("a", "b")


@pytest.mark.parametrize("case", [RedisMode.ACL], indirect=True)
def test_a_pod_may_do_what_it_needs_and_no_more(case: Case) -> None:
    with connected(case.status.endpoints) as client:
        for user in ("captcha-api", "default"):
            for command in (["SET", "k", "v"], ["GET", "k"], ["EVALSHA", "x", "0"], ["PTTL", "k"], ["INFO"]):
                assert client.acl_dryrun(user, *command) in (b"OK", "OK")
            for command in (
                ["FLUSHALL"],
                ["CONFIG", "GET", "*"],
                ["SHUTDOWN"],
                ["ACL", "LIST"],
                ["KEYS", "*"],
            ):
                assert b"permission" in bytes(str(client.acl_dryrun(user, *command)), "utf-8")


@pytest.mark.parametrize("case", [RedisMode.TLS], indirect=True)
def test_the_gate_shows_a_certificate_of_the_stack_s_own_authority(case: Case) -> None:
    gate = case.control.get("/gate").json()["pods"][0]["port"]
    access = json.loads(Path(case.status.endpoints.redis_access).read_text("utf-8"))
    context = ssl.create_default_context(cafile=access["ca"])
    with (
        socket.create_connection(("127.0.0.1", gate), HANG_GUARD_S) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped,
    ):
        wrapped.sendall(b"PING\r\n")
        assert wrapped.recv(7) == b"+PONG\r\n"


def test_nothing_private_is_left(tmp_path: Path) -> None:
    running = Case(RedisMode.ACL, tmp_path)
    assert (tmp_path / "run" / "credentials").is_dir()
    running.close()
    assert not (tmp_path / "run" / "credentials").exists()
