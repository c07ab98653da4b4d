"""The formulas, each held against its closed form and against a simulation of the same rules."""

from __future__ import annotations

from random import Random

import pytest

from devenv.core.model.vocabulary import pod_names
from devenv.core.rollout.prediction import change_cost, loss, pairs
from devenv.core.rollout.stages import Lookup, RolloutStage, lookup, rollout_stage

OFF, ON = rollout_stage("flag", "off"), rollout_stage("flag", "on")
READY, BIRTHS = rollout_stage("births", "ready"), rollout_stage("births", "births")


def mixed(old: RolloutStage, new: RolloutStage, pods: int, changed: int) -> dict[str, RolloutStage]:
    return {name: new if index < changed else old for index, name in enumerate(pod_names(pods))}


POINTS = [(pods, changed) for pods in (1, 2, 4, 7) for changed in range(pods + 1)]


@pytest.mark.parametrize(("n", "r"), POINTS)
def test_the_flag_in_place(n: int, r: int) -> None:
    assert loss(mixed(OFF, ON, n, r)) == pytest.approx(1 - (r / n) ** 2 - (n - r) / n**2)


@pytest.mark.parametrize(("n", "r"), [(1, 1), (2, 1), (2, 2), (4, 3), (7, 0)])
def test_the_flag_on_added_pods(n: int, r: int) -> None:
    total = n + r
    expected = 1 - (r / total) ** 2 - n / total**2
    assert loss(mixed(OFF, ON, total, r)) == pytest.approx(expected)


def test_a_pod_that_is_removed_loses_what_only_its_memory_has() -> None:
    three = mixed(OFF, ON, 3, 0)
    two = {pod: stage for pod, stage in three.items() if not pod.endswith("c")}
    open_now = dict.fromkeys(three, 6.0)
    lost = change_cost(three, two, in_redis=0, in_memory=open_now, restarted=())
    assert lost == pytest.approx(6 / 3), "of its six sessions a third would have been found"
    kept = change_cost(mixed(OFF, ON, 3, 3), mixed(OFF, ON, 2, 2), in_redis=9, in_memory={}, restarted=())
    assert kept == 0


@pytest.mark.parametrize(("n", "r"), POINTS)
def test_births_by_stage_and_lookups_by_mark(n: int, r: int) -> None:
    assert loss(mixed(READY, BIRTHS, n, r)) == pytest.approx((n - r) / n * (1 - 1 / n))


@pytest.mark.parametrize(("n", "r"), POINTS)
def test_cohorts_lose_what_pod_memory_loses_among_the_old_pods(n: int, r: int) -> None:
    expected = 0.0 if r == n else (n - r) / n * (1 - 1 / (n - r))
    assert loss(mixed(OFF, ON, n, r), cohorts=True) == pytest.approx(expected)


def test_cohorts_whose_births_are_all_in_redis_lose_nothing() -> None:
    assert loss(mixed(OFF, ON, 4, 1), cohorts=True, births="on") == 0


@pytest.mark.parametrize("k", [1, 2, 3])
def test_one_create_and_k_lookups(k: int) -> None:
    assert loss(mixed(OFF, ON, 3, 0), k) == pytest.approx(1 - 3**-k)


def test_the_loss_falls_with_every_pod_only_where_every_pod_reads_redis_first() -> None:
    births = [loss(mixed(READY, BIRTHS, 4, changed)) for changed in range(5)]
    assert births == sorted(births, reverse=True)
    assert len(set(births)) == 5
    flag = [loss(mixed(OFF, ON, 4, changed)) for changed in range(5)]
    assert flag[0] == flag[1] == 0.75


@pytest.mark.parametrize(("cohorts", "k"), [(False, 1), (False, 2), (True, 2)])
def test_sessions_drawn_one_by_one_lose_what_the_formula_says(cohorts: bool, k: int) -> None:
    stages = {
        "a": READY, "b": BIRTHS, "c": rollout_stage("births", "off"), "d": BIRTHS, "e": READY
    }  # fmt: skip
    rng, lost, total = Random(7), 0, 40_000
    for _ in range(total):
        maker = rng.choice("abcde")
        meets = [pod for pod in "abcde" if not cohorts or stages[pod] == stages[maker]]
        for _ in range(k):
            pod = rng.choice(meets)
            message = lookup(stages[maker], stages[pod])
            if message is Lookup.NO_POD or (message is Lookup.SAME_POD and pod != maker):
                lost += 1
                break
    assert lost / total == pytest.approx(loss(stages, k, cohorts=cohorts), abs=0.01)


def test_sessions_open_at_a_change_are_looked_up_at_the_stages_after_it() -> None:
    before, after = mixed(OFF, ON, 4, 4), mixed(OFF, ON, 4, 0)
    assert loss(before, used=after) == 1.0
    assert loss(mixed(OFF, ON, 4, 0), used=mixed(OFF, ON, 4, 0), restarted=pod_names(4)) == 1.0


def test_the_cost_of_a_change_counts_what_would_have_been_found() -> None:
    a, b = pod_names(2)
    on, off = {a: ON, b: ON}, {a: OFF, b: OFF}
    assert change_cost(on, off, in_redis=6, in_memory={}, restarted=(a, b)) == 6
    assert change_cost(off, on, in_redis=0, in_memory={a: 3, b: 1}, restarted=(a, b)) == 2
    births, ready = {a: BIRTHS, b: BIRTHS}, {a: READY, b: READY}
    assert change_cost(births, ready, in_redis=6, in_memory={}, restarted=(a, b)) == 0
    assert change_cost(ready, births, in_redis=0, in_memory={a: 4}, restarted=()) == 0
    assert change_cost(ready, births, in_redis=0, in_memory={a: 4}, restarted=(a,)) == 2


def test_pairs_are_those_that_meet() -> None:
    stages = mixed(OFF, ON, 2, 1)
    assert {(pair.born, pair.used): pair.lookup for pair in pairs(stages)} == {
        ("off", "off"): Lookup.SAME_POD, ("off", "on"): Lookup.NO_POD,
        ("on", "off"): Lookup.NO_POD, ("on", "on"): Lookup.ANY_POD,
    }  # fmt: skip
    assert [(pair.born, pair.used) for pair in pairs(stages, cohorts=True)] == [("on", "on"), ("off", "off")]
