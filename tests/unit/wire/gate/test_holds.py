"""Waiting for what the gate holds to change."""

from __future__ import annotations

import asyncio

from devenv.wire.gate.holds import Holds


def test_who_waits_is_answered_when_the_gate_closes() -> None:
    """Else the end of a stack waits for the request of a reader who has left."""

    async def work() -> tuple[int, bool]:
        holds = Holds()
        waiting = asyncio.ensure_future(holds.changed(known=0, seconds=3600))
        await asyncio.sleep(0)
        before = waiting.done()
        holds.close()
        await waiting
        await holds.changed(known=0, seconds=3600)  # nothing changes after the close
        return holds.changes, before

    assert asyncio.run(work()) == (0, False)
