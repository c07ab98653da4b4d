"""Results of coroutines, of which no text is made."""

from __future__ import annotations

import asyncio

import pytest

from devenv.verbs.explore.runner_results import result_of


class Large:
    def __repr__(self) -> str:
        raise AssertionError("the repr of a large result was made")


def test_a_result_is_given_without_its_repr() -> None:
    large = Large()

    async def work() -> Large:
        return large

    with asyncio.Runner() as runner:
        assert result_of(runner, work()) is large
        assert result_of(runner, work()) is large


def test_an_error_is_raised() -> None:
    async def work() -> None:
        raise ValueError("no result")

    with asyncio.Runner() as runner, pytest.raises(ValueError, match="no result"):
        result_of(runner, work())
