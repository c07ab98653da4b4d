"""What is explored: processes that take steps, each on some keys; and when two orders are the same trace.

Two steps depend on each other when both touch a key and at least one of them writes it. Orders that differ
only in where independent steps stand are one trace (A. Mazurkiewicz, Trace Theory, 1986): they end in the
same state, so one order of each trace is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, Protocol, TypeVar


class Access(NamedTuple):
    """The keys that a step reads and writes, as bit masks: bit n is the key with number n."""

    reads: int
    writes: int

    def conflicts(self, other: Access) -> bool:
        """Whether the order of two steps with these accesses can matter."""
        return bool(self.writes & (other.reads | other.writes) or other.writes & self.reads)


State = TypeVar("State", bound=Hashable)


class System(Protocol[State]):
    """A closed system of ``processes`` numbered from 0. Executing is deterministic and ends on every path.

    A process's pending step depends on what the process has seen only, never on what others did meanwhile:
    so no step disables another.
    """

    processes: int

    def initial(self) -> State:
        """Where every exploration begins."""

    def pending(self, state: State) -> Sequence[Access | None]:
        """Of each process its pending step's access; None where the process is over."""

    def execute(self, state: State, process: int) -> State:
        """The state after ``process`` took its pending step."""


Visit = Callable[[Sequence[int], State], None]
"""Called with one complete run: which process took each step, and the final state. Copy the run to keep
it."""


class Stopped(Exception):
    """Raised by a visitor to end an exploration before it is complete."""


def canonical(system: System[State], run: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The same value for exactly the runs of one trace: each step's vector clock, process by process.

    Vector clocks of the happens-before relation (Mattern, 1989) determine it, and it determines the trace.
    """
    count = system.processes
    state = system.initial()
    taken: list[tuple[Access, list[int]]] = []
    ranks: list[list[int]] = [[0] * count for _ in range(count)]
    clocks: list[list[tuple[int, ...]]] = [[] for _ in range(count)]
    for process in run:
        access = system.pending(state)[process]
        if access is None:
            raise ValueError(f"process {process} is over and cannot take step {len(taken) + 1}")
        clock = ranks[process][:]
        for earlier, place in taken:
            if access.conflicts(earlier):
                clock = [*map(max, clock, place)]
        clock[process] += 1
        ranks[process] = clock
        taken.append((access, clock))
        clocks[process].append(tuple(clock))
        state = system.execute(state, process)
    return tuple(number for per_process in clocks for number in ((-1,), *per_process))
