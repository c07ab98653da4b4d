"""Other ways to choose orders than one of each trace: few preemptions, or by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from devenv.core.search.system import Access, State, System, Visit

if TYPE_CHECKING:
    from random import Random


def enumerate_preemptions(system: System[State], limit: int, visit: Visit[State]) -> None:
    """Every order with at most ``limit`` preemptions: switches away from a process that could go on.

    Most races need few (Musuvathi and Qadeer, "Iterative context bounding", PLDI 2007). Not reduced to one
    order per trace: with a bound, leaving out orders that are equal otherwise can leave out traces.
    """
    run: list[int] = []

    def explore(state: State, last: int, left: int) -> None:
        enabled = _enabled(system.pending(state))
        if not enabled:
            visit(run, state)
        goes_on = last in enabled
        for process in enabled:
            cost = 1 if goes_on and process != last else 0
            if cost <= left:
                run.append(process)
                explore(system.execute(state, process), process, left - cost)
                run.pop()

    explore(system.initial(), -1, limit)


def walk(system: System[State], random: Random) -> tuple[list[int], State]:
    """One run in which every choice is by chance, each pending step as likely; with its final state."""
    run: list[int] = []
    state = system.initial()
    while enabled := _enabled(system.pending(state)):
        process = random.choice(enabled)
        run.append(process)
        state = system.execute(state, process)
    return run, state


def _enabled(pending: Sequence[Access | None]) -> list[int]:
    return [process for process, access in enumerate(pending) if access is not None]
