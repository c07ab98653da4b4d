"""Everything that processes can come to, without going through every order.

A step that leaves the store as it is concerns only its own process: it may as well be taken later, or not
at all. So the state of a search is the store and, for each process, the *set* of places where it can be by
now; every combination of these places is reached by some order. Only steps that change the store (or affect
other processes) lead to another such product state. This Cartesian form is exact here, not an approximation
as in A. Malkis, A. Podelski, A. Rybalchenko, "Thread-modular verification is Cartesian abstract
interpretation", ICTAC 2006. Processes of one group are interchangeable: of states that differ only in which
of them is where, one is kept (E. Clarke, R. Enders, T. Filkorn, S. Jha, "Exploiting symmetry in temporal
logic model checking", 1996).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple, TypeAlias

from devenv.core.model.errors import Inconclusive
from devenv.core.search.composition import Composition, PackedState, Signal
from devenv.core.search.states.places import Missing, NotKnown, Places, Question, Split, Tests
from devenv.core.spec.learned_scripts import ScriptCall

_PART_BITS = 60
_PART = (1 << _PART_BITS) - 1
MAX_STATES = 1_000_000
"""Product states; each takes some 300 bytes."""

Sets: TypeAlias = tuple[tuple[int, ...], ...]
"""For each group the sets of its processes, sorted; bit n of a set is the group's place with number n."""


class Change(NamedTuple):
    """A step with which a product state ends."""

    place: int
    """Where the process is that takes it."""
    after: int
    """Where the step leads it."""
    store: int
    """The number of the store's state after it."""
    signal: Signal | None


class Origin(NamedTuple):
    """How a product state was reached first."""

    before: int
    """The number of the state before it."""
    group: int
    places: int
    """The set of the process that took the step."""
    change: Change


class End(NamedTuple):
    """One way in which everything is over."""

    store: int
    """The number of the store's state."""
    places: tuple[tuple[int, ...], ...]
    """For each group the places of its processes, sorted."""


def members(places: int) -> Iterator[int]:
    """The places of a set, in order."""
    first = 0
    while places:  # a part at a time: an operation on a set of thousands of places takes long
        part = places & _PART
        while part:
            low = part & -part
            yield first + low.bit_length() - 1
            part ^= low
        places >>= _PART_BITS
        first += _PART_BITS


@dataclass(slots=True)
class _Closures:
    """Of a group, in one state of the store: what each place reaches by steps that leave it as it is."""

    alone: int = 0
    """The places that reach nothing but themselves."""
    reached: dict[int, int] = field(default_factory=dict)
    """By the place."""
    unknown: int = 0
    """The places of which not everything is known; all of that was asked."""


