"""The shortest run with a property, and the fewest processes that can show it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Generic, TypeAlias, TypeVar

from devenv.core.search.system import State, System

Kind = TypeVar("Kind", bound=Hashable)
Canonical: TypeAlias = Callable[[State, int], Hashable]
"""Equal for states, each with the process that took the last step (-1: none), that nothing tells apart but
which of interchangeable processes is where.
"""


_Step: TypeAlias = tuple[int, int]
"""The process that took the last step (-1: none), and the index of the place before, one layer up."""


@dataclass(slots=True)
class _Layer(Generic[State]):
    """Places that are reached with as many steps; of states that are canonically equal one."""

    states: list[State] = field(default_factory=list)
    switches: list[int] = field(default_factory=list)
    """On the way to each of them."""
    steps: list[_Step] = field(default_factory=list)
    """How each was reached last."""
    _index: dict[Hashable, int] = field(default_factory=dict)

    def reach(self, form: Hashable, state: State, switches: int, step: _Step) -> None:
        """Keep the way with the fewest switches to a canonical ``form``, of as good ones the first."""
        index = self._index.setdefault(form, len(self.states))
        if index == len(self.states):
            self.states.append(state)
            self.switches.append(switches)
            self.steps.append(step)
        elif switches < self.switches[index]:
            self.states[index], self.switches[index], self.steps[index] = state, switches, step


@dataclass(frozen=True, slots=True)
class Witness:
    """A complete run."""

    run: tuple[int, ...]
    switches: int
    """How often another process than the last one goes on."""


class TooLarge(Exception):
    """The graph of states has more places than were allowed."""


def shortest_runs(
    system: System[State],
    kinds: Callable[[State], Iterable[Kind]],
    most_places: int,
    number: int | None = None,
    canonical: Canonical[State] = lambda state, last: (state, last),
) -> dict[Kind, Witness]:
    """For every kind that some final state has, a run with the fewest steps and among these switches.

    ``kinds`` says what a final state shows, ``number`` how many kinds are to be found, if that is known. Goes
    through the graph of (state, last process) by breadth, equal ones by ``canonical`` once; where two runs
    are as good, always gives the same one. Raises TooLarge beyond ``most_places``.
    """
    witnesses: dict[Kind, Witness] = {}
    layer: _Layer[State] = _Layer()
    layer.reach(None, system.initial(), 0, (-1, 0))
    steps = [layer.steps]
    places = 1
    while layer.states and len(witnesses) != number:
        following: _Layer[State] = _Layer()
        best: dict[Kind, int] = {}
        for index, (state, switches) in enumerate(zip(layer.states, layer.switches, strict=True)):
            over = True
            last = layer.steps[index][0]
            for process, access in enumerate(system.pending(state)):
                if access is None:
                    continue
                over = False
                led = system.execute(state, process)
                cost = switches + (last not in (-1, process))
                following.reach(canonical(led, process), led, cost, (process, index))
            if over:
                for kind in kinds(state):
                    if kind not in witnesses and switches < layer.switches[best.setdefault(kind, index)]:
                        best[kind] = index
        for kind, index in best.items():
            if kind not in witnesses:
                witnesses[kind] = Witness(_way_to(index, steps), layer.switches[index])
        places += len(following.states)
        if places > most_places:
            raise TooLarge(f"more than {most_places} places")
        layer = following
        steps.append(layer.steps)
    return witnesses


def _way_to(index: int, steps: Sequence[Sequence[_Step]]) -> tuple[int, ...]:
    run = []
    for layer in reversed(steps):
        process, index = layer[index]
        if process >= 0:
            run.append(process)
    return tuple(reversed(run))


def smaller_selections(names: Sequence[Hashable]) -> list[tuple[int, ...]]:
    """The indices of every non-empty selection of ``names``, small ones first; equal selections once."""
    chosen: dict[tuple[Hashable, ...], tuple[int, ...]] = {}
    for size in range(1, len(names) + 1):
        for selection in combinations(range(len(names)), size):
            chosen.setdefault(tuple(names[index] for index in selection), selection)
    return [*chosen.values()]
