"""A stack on a Redis Cluster: its verbs mean all nodes, exploration finds what it finds on one server."""

from __future__ import annotations

import httpx
import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.harness.client.seed import seed as seed_challenges
from devenv.harness.config.settings import Settings
from devenv.harness.redis.keys import connected, list_keys
from devenv.harness.runs.journal import journaled
from devenv.verbs.explore.result import ExploreOptions, Mode
from devenv.verbs.explore.usecase import explore_on
from devenv.verbs.operate.status import overview, read_keys
from tests.integration.cluster.conftest import POD, Cluster


def silent(_line: str) -> None:
    """No progress wanted."""


@pytest.mark.parametrize(
    ("expression", "mode", "traces"),
    [
        ("W+W", Mode.LEARNED, 8), ("R+R", Mode.LEARNED, 36), ("R+W+E", Mode.LEARNED, 1_977),
        ("W+W", Mode.DIRECT, 8), ("R+R", Mode.DIRECT, 36),
    ],
)  # fmt: skip
def test_exploration_counts_as_on_one_server(
    cluster: Cluster, expression: str, mode: Mode, traces: int
) -> None:
    options = ExploreOptions(scenario=expression, strategy=Strategy.GUIDE, mode=mode, replays=1)
    exploration = explore_on(cluster.status, options, Settings(state_dir=cluster.folder / "runs"))
    assert (exploration.complete, exploration.traces) == (True, traces)
    assert {violation.confirmed for violation in exploration.violations} == {True}


def test_keys_and_seeds_are_on_all_nodes(cluster: Cluster) -> None:
    cluster.nodes.flushall()
    done = seed_challenges(
        cluster.status, 30, CaptchaType.ABSTRACT, cluster.folder, direct=True, random_seed=1, progress=silent
    )
    [listing] = overview(journaled(cluster.stack), read_keys).listings
    assert sorted(info.key for info in listing.keys) == sorted(str(one.key) for one in done.seeded)
    assert listing.complete and all(info.ttl and info.attempts == 0 for info in listing.keys)
    owners = {cluster.nodes.owner("EXISTS", info.key)[0] for info in listing.keys}
    assert len(owners) == 3
    with connected(cluster.status.endpoints) as client:
        assert len(list_keys(client, limit=7).keys) == 7 and not list_keys(client, limit=7).complete
        client.flushall()
        assert list_keys(client).keys == ()


def test_redis_pauses_stops_and_comes_back_as_a_whole(cluster: Cluster) -> None:
    cluster.stack.redis("pause")
    assert cluster.stack.status().redis_state == "paused"
    with pytest.raises(EnvironmentProblem), connected(cluster.status.endpoints) as client:
        client.get("any")
    cluster.stack.redis("resume")
    key = cluster.owned_by(1)
    cluster.nodes.set(key, "1")
    cluster.stack.redis("stop")
    assert cluster.stack.status().redis_state == "stopped"
    cluster.stack.redis("start")
    for node in range(3):  # serves at once, and has forgotten
        assert cluster.nodes.set(cluster.owned_by(node), "2", ex=60)
    assert cluster.stack.status().redis_state == "running"


def test_a_plain_client_finds_exactly_what_its_first_node_owns(cluster: Cluster) -> None:
    wished = {"REDIS_CLUSTER": "false", "GUIDE_ERRORS": "swallow"}
    cluster.stack.restart_pods({POD: wished}, silent)
    try:
        with httpx.Client(
            base_url=cluster.status.endpoints.traffic, headers={"X-Devenv-Pod": "a"}, trust_env=False
        ) as http:
            result, owned = [], []
            for _ in range(40):
                challenge_id = http.post("/api/abstract-captcha").raise_for_status().json()["challenge_id"]
                body = {"challenge_id": challenge_id, "selections": []}
                report = http.post("/api/abstract-verify", json=body).json()
                result.append(report.get("message") != "Challenge not found")
                owned.append(
                    cluster.nodes.owner("EXISTS", f"rcaptcha:abstract:{challenge_id}")[0]
                    is cluster.nodes.nodes[0]
                )
            assert http.get("/ready").status_code == 200
    finally:
        cluster.stack.restart_pods({POD: {"REDIS_CLUSTER": "true", "GUIDE_ERRORS": None}}, silent)
    assert result == owned
    assert 0 < sum(owned) < 40


def test_the_log_says_which_client_it_took_and_why(cluster: Cluster) -> None:
    lines = [line for line in cluster.stack.logs("a", tail=None, follow=False) if '"redis client"' in line]
    assert (
        '"client": "cluster"' in lines[0] and "REDIS_CLUSTER=true" in lines[0] and '"tls": false' in lines[0]
    )
