"""Adjacent stages side by side: which can lose an attempt; ``tools/stage_pairs.py`` makes a table of it."""

from __future__ import annotations

import itertools

import pytest

from devenv.core.checker.invariants import Kind
from devenv.core.model.migration import STAGES, MigrationStrategy, Stage
from devenv.core.model.vocabulary import Answer
from devenv.core.rollout.pair_exploration import explore_pair
from devenv.core.rollout.stages import rollout_stage

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


def test_every_order_is_tried() -> None:
    stages = (rollout_stage("six-stages", "shadow"), rollout_stage("six-stages", "live"))
    orders = list(explore_pair(stages, (R, R)))
    assert len(orders) == 6 * 2 * 2
    assert {len(order.order) for order in orders if "not_found" not in order.results[:2]} == {4}
