"""A Redis Cluster in containers: sessions on all nodes, commands through the gate, nodes that come anew."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from docker import DockerClient

from devenv.core.model.topology import Ports, RedisMode, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import find
from devenv.harness.redis.keys import connected, list_keys
from devenv.harness.runs.journal import journaled
from devenv.stack.compose import docker_engine
from devenv.stack.compose.backend import ComposeStack
from devenv.verbs.doctor.usecase import DoctorOptions, examine
from devenv.verbs.replay.replayer import Replayer
from tests.support import HANG_GUARD_S

pytestmark = pytest.mark.docker
SESSIONS = 60
"""So many leave out one of three masters once in ten thousand million runs: 3 * (2/3)^60."""


@pytest.fixture(scope="module")
def stack(
    engine: DockerClient, clone: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ComposeStack]:
    """Two pods with the atomic store, which asks the server what it is; no command of theirs times out."""
    running = ComposeStack(
        clone, tmp_path_factory.mktemp("state"), project=f"devenv-test-{uuid.uuid4().hex[:8]}"
    )
    patient = {"REDIS_TIMEOUT_MS": "60000"}
    spec = StackSpec(use_redis=True, redis_mode=RedisMode.CLUSTER, ports=Ports.free(), env=patient)
    running.start(spec, lambda _line: None)
    yield running
    running.stop()
    label: dict[str, str | list[str] | bool] = {"label": f"{docker_engine.PROJECT_LABEL}={running.project}"}
    assert engine.containers.list(all=True, filters=label) == []


def pairs(stack: ComposeStack, count: int) -> dict[str, int]:
    """Wrong answers on the pod beside the challenge's: by challenge id, which attempt each was said to be."""
    with httpx.Client(base_url=stack.endpoints().traffic, trust_env=False, timeout=HANG_GUARD_S) as client:
        messages = {}
        for _ in range(count):
            made = client.post("/api/abstract-captcha", headers={"X-Devenv-Pod": "a"}).json()
            body = {"challenge_id": made["challenge_id"], "selections": []}
            answer = client.post("/api/abstract-verify", json=body, headers={"X-Devenv-Pod": "b"})
            messages[made["challenge_id"]] = answer.json()["attempts"]
        return messages


def commands(stack: ComposeStack) -> list[dict[str, Any]]:
    """All that the gate remembers, oldest first."""
    url, seen = f"{stack.endpoints().control}/commands", list[dict[str, Any]]()
    since = 0
    while True:
        page = httpx.get(url, params={"since": since, "limit": 10_000}, trust_env=False).json()
        if not page["commands"]:
            return seen
        seen += page["commands"]
        since = page["last"]


def test_sessions_are_on_all_masters_and_all_commands_are_seen(stack: ComposeStack) -> None:
    all_pairs = pairs(stack, SESSIONS)
    assert list(all_pairs.values()) == [1] * SESSIONS
    status = stack.status()
    assert status.spec.redis_mode is RedisMode.CLUSTER and status.redis_state == "running"
    assert len(status.endpoints.redis_nodes) == 4
    with connected(status.endpoints) as client:
        kept = {info.key for info in list_keys(client).keys}
    assert {f"rcaptcha:abstract:{challenge}" for challenge in all_pairs} <= kept
    # The other tests of this stack had sessions of their own, with other stores.
    ours = [
        command
        for command in commands(stack)
        if any(challenge in (command["key"] or "") for challenge in all_pairs)
    ]
    ran = [our for our in ours if not our["reply"].startswith("-")]
    assert len({item["node"] for item in ran}) >= 3
    told_to_redis = {(item["pod"], item["command"]) for item in ran}
    # A node that came anew has forgotten the script, and is told it with EVAL once.
    assert told_to_redis - {("captcha-api-b", "EVAL")} == {
        ("captcha-api-a", "SET"), ("captcha-api-b", "EVALSHA"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "strategy"),
    [("failover-loses-session", Strategy.ATOMIC), ("cluster-plain-client", Strategy.GUIDE)],
)
def test_scenarios(stack: ComposeStack, name: str, strategy: Strategy) -> None:
    with Replayer(stack) as replayer:
        result = replayer.run(find(name), strategy)
    assert [str(deviation) for deviation in result.deviations] == []
    assert result.verdict == "holds"


def test_nodes_that_were_killed_form_a_cluster_again(stack: ComposeStack) -> None:
    stack.redis("stop")
    assert stack.status().redis_state == "stopped"
    stack.redis("start")
    assert stack.status().redis_state == "running"
    assert list(pairs(stack, 6).values()) == [1] * 6


def test_the_doctor_finds_nothing_on_it(stack: ComposeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nodes announce addresses of containers, which are not this machine's and are not asked about."""
    monkeypatch.setattr("devenv.verbs.doctor.usecase.running_stack", lambda backend, state: journaled(stack))
    report = examine(DoctorOptions(), "compose", Path("nowhere"), ask=lambda what: False)
    assert [finding.kind for finding in report.diagnosis.findings] == []
    assert {check.state for check in report.diagnosis.checks} == {"ok"}
    assert report.diagnosis.notes == ()
