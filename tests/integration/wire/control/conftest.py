"""A real control API, with and without a gate, in the loop of a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from devenv.wire.edge.edge import Edge
from devenv.wire.proxy import Upstream
from tests.support import HANG_GUARD_S, free_port

A = "captcha-api-a"


class Served:
    """A proxy, a control API and, with ``gate``, a gate before no Redis, in the loop of a thread."""

    def __init__(self, gate: bool) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._edge = self._run(self._start(gate))
        self.control = f"http://127.0.0.1:{self._edge.control_port}"

    async def _start(self, gate: bool) -> Edge:
        redis = ("127.0.0.1", free_port()) if gate else None
        edge = Edge([Upstream(A, "127.0.0.1", free_port())], "round-robin", 1, redis)
        await edge.open_gate("127.0.0.1", 0)
        await edge.start("127.0.0.1", 0, 0)
        return edge

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(HANG_GUARD_S)

    def close(self) -> None:
        self._run(self._edge.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(HANG_GUARD_S)
        self._loop.close()


@pytest.fixture(scope="module")
def with_gate() -> Iterator[str]:
    served = Served(gate=True)
    yield served.control
    served.close()


@pytest.fixture(scope="module")
def without_gate() -> Iterator[str]:
    served = Served(gate=False)
    yield served.control
    served.close()
