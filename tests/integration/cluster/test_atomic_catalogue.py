"""The catalogue with the atomic store on a Redis Cluster: what holds on one server holds there.

In a file of its own: the pods are as the last scenario left them until the file ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devenv.core.model.topology import Ports, RedisMode, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import catalogue, find
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.operate.select import SUPERVISOR
from devenv.verbs.replay.replayer import Replayer, replay
from devenv.verbs.replay.result import ReplayResult
from tests.integration.cluster.conftest import Cluster
from tests.support import ROOT

IDS = [item.id for item in catalogue()]
ELSEWHERE = (
    "cluster-plain-client-gate", "database-mismatch", "standalone-cluster-client", "tls-one-side",
    "writes-refused-replica", "wrong-password",
)  # fmt: skip
"""Scenarios that are about a server that is no cluster."""
MANY = "many-workers"


@pytest.fixture(scope="module")
def replayer(atomic: Cluster) -> Iterator[Replayer]:
    """For all scenarios, so that pods are restarted seldom."""
    with Replayer(atomic.stack) as one:
        yield one


@pytest.mark.parametrize("name", [name for name in IDS if name not in (*ELSEWHERE, MANY)])
def test_it_holds(replayer: Replayer, name: str) -> None:
    assert_holds(replayer.run(find(name), Strategy.ATOMIC))


def test_nodes_that_came_anew_know_the_script_before_a_rule_meets_it(replayer: Replayer) -> None:
    again = find("reply-lost-letter")
    assert_holds(replayer.run(again, Strategy.ATOMIC))
    for _ in range(4):  # whichever node has the challenge
        replayer._baseline.redis("stop")
        replayer._baseline.redis("start")
        assert_holds(replayer.run(again, Strategy.ATOMIC))


def test_it_holds_with_many_workers(tmp_path: Path) -> None:
    options = find(MANY).stack
    stack = EmbeddedStack(tmp_path, SUPERVISOR)
    spec = StackSpec(
        pods=options.pods,
        workers=options.workers,
        redis_mode=RedisMode.CLUSTER,
        ports=Ports.free(),
        use_redis=True,
    )
    try:
        stack.start(spec, lambda _line: None)
        assert_holds(replay(stack, find(MANY), Strategy.ATOMIC))
    finally:
        stack.stop()


def test_only_what_is_about_another_redis_is_left_out() -> None:
    other = [item.id for item in catalogue() if item.stack.redis not in (None, RedisMode.CLUSTER)]
    assert sorted(other) == sorted(ELSEWHERE)
    page = ROOT.joinpath("docs", "redis.md").read_text(encoding="utf-8")
    assert f"{len(IDS) - len(ELSEWHERE)} scenarios of {len(IDS)}" in page
    assert all(f"`{name}`" in page for name in ELSEWHERE)


def assert_holds(result: ReplayResult) -> None:
    assert [str(deviation) for deviation in result.deviations] == []
    assert result.verdict == "holds"
