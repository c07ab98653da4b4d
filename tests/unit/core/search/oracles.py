"""What the searches are checked against: exact counts from the graph of states, and the naive search."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from devenv.core.search.system import State, System, Visit


class SleepCount(NamedTuple):
    """Runs of a search with sleep sets only: complete (one per trace) and given up half-way."""

    traces: int
    blocked: int


def count_interleavings(system: System[State]) -> int:
    """How many orders naive enumeration would run. Recursion is as deep as the longest run."""
    known: dict[State, int] = {}

    def count(state: State) -> int:
        result = known.get(state)
        if result is None:
            enabled = [process for process, access in enumerate(system.pending(state)) if access is not None]
            result = sum(count(system.execute(state, process)) for process in enabled) if enabled else 1
            known[state] = result
        return result

    return count(system.initial())


def count_traces(system: System[State]) -> SleepCount:
    """How many traces there are, by sleep sets over (state, sleep set) (Godefroid, 1996)."""
    known: dict[tuple[State, int], SleepCount] = {}

    def count(state: State, sleep: int) -> SleepCount:
        result = known.get((state, sleep))
        if result is None:
            result = known[state, sleep] = _sum_over_awake(system, state, sleep, count)
        return result

    return count(system.initial(), 0)


def _sum_over_awake(
    system: System[State], state: State, sleep: int, count: Callable[[State, int], SleepCount]
) -> SleepCount:
    pending = system.pending(state)
    traces = blocked = 0
    awake = False
    for process, access in enumerate(pending):
        if access is None or sleep >> process & 1:
            continue
        awake = True
        asleep = 0
        for other, its in enumerate(pending):
            if sleep >> other & 1 and its is not None and not access.conflicts(its):
                asleep |= 1 << other
        below = count(system.execute(state, process), asleep)
        traces += below.traces
        blocked += below.blocked
        sleep |= 1 << process
    if awake:
        return SleepCount(traces, blocked)
    return SleepCount(1, 0) if not any(pending) else SleepCount(0, 1)


def enumerate_all(system: System[State], visit: Visit[State]) -> None:
    """Every order, whether or not it differs: the naive search. For small systems."""
    run: list[int] = []

    def explore(state: State) -> None:
        enabled = [process for process, access in enumerate(system.pending(state)) if access is not None]
        if not enabled:
            visit(run, state)
        for process in enabled:
            run.append(process)
            explore(system.execute(state, process))
            run.pop()

    explore(system.initial())
