"""Waiting for a condition: asked at once, asked again, and given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.waiting import comes_true, comes_true_async, wait_until


def on_question(number: int) -> Callable[[], bool]:
    """A condition that is true when it is asked for the ``number``-th time."""
    questions = iter(range(1, number + 1))
    return lambda: next(questions) == number


@pytest.mark.parametrize("number", [1, 2, 5])
def test_it_is_asked_until_it_is_true(number: int) -> None:
    assert comes_true(on_question(number), seconds=300, every=0.0)
    assert asyncio.run(comes_true_async(on_question(number), seconds=300, every=0.0))
    wait_until(on_question(number), 300, "never", every=0.0)


def test_what_stays_false_is_given_up() -> None:
    assert not comes_true(lambda: False, seconds=0.0, every=0.001)
    assert not asyncio.run(comes_true_async(lambda: False, seconds=0.0, every=0.001))
    with pytest.raises(EnvironmentProblem, match=r"^the pods did not start in 0 s$") as caught:
        wait_until(lambda: False, 0.0, "the pods did not start", every=0.001)
    assert caught.value.hint == "see `devenv logs`"
