"""The sequential test of a step."""

from __future__ import annotations

from random import Random

import pytest

from devenv.core.rollout.sequential import Decision, SequentialTest


def decided(rng: Random, loss: float, test: SequentialTest) -> Decision:
    while (decision := test.count(lost=rng.random() < loss)) is Decision.MORE:
        pass
    return decision


def test_nothing_is_decided_before_the_first_session() -> None:
    test = SequentialTest(0, 0.03)
    assert (test.decision, test.bound) == (Decision.MORE, None)


def test_with_no_loss_accepted_one_lost_session_stops_the_step() -> None:
    test = SequentialTest(0, 0.01)
    assert test.count(lost=False) is Decision.MORE
    assert test.count(lost=True) is Decision.STOP
    assert test.bound is None


@pytest.mark.parametrize("detected", [0.5, 0.1, 0.01, 0.001])
def test_no_failure_in_n_sessions_means_a_loss_below_3_in_n(detected: float) -> None:
    test = SequentialTest(0, detected)
    while test.count(lost=False) is Decision.MORE:
        pass
    assert test.sessions <= 3 / detected
    assert test.bound is not None
    assert test.bound <= 3 / test.sessions
    assert test.bound <= detected * 1.001


def test_the_errors_are_as_rare_as_they_say() -> None:
    rng = Random(3)
    at_p0 = [decided(rng, 0.5, SequentialTest(0.5, 0.65)) for _ in range(1000)]
    at_p1 = [decided(rng, 0.65, SequentialTest(0.5, 0.65)) for _ in range(1000)]
    assert at_p0.count(Decision.STOP) <= 5
    assert at_p1.count(Decision.HOLDS) <= 65
