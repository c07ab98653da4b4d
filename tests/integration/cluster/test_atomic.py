"""The atomic store on a Redis Cluster: it finds out by itself, and holds what it holds on one server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.crc import key_slot

from devenv.core.topology import Ports, RedisMode, StackSpec
from devenv.core.vocabulary import Strategy
from devenv.lab.exploring.exploration import Wish
from devenv.lab.exploring.usecase import explore_on
from devenv.lab.opening import SUPERVISOR
from devenv.lab.replay import Replayer, ReplayResult, replay
from devenv.lab.settings import Settings
from devenv.scenario import catalogue, find
from devenv.stack.embedded import EmbeddedStack
from tests.integration.cluster.conftest import SETTINGS, Cluster

IDS = [it.id for it in catalogue()]
ELSEWHERE = (
    "cluster-plain-client-gate", "database-mismatch", "standalone-cluster-client", "tls-one-side",
    "writes-refused-replica", "wrong-password",
)  # fmt: skip
"""Scenarios that are about a server that is no cluster."""
MANY = "many-workers"


@pytest.fixture(scope="module")
def atomic(cluster: Cluster) -> Iterator[Cluster]:
    """The stack with this store, REDIS_CLUSTER as it is by default."""
    pods = [pod.name for pod in cluster.status.pods]
    wished = {"SESSION_STRATEGY": "atomic", "REDIS_CLUSTER": "auto"}
    cluster.stack.restart_pods(dict.fromkeys(pods, wished), lambda _line: None)
    yield cluster
    before = {"SESSION_STRATEGY": "guide", **SETTINGS}
    cluster.stack.restart_pods(dict.fromkeys(pods, before), lambda _line: None)


@pytest.fixture(scope="module")
def replayer(atomic: Cluster) -> Iterator[Replayer]:
    """For all scenarios, so that pods are restarted seldom."""
    with Replayer(atomic.stack) as one:
        yield one


def test_it_asks_the_server_and_says_so(atomic: Cluster) -> None:
    for pod in ("a", "b"):
        lines = [it for it in atomic.stack.logs(pod, tail=None, follow=False) if '"redis client"' in it]
        assert (
            '"client": "cluster"' in lines[-1]
            and "REDIS_CLUSTER=auto: the server says mode=cluster" in lines[-1]
        )


def test_it_is_clean_in_every_order(atomic: Cluster) -> None:
    settings = Settings(state_dir=atomic.folder / "runs")
    wish = Wish(scenario="R+W+E", strategy=Strategy.ATOMIC)
    found = explore_on(atomic.stack.status(), wish, settings, lambda _line: None)
    assert (found.complete, found.traces, found.violations) == (True, 6, ())


@pytest.mark.parametrize("name", [name for name in IDS if name not in (*ELSEWHERE, MANY)])
def test_it_holds(replayer: Replayer, name: str) -> None:
    assert_holds(replayer.run(find(name), Strategy.ATOMIC))


def test_it_holds_with_many_workers(tmp_path: Path) -> None:
    wish = find(MANY).stack
    stack = EmbeddedStack(tmp_path, SUPERVISOR)
    spec = StackSpec(
        pods=wish.pods, workers=wish.workers, redis_mode=RedisMode.CLUSTER, ports=Ports.free(), use_redis=True
    )
    try:
        stack.start(spec, lambda _line: None)
        assert_holds(replay(stack, find(MANY), Strategy.ATOMIC))
    finally:
        stack.stop()


def test_only_what_is_about_another_redis_is_left_out() -> None:
    other = [it.id for it in catalogue() if it.stack.redis not in (None, RedisMode.CLUSTER)]
    assert sorted(other) == sorted(ELSEWHERE)
    page = Path(__file__).parents[3].joinpath("docs", "redis.md").read_text(encoding="utf-8")
    assert f"{len(IDS) - len(ELSEWHERE)} scenarios of {len(IDS)}" in page
    assert all(f"`{name}`" in page for name in ELSEWHERE)


def assert_holds(result: ReplayResult) -> None:
    assert [str(it) for it in result.violations] == []
    assert result.verdict == "holds"


def test_a_session_and_its_receipt_are_in_one_slot() -> None:
    key = "rcaptcha:abstract:0123"
    assert key_slot(key.encode()) == key_slot(f"rcaptcha:receipt:{{{key}}}".encode())
