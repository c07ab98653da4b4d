"""The atomic store on a Redis Cluster: it finds out by itself, and holds what it holds on one server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis.crc import key_slot

from devenv.core.vocabulary import Strategy
from devenv.lab.exploring.exploration import Wish
from devenv.lab.exploring.usecase import explore_on
from devenv.lab.replay import Replayer
from devenv.lab.settings import Settings
from devenv.scenario import find
from tests.integration.cluster.conftest import SETTINGS, Cluster


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


# Hanging nodes, lost replies, requests at once, settings of all nodes. The whole catalogue: docs/redis.md.
@pytest.mark.parametrize("name", ["redis-hangs", "reply-lost", "double-success", "writes-refused"])
def test_it_holds(replayer: Replayer, name: str) -> None:
    result = replayer.run(find(name), Strategy.ATOMIC)
    assert [str(it) for it in result.violations] == []
    assert result.verdict == "holds"


def test_a_session_and_its_receipt_are_in_one_slot() -> None:
    key = "rcaptcha:abstract:0123"
    assert key_slot(key.encode()) == key_slot(f"rcaptcha:receipt:{{{key}}}".encode())
