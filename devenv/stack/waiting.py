"""Waiting for what can only be asked for: one loop for code that blocks, one for an event loop."""

from __future__ import annotations

import time
from collections.abc import Callable

from devenv.core.model.errors import EnvironmentProblem

POLL_SECONDS = 0.02
"""Between one question and the next."""


def comes_true(condition: Callable[[], bool], seconds: float, every: float = POLL_SECONDS) -> bool:
    """Whether ``condition`` becomes true within ``seconds``; asked every ``every`` seconds, at least once."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def wait_until(
    condition: Callable[[], bool],
    seconds: float,
    problem: str,
    hint: str = "see `devenv logs`",
    every: float = POLL_SECONDS,
) -> None:
    """Return when ``condition`` is true. EnvironmentProblem "``problem`` in N s" where it stays false."""
    if not comes_true(condition, seconds, every):
        raise EnvironmentProblem(f"{problem} in {seconds:g} s", hint=hint)


async def comes_true_async(
    condition: Callable[[], bool], seconds: float, every: float = POLL_SECONDS
) -> bool:
    """As ``comes_true``, for an event loop."""
    from asyncio import sleep  # only where there is a loop: a verb that only looks does not import asyncio

    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await sleep(every)
    return True
