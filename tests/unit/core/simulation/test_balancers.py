"""Names of policies and of real balancers; the models against what was measured of the balancers."""

from __future__ import annotations

from random import Random

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.routing import Policy, RequestFacts
from devenv.core.simulation.balancers import BALANCERS, NAMES, mixed, pod_names_of, routing_of
from devenv.core.simulation.vector_routing import mixed_array

PODS = pod_names_of(2)


def choices(policy: Policy, requests: list[RequestFacts], in_flight: dict[str, int] | None = None) -> str:
    rng = Random(1)
    return "".join(policy.choose(facts, PODS, in_flight or {}, rng).pod[-1] for facts in requests)


def on(*connections: int) -> list[RequestFacts]:
    return [RequestFacts(str(number), number) for number in connections]


@pytest.mark.parametrize(
    "text",
    ["roundrobin", "", "turns-per-worker", "turns-per-worker:0", "turns-per-worker:x", "sticky-canary:2",
     "sticky-canary", "least-busy", "least-busy:second", "hash-mod:3", "pinned:z", "weighted:a=0,b=0"],
)  # fmt: skip
def test_unknown_names_and_arguments_are_refused(text: str) -> None:
    with pytest.raises(UsageProblem):
        routing_of(text, PODS)


@pytest.mark.parametrize("name", BALANCERS)
def test_every_balancer_has_a_policy(name: str) -> None:
    assert routing_of(name, PODS).policy().choose(on(1)[0], PODS, {}, Random(1)).pod in PODS
    assert name in NAMES


def test_independent_counters_are_in_step_or_not_as_measured() -> None:
    """Two workers, each with its counter (surprise 11): the same connection alternates strictly."""
    policy = routing_of("nginx-workers", PODS).policy()
    assert choices(policy, on(1, 1, 1, 1)) == "abab"
    other = next(number for number in range(2, 50) if mixed(number) % 2 != mixed(1) % 2)
    policy = routing_of("nginx-workers", PODS).policy()
    assert choices(policy, on(1, other)) == "aa"


def test_ties_go_to_the_first_pod_or_to_any() -> None:
    assert choices(routing_of("lighttpd", PODS).policy(), on(*range(20))) == "a" * 20
    drawn = choices(routing_of("caddy-least-conn", PODS).policy(), on(*range(40)))
    assert {"a", "b"} == set(drawn)
    busy = {PODS[0]: 3}
    assert choices(routing_of("lighttpd", PODS).policy(), on(1, 2), busy) == "bb"
    assert "b" in choices(routing_of("envoy-least-request", PODS).policy(), on(*range(9)), busy)


def test_a_sticky_canary_keeps_only_its_own() -> None:
    policy = routing_of("sticky-canary:0.01", PODS).policy()
    facts = [RequestFacts("1", 1, cookie=PODS[1])] * 5
    assert choices(policy, facts) == "bbbbb"
    assert "a" in choices(policy, [RequestFacts("1", 1, cookie=PODS[0])] * 5)


def test_hashes_are_those_of_the_arrays() -> None:
    import numpy as np

    numbers = [0, 1, 2**40 + 5, 2**62]
    assert mixed_array(np.asarray(numbers)).tolist() == [mixed(number) for number in numbers]
    assert mixed(0) == 0xE220A8397B1DCDAF  # the first output of splitmix64 for seed 0


def test_names_of_many_pods_differ() -> None:
    names = pod_names_of(200)
    assert len(set(names)) == 200
    assert names[:2] == ("captcha-api-a", "captcha-api-b")
