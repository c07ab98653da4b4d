"""The atomic store on a Redis Cluster: it finds out by itself, and is clean in every order."""

from __future__ import annotations

from redis.crc import key_slot

from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.settings import Settings
from devenv.verbs.explore.result import ExploreOptions
from devenv.verbs.explore.usecase import explore_on
from tests.integration.cluster.conftest import Cluster


def test_it_asks_the_server_and_says_so(atomic: Cluster) -> None:
    for pod in ("a", "b"):
        lines = [log for log in atomic.stack.logs(pod, tail=None, follow=False) if '"redis client"' in log]
        assert (
            '"client": "cluster"' in lines[-1]
            and "REDIS_CLUSTER=auto: the server says mode=cluster" in lines[-1]
        )


def test_it_is_clean_in_every_order(atomic: Cluster) -> None:
    settings = Settings(state_dir=atomic.folder / "runs")
    options = ExploreOptions(scenario="R+W+E", strategy=Strategy.ATOMIC)
    exploration = explore_on(atomic.stack.status(), options, settings)
    assert (exploration.complete, exploration.traces, exploration.violations) == (True, 6, ())


def test_a_session_and_its_receipt_are_in_one_slot() -> None:
    key = "rcaptcha:abstract:0123"
    assert key_slot(key.encode()) == key_slot(f"rcaptcha:receipt:{{{key}}}".encode())
