"""The shortest run with a property, and the fewest processes that can show it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias, TypeVar

from devenv.core.search.system import State, System

Kind = TypeVar("Kind", bound=Hashable)
_Layer: TypeAlias = dict[tuple[State, int], tuple[int, tuple[State, int] | None]]
"""Places that are reached with as many steps: switches so far, and the place before."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A complete run."""

    run: tuple[int, ...]
    switches: int
    """How often another process than the last one goes on."""


class TooLarge(Exception):
    """The graph of states has more places than were allowed."""


def shortest_runs(
    system: System[State], kinds: Callable[[State], Iterable[Kind]], most_places: int
) -> dict[Kind, Witness]:
    """For every kind that some final state has, a run with the fewest steps and among these switches.

    ``kinds`` says what a final state shows. Goes through the graph of (state, last process) by breadth; where
    two runs are as good, always gives the same one. Raises TooLarge beyond ``most_places``.
    """
    witnesses: dict[Kind, Witness] = {}
    start: tuple[State, int] = (system.initial(), -1)
    layers: list[_Layer[State]] = [{start: (0, None)}]
    places = 1
    while layers[-1]:
        following: _Layer[State] = {}
        best: dict[Kind, tuple[int, tuple[State, int]]] = {}
        for place, (switches, _) in layers[-1].items():
            state, last = place
            over = True
            for process, access in enumerate(system.pending(state)):
                if access is None:
                    continue
                over = False
                led = (system.execute(state, process), process)
                cost = switches + (last not in (-1, process))
                if led not in following or cost < following[led][0]:
                    following[led] = (cost, place)
            if over:
                for kind in kinds(state):
                    if kind not in witnesses and (kind not in best or switches < best[kind][0]):
                        best[kind] = (switches, place)
        for kind, (switches, place) in best.items():
            witnesses[kind] = Witness(_way_to(place, layers), switches)
        places += len(following)
        if places > most_places:
            raise TooLarge(f"more than {most_places} places")
        layers.append(following)
    return witnesses


def _way_to(place: tuple[State, int], layers: Sequence[_Layer[State]]) -> tuple[int, ...]:
    run = []
    here: tuple[State, int] | None = place
    for layer in reversed(layers):
        assert here is not None
        if here[1] >= 0:
            run.append(here[1])
        here = layer[here][1]
    return tuple(reversed(run))


def smaller_selections(names: Sequence[Hashable]) -> list[tuple[int, ...]]:
    """The indices of every non-empty selection of ``names``, small ones first; equal selections once."""
    chosen: dict[tuple[Hashable, ...], tuple[int, ...]] = {}
    for size in range(1, len(names) + 1):
        for selection in combinations(range(len(names)), size):
            chosen.setdefault(tuple(names[index] for index in selection), selection)
    return [*chosen.values()]
