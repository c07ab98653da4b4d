"""Adjacent stages side by side: which can lose an attempt; ``tools/stage_pairs.py`` makes a table of it."""

from __future__ import annotations

import itertools

import pytest

from devenv.core.checker.invariants import Kind
from devenv.core.model.migration import STAGES, MigrationStrategy, Stage
from devenv.core.model.vocabulary import Answer
from devenv.core.rollout.pair_exploration import Pair, explore_pair, order_result
from devenv.core.rollout.stages import rollout_stage
from devenv.core.search.strategies import enumerate_preemptions

R, W = Answer.RIGHT, Answer.WRONG
ADJACENT = [
    (strategy, *pair) for strategy in MigrationStrategy for pair in itertools.pairwise(STAGES[strategy])
]
DANGEROUS = (MigrationStrategy.SIX_STAGES, Stage.SHADOW, Stage.LIVE)


def kinds(strategy: MigrationStrategy, a: Stage, b: Stage, answers: tuple[Answer, Answer]) -> set[Kind]:
    stages = (rollout_stage(strategy, a), rollout_stage(strategy, b))
    return {kind for order in explore_pair(stages, answers) for kind in order.kinds}


@pytest.mark.parametrize(("strategy", "a", "b"), [pair for pair in ADJACENT if pair != DANGEROUS])
def test_adjacent_stages_break_no_rule(strategy: MigrationStrategy, a: Stage, b: Stage) -> None:
    for answers in ((R, R), (R, W), (W, R), (W, W)):
        assert kinds(strategy, a, b, answers) == set()
        assert kinds(strategy, b, a, answers) == set()


def test_shadow_beside_live_loses_attempts_and_passes_one_answer_twice() -> None:
    assert kinds(*DANGEROUS, (R, R)) == {Kind.DOUBLE_SUCCESS, Kind.LOST_ATTEMPT}
    assert kinds(*DANGEROUS, (R, W)) == {Kind.LOST_ATTEMPT}
    assert kinds(*DANGEROUS, (W, W)) == {Kind.LOST_ATTEMPT, Kind.MORE_THAN_TWO_GRADED}


def test_one_order_of_each_trace_is_tried() -> None:
    stages = (rollout_stage("six-stages", "shadow"), rollout_stage("six-stages", "live"))
    orders = list(explore_pair(stages, (R, R)))
    assert len({(order.maker, order.last, order.order) for order in orders}) == len(orders)
    assert {len(order.order) for order in orders if "not_found" not in order.results[:2]} == {4}


@pytest.mark.parametrize("answers", [(R, R), (R, W), (W, R), (W, W)])
@pytest.mark.parametrize(("strategy", "a", "b"), ADJACENT)
def test_the_search_finds_what_every_order_of_steps_shows(
    strategy: MigrationStrategy, a: Stage, b: Stage, answers: tuple[Answer, Answer]
) -> None:
    """Without a reduction: with at most two steps each, four switches leave out no order."""
    stages = (rollout_stage(strategy, a), rollout_stage(strategy, b))
    every = set()
    for maker in (0, 1):
        pair = Pair(stages, answers, maker)
        runs: list[tuple[int, ...]] = []
        enumerate_preemptions(pair, 4, lambda run, state, into=runs: into.append(tuple(run)))  # type: ignore[misc]
        assert len(runs) == len(set(runs))
        for last in (0, 1):
            for run in runs:
                order = order_result(pair, answers, maker, last, run)
                every.add((order.maker, order.last, order.kinds, order.results))
    explored = list(explore_pair(stages, answers))
    assert {(order.maker, order.last, order.kinds, order.results) for order in explored} == every