class ProductSearch:
    """Goes through the product states of ``system``; ``groups`` gives each process the number of its group.

    ``go_on`` until it says that it is at the end, then take ``questions``, see to it that they can be
    answered, and go on. Processes of one group must do the same on the same replies and leave no name of
    their own.
    ``merge``: whether nodes with the same future are one place. That takes more questions and far fewer
    states.
    """

    def __init__(self, system: Composition, groups: Sequence[int], *, merge: bool) -> None:
        self.system = system
        self._numbers = sorted(dict.fromkeys(groups))
        self._processes = [
            tuple(process for process, group in enumerate(groups) if group == number)
            for number in self._numbers
        ]
        self._group_of = [self._numbers.index(group) for group in groups]
        self._missing = Missing()
        self._tests = Tests()
        self.merges = merge
        """Whether nodes with the same future are one place."""
        self.restart()

    def restart(self) -> None:
        """Forget what was concluded; what was learned stays."""
        self.groups = tuple(
            Places(self.system, processes, self._missing, self._tests, merge=self.merges)
            for processes in self._processes
        )
        self._closed: dict[tuple[int, int, int], int] = {}
        self._closures: dict[tuple[int, int], _Closures] = {}
        self._changes: dict[tuple[int, int, int], tuple[Change, ...]] = {}
        self._over: dict[tuple[int, int], tuple[int, ...]] = {}
        self.forget_states()

    def forget_states(self) -> None:
        """Forget which states were reached; what is known of places stays."""
        self._states: dict[tuple[int, Sets], int] = {}
        self._origins: list[Origin | None] = []
        self._steps: deque[tuple[int, Sets]] = deque()
        self._open: list[tuple[int, Sets]] = []
        self._ended: dict[tuple[int, tuple[tuple[tuple[int, ...], ...], ...]], None] = {}
        self.ends: dict[End, int] = {}
        """Every end that was met, with the number of the first product state that has it."""

    @property
    def states(self) -> int:
        """How many product states were reached."""
        return len(self._states)

    def go_on(self, most: int) -> bool:
        """Take a bounded number of states; False where there are more. Raises Inconclusive for too many."""
        try:
            if not self._states and not self._begin():
                return True
            for _ in range(most):
                if not self._steps:
                    break
                state = self._steps.popleft()
                try:
                    self._expand(state)
                except NotKnown:
                    self._open.append(state)
        except Split:
            self.restart()
            return False
        return not self._steps

    def questions(self) -> tuple[tuple[Question, ...], tuple[ScriptCall, ...]]:
        """What must be known to go on, each question once, and which runs of scripts must be.

        Neither: everything is known. What was left open is then tried again.
        """
        self._steps.extend(self._open)
        self._open.clear()
        for closures in self._closures.values():
            closures.unknown = 0
        for group in self.groups:
            group.ask_again()
        return self._missing.take()

    def packed(self, end: End) -> PackedState:
        """An end as the system's own state: the processes of a group in the order of their places."""
        nodes = [0] * self.system.processes
        for group, places in zip(self.groups, end.places, strict=True):
            for process, place in zip(group.processes, places, strict=True):
                nodes[process] = self.system.as_process(group.node(place), process)
        return (end.store, *nodes)

    def targets(self) -> frozenset[int]:
        """The processes that signals affect."""
        begins = (self.system.step_of(node) for node in self.system.initial()[1:])
        return frozenset(target for step in begins if isinstance(step, Signal) for target in step.targets)

    def ways_back(self, number: int) -> list[Origin]:
        """How the product state with this number was reached, from the beginning."""
        steps = []
        while (origin := self._origins[number]) is not None:
            steps.append(origin)
            number = origin.before
        return steps[::-1]

    def closed(self, number: int, places: int, store: int) -> int:
        """A set with all that its process reaches by steps that leave the store as it is. Raises NotKnown."""
        known = self._closed.get((number, places, store))
        if known is not None:
            return known
        reached, complete = self.closed_as_known(number, places, store)
        if not complete:
            raise NotKnown
        self._closed[number, places, store] = reached
        return reached

    def closed_as_known(self, number: int, places: int, store: int) -> tuple[int, bool]:
        """``closed``, without the places of which not everything is known, and whether there are none.

        What is not known is asked.
        """
        closures = self._closures.get((number, store))
        if closures is None:
            closures = self._closures[number, store] = _Closures()
        reached = places & closures.alone
        unknown = places & closures.unknown
        complete = not unknown
        for place in members(places & ~(reached | unknown)):
            led = closures.reached.get(place)
            if led is None:
                led = self._reached_from(closures, number, place, store)
            reached |= led
            complete = complete and led != 0
        return reached, complete

    def _reached_from(self, closures: _Closures, number: int, place: int, store: int) -> int:
        """``closed`` of one place. Nothing where that is not known: what is missing is asked then."""
        group = self.groups[number]
        todo = [place]
        reached = 1 << place
        missing = False
        while todo:
            current = todo.pop()
            step = group.step(current)
            if step is None or (isinstance(step, Signal) and step.targets):
                continue
            try:
                after, changed = group.move(current, store)
            except NotKnown:
                missing = True
                continue
            if changed == store and not reached >> after & 1:
                reached |= 1 << after
                todo.append(after)
        if missing:
            closures.unknown |= 1 << place
            return 0
        closures.reached[place] = reached
        if reached == 1 << place:
            closures.alone |= reached
        return reached

    def signalled(self, number: int, places: int, kind: str) -> int:
        """Where a signal leads who can be at ``places``."""
        group = self.groups[number]
        led = 0
        for place in members(places):
            led |= 1 << group.signalled(place, kind)
        return led

    def _begin(self) -> bool:
        store = self.system.initial()[0]
        try:
            sets = [
                (self.closed(number, 1 << group.begin(), store),) * len(group.processes)
                for number, group in enumerate(self.groups)
            ]
        except NotKnown:
            return False
        self._reach(store, tuple(sets), None)
        return True

    def _expand(self, state: tuple[int, Sets]) -> None:
        """Every state that one change leads to. Raises NotKnown after all that is known was reached."""
        store, sets = state
        number = self._states[state]
        missing = False
        for group, each in enumerate(sets):
            for position, places in enumerate(each):
                if position and places == each[position - 1]:
                    continue
                try:
                    changes = self.changes_of(group, places, store)
                except NotKnown:
                    missing = True
                    continue
                others = each[:position] + each[position + 1 :]
                for change in changes:
                    try:
                        after = self._after(sets, group, others, change)
                    except NotKnown:
                        missing = True
                    else:
                        self._reach(change.store, after, Origin(number, group, places, change))
        if missing:
            raise NotKnown

    def _after(self, sets: Sets, group: int, others: tuple[int, ...], change: Change) -> Sets:
        """The sets after a change: all that read may see the new store."""
        moved = []
        missing = False
        for number, each in enumerate(sets):
            kept = others if number == group else self._affected(number, each, change.signal)
            if number == group:
                kept = (*kept, 1 << change.after)
            closed = []
            for places in kept:
                try:
                    closed.append(self.closed(number, places, change.store))
                except NotKnown:
                    missing = True
            closed.sort()
            moved.append(tuple(closed))
        if missing:
            raise NotKnown
        return tuple(moved)

    def _affected(self, number: int, each: tuple[int, ...], signal: Signal | None) -> tuple[int, ...]:
        if signal is None or not any(self._group_of[target] == number for target in signal.targets):
            return each
        [places] = each  # who is affected is a group of its own
        return (self.signalled(number, places, signal.kind),)

    def changes_of(self, number: int, places: int, store: int) -> tuple[Change, ...]:
        """Every step from a closed set that changes the store or is a signal. Raises NotKnown."""
        known = self._changes.get((number, places, store))
        if known is not None:
            return known
        group = self.groups[number]
        changes: dict[tuple[int, int], Change] = {}
        for place in members(places):
            step = group.step(place)
            if step is None:
                continue
            after, changed = group.move(place, store)
            signal = step if isinstance(step, Signal) and step.targets else None
            if changed != store or signal is not None:
                changes.setdefault((after, changed), Change(place, after, changed, signal))
        all_changes = self._changes[number, places, store] = tuple(changes.values())
        return all_changes

    def _reach(self, store: int, sets: Sets, origin: Origin | None) -> None:
        state = (store, sets)
        if state in self._states:
            return
        number = len(self._states)
        if number >= MAX_STATES:
            raise Inconclusive(
                f"there are more than {MAX_STATES} product states; this is too large for the learned mode",
                hint="explore fewer requests, or use --mode direct with a --budget",
            )
        self._states[state] = number
        self._origins.append(origin)
        self._steps.append(state)
        self._end(number, store, sets)

    def _end(self, number: int, store: int, sets: Sets) -> None:
        """Note the ends that this state has: each combination of places at which all are over."""
        over = tuple(
            tuple(sorted(self.over_in(group, places) for places in each)) for group, each in enumerate(sets)
        )
        if any(not places for each in over for places in each) or (store, over) in self._ended:
            return
        self._ended[store, over] = None
        for combined in product(*map(choices, over)):
            self.ends.setdefault(End(store, combined), number)

    def over_in(self, number: int, places: int) -> tuple[int, ...]:
        """The places of a set at which the process is over."""
        known = self._over.get((number, places))
        if known is None:
            group = self.groups[number]
            known = tuple(place for place in members(places) if group.step(place) is None)
            self._over[number, places] = known
        return known


def choices(each: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    """Every choice of one place a process, as sorted places, each once."""
    chosen: dict[tuple[int, ...], None] = {(): None}
    for places in each:
        chosen = {tuple(sorted((*before, place))): None for before in chosen for place in places}
    return tuple(chosen)
