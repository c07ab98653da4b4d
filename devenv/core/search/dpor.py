"""One order of every trace: source-DPOR with sleep sets.

Source sets and algorithm 1 of Abdulla, Aronis, Jonsson, Sagonas, "Optimal dynamic partial order reduction",
POPL 2014; races found along each run as in Flanagan and Godefroid, POPL 2005; sleep sets: Godefroid, 1996.
Every trace is run to its end exactly once. A run may also be given up half-way, where all that could go on
sleeps (``blocked``): the price of source sets against the wakeup trees of the same paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic

from devenv.core.search.system import Access, State, System, Visit


@dataclass(slots=True)
class Explored:
    """How many complete runs (one per trace) and runs given up half-way there were."""

    traces: int = 0
    blocked: int = 0


@dataclass(slots=True)
class SourceDpor(Generic[State]):
    """A depth-first search of a system."""

    system: System[State]
    visit: Visit[State]
    """Called with each trace's run; may raise to end the search."""
    explored: Explored = field(default_factory=Explored)
    """The counts so far, also after an end before the end of the search."""
    _run: list[int] = field(default_factory=list)
    _access: list[Access] = field(default_factory=list)
    _clocks: list[list[int]] = field(default_factory=list)
    _backtrack: list[int] = field(default_factory=list)

    def search(self) -> Explored:
        """Explore everything."""
        count = self.system.processes
        self._explore(self.system.initial(), 0, [[0] * count for _ in range(count)])
        return self.explored

    def _explore(self, state: State, sleep: int, clocks: list[list[int]]) -> None:
        """Everything from ``state`` on. ``sleep`` is a mask; ``clocks``: of each one's last step."""
        pending = self.system.pending(state)
        first = -1
        over = True
        for process, access in enumerate(pending):
            if access is not None:
                over = False
                if not sleep >> process & 1:
                    first = process
                    break
        if first < 0:
            if over:
                self.explored.traces += 1
                self.visit(self._run, state)
            else:
                self.explored.blocked += 1
            return
        depth = len(self._run)
        self._backtrack.append(1 << first)
        while todo := self._backtrack[depth] & ~sleep:
            process = (todo & -todo).bit_length() - 1
            access = pending[process]
            assert access is not None
            clock = self._race(process, access, clocks[process])
            reads, writes = access
            asleep = 0
            for other, its in enumerate(pending):
                if sleep >> other & 1 and its is not None:
                    conflict = writes & (its[0] | its[1]) or its[1] & reads
                    if not conflict:
                        asleep |= 1 << other
            before = clocks[process]
            clocks[process] = clock
            self._run.append(process)
            self._access.append(access)
            self._clocks.append(clock)
            self._explore(self.system.execute(state, process), asleep, clocks)
            self._run.pop()
            self._access.pop()
            self._clocks.pop()
            clocks[process] = before
            sleep |= 1 << process
        self._backtrack.pop()

    def _race(self, process: int, access: Access, clock_before: Sequence[int]) -> list[int]:
        """Note for every step that ``process``'s next one races with what else must be tried before it.

        Gives the next step's vector clock.
        """
        reads, writes = access
        both = reads | writes
        clock = [*clock_before]
        run, clocks = self._run, self._clocks
        for step in range(len(run) - 1, -1, -1):
            its_reads, its_writes = self._access[step]
            if not (writes & (its_reads | its_writes) or its_writes & both):
                continue
            racer, its_clock = run[step], clocks[step]
            if its_clock[racer] <= clock[racer]:
                continue  # it happens before a later step that happens before this one: no race
            if racer != process:
                self._reverse(step, process, clock)
            clock = [*map(max, clock, its_clock)]
        clock[process] += 1
        return clock

    def _reverse(self, step: int, process: int, clock: Sequence[int]) -> None:
        """Have something explored before step ``step`` that leads to ``process``'s next step without it.

        ``clock`` is what happens before the next step, as far as steps later than ``step`` tell.
        """
        run, clocks = self._run, self._clocks
        racer, index = run[step], clocks[step][run[step]]
        initials = 0
        seen = 0
        firsts: list[tuple[int, int]] = []  # (process, index) of what begins the sequence without step `at`
        for later in range(step + 1, len(run)):
            its_clock, its_process = clocks[later], run[later]
            if its_clock[racer] >= index or seen >> its_process & 1:
                continue
            seen |= 1 << its_process
            if all(its_clock[other] < number for other, number in firsts):
                initials |= 1 << its_process
            firsts.append((its_process, its_clock[its_process]))
        if not seen >> process & 1 and all(clock[other] < number for other, number in firsts):
            initials |= 1 << process
        if not initials & self._backtrack[step]:
            self._backtrack[step] |= initials & -initials
