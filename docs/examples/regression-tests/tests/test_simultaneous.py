"""Requests at the same time: every order in which their Redis commands can run."""

import pytest


def test_an_empty_selection_never_passes(devenv):
    """The published order in which it does, with the store that refuses it."""
    devenv.replay("empty-bypass", strategy="atomic").assert_holds()


def test_two_right_answers_pass_once(devenv):
    """All orders, not one by luck. R+W+X: a right and a wrong answer while the key expires; and so on."""
    devenv.explore("2 R").assert_holds()


def test_the_guides_store_lets_two_right_answers_both_pass(devenv):
    """A known fault of another store: the test says which, and fails when it is gone."""
    violation = devenv.explore("2 R", strategy="guide").assert_violates("double-success")
    assert violation.replayed == violation.replays


@pytest.mark.xfail(raises=AssertionError, strict=True, reason="the guide's store: double-success")
def test_the_guides_store_would_hold(devenv):
    """The same, as a failure that is expected: `pytest --runxfail` shows what a failing test says."""
    devenv.explore("2 R", strategy="guide").assert_holds()
