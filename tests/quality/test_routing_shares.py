"""How often a session is sought on the wrong pod, by policy: 1,000 create→verify pairs on five real pods."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from devenv.core.model.topology import Endpoints, Ports, StackSpec
from devenv.core.model.vocabulary import Outcome
from devenv.harness.client.load_pairs import Pairs, run_pairs
from devenv.stack.embedded.backend import EmbeddedStack

PAIRS = 1000
FEWER_PAIRS = 200
"""Where no choice is random, every pair takes the way of the first."""


@pytest.fixture(scope="module")
def endpoints(start_stack: Callable[[StackSpec], EmbeddedStack]) -> Endpoints:
    return start_stack(StackSpec(pods=5, policy="random", ports=Ports.free())).endpoints()


def pairs_under(endpoints: Endpoints, policy: str, *, keep_alive: bool = True, count: int = PAIRS) -> Pairs:
    httpx.put(f"{endpoints.control}/policy", json={"policy": policy}).raise_for_status()
    # One at a time: with the proxy's seeded choices the very same pairs are lost in every run.
    pairs = run_pairs(endpoints.traffic, count, keep_alive=keep_alive, in_flight=1)
    assert pairs.total == count
    # Every other pair met its session: graded, and wrong. Nothing else may stand in for "not found".
    assert pairs.outcomes.get(Outcome.NOT_FOUND, 0) + pairs.outcomes.get(Outcome.WRONG, 0) == count
    lost = sum(count for (created, verified), count in pairs.routes.items() if created != verified)
    assert lost == pairs.outcomes.get(Outcome.NOT_FOUND, 0)
    return pairs


def test_random_routing_loses_four_of_five(endpoints: Endpoints) -> None:
    assert abs(pairs_under(endpoints, "random").not_found_share - (1 - 1 / 5)) <= 0.04


@pytest.mark.parametrize("policy", ["source-hash", "pinned:c"])
def test_affinity_loses_none(endpoints: Endpoints, policy: str) -> None:
    assert pairs_under(endpoints, policy, count=FEWER_PAIRS).not_found_share == 0


def test_keep_alive_hides_the_bug_from_a_balancer_of_connections(endpoints: Endpoints) -> None:
    pairs = pairs_under(endpoints, "per-connection")
    assert pairs.not_found_share == 0
    assert len(pairs.routes) == 5  # all pods were used: it was not one pod that hid it


def test_a_connection_per_request_shows_it_again(endpoints: Endpoints) -> None:
    share = pairs_under(endpoints, "per-connection", keep_alive=False).not_found_share
    assert abs(share - (1 - 1 / 5)) <= 0.04
