"""One run that comes to an end which a search over product states has met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from devenv.core.search.composition import Signal
from devenv.core.search.states.places import Places
from devenv.core.search.states.product_states import End, Origin, ProductSearch

_Moment = tuple[int, int]
"""The number of a phase, and a place."""


@dataclass(slots=True)
class _Path:
    """One process on its way through the phases: between two changes of the store lies a phase."""

    process: int
    group: int
    places: int
    """The set in which it can be by now, as the search has it."""
    changes: dict[int, tuple[int, int]] = field(default_factory=dict)
    """The phases that it ends itself: from which place, and to which."""
    signals: dict[int, str] = field(default_factory=dict)
    """The phases at whose end something happens to it."""


def run_to(search: ProductSearch, end: End) -> tuple[int, ...]:
    """The processes in the order in which they take their steps, so that ``end`` is reached.

    The store changes as it did when the search first met the end; where a process may take a step that leaves
    the store alone in several phases, it takes it in the first.
    """
    origins = search.ways_back(search.ends[end])
    store = search.system.initial()[0]
    stores = [store, *(origin.change.store for origin in origins)]
    paths = [
        _Path(process, number, search.closed(number, 1 << group.begin(), store))
        for number, group in enumerate(search.groups)
        for process in group.processes
    ]
    writers = [_advance(search, paths, phase, origin) for phase, origin in enumerate(origins)]
    targets = [[*places] for places in end.places]
    taken: list[dict[int, int]] = [{} for _ in stores]
    for path in paths:
        _place(search, path, stores, targets[path.group], taken)
    run: list[int] = []
    for phase, steps in enumerate(taken):
        for process in sorted(steps):
            run += [process] * steps[process]
        if phase < len(writers):
            run.append(writers[phase])
    return tuple(run)


def _advance(search: ProductSearch, paths: list[_Path], phase: int, origin: Origin) -> int:
    """Move every process over the change at the end of ``phase``; the process that makes it."""
    change = origin.change
    writer = next(path for path in paths if path.group == origin.group and path.places == origin.places)
    for path in paths:
        if path is writer:
            path.changes[phase] = (change.place, change.after)
            path.places = 1 << change.after
        elif change.signal is not None and path.process in change.signal.targets:
            path.signals[phase] = change.signal.kind
            path.places = search.signalled(path.group, path.places, change.signal.kind)
        path.places = search.closed(path.group, path.places, change.store)
    return writer.process


def _place(
    search: ProductSearch, path: _Path, stores: list[int], targets: list[int], taken: list[dict[int, int]]
) -> None:
    """Choose in which phase a process takes its other steps, so that it ends at one of ``targets``.

    That target is taken off the list, and the steps are added to ``taken``.
    """
    group = search.groups[path.group]
    begin: _Moment = (0, group.begin())
    before: dict[_Moment, tuple[_Moment, bool] | None] = {begin: None}
    todo = [begin]
    for moment in todo:  # grows
        for led, step_taken in _following(group, path, stores, moment):
            if led not in before:
                before[led] = (moment, step_taken)
                todo.append(led)
    last = len(stores) - 1
    target = next(place for place in targets if (last, place) in before)
    targets.remove(target)
    here: _Moment = (last, target)
    while (origin := before[here]) is not None:
        here, step_taken = origin
        if step_taken:
            steps = taken[here[0]]
            steps[path.process] = steps.get(path.process, 0) + 1


def _following(
    group: Places, path: _Path, stores: list[int], moment: _Moment
) -> Iterator[tuple[_Moment, bool]]:
    """Where a process can be next: after a step of its own, or (False) in the next phase."""
    phase, place = moment
    step = group.step(place)
    if step is not None and not (isinstance(step, Signal) and step.targets):
        after, store = group.move(place, stores[phase])
        if store == stores[phase]:
            yield (phase, after), True
    if phase + 1 == len(stores):
        return
    if phase in path.changes:
        if path.changes[phase][0] == place:
            yield (phase + 1, path.changes[phase][1]), False
    elif phase in path.signals:
        yield (phase + 1, group.signalled(place, path.signals[phase])), False
    else:
        yield (phase + 1, place), False
