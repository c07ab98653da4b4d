"""Large results of coroutines that an ``asyncio.Runner`` runs."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def result_of(runner: asyncio.Runner, work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` gives, as ``runner.run(work)``, without its repr being made.

    ``run`` ends with ``signal.signal``, which looks up the handler that it replaces in an enum. In Python
    3.11 and 3.12 that fails with a message that has the handler's repr in it, hence the task's and its
    result's; the message is then dropped. So the task's result here is None.
    """
    results: list[T] = []

    async def kept() -> None:
        results.append(await work)

    runner.run(kept())
    return results[0]
