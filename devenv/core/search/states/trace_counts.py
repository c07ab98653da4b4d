"""How many traces come to each end: counted over (state, sleep set), without running them one by one.

A search with sleep sets (P. Godefroid, LNCS 1032, 1996) runs each trace once. How many traces lie below a
state with a sleep set depends on these two alone, so they are counted layer by layer. Places with the same
future are one, and so are states that differ only in which of equal processes is where.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from devenv.core.search.composition import Signal
from devenv.core.search.states.places import Places
from devenv.core.search.states.product_states import End, ProductSearch
from devenv.core.search.system import Access

LOOK_EVERY = 4096
"""Counted pairs between two calls of ``in_time``."""

_Codes = tuple[tuple[int, ...], ...]
"""For each group of processes, sorted: twice the class of the place, plus one for who sleeps."""
_Layer = dict[tuple[int, _Codes], int]
"""How many ways lead to a store's state, with these codes."""


class TooMany(Exception):
    """There are more pairs of state and sleep set than were allowed."""


def count_traces(
    search: ProductSearch, most: int, in_time: Callable[[], None] = lambda: None
) -> dict[End, int]:
    """The number of traces that come to each end of a finished search.

    Raises TooMany where more than ``most`` pairs of state and sleep set would have to be counted, and what
    ``in_time`` raises.
    """
    return _Counting(search, most, in_time).count()


@dataclass(slots=True)
class _Class:
    """Places that do the same from here on, as far as it can happen."""

    place: int
    """The first of them."""
    access: Access | None
    signal: Signal | None
    after: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By the store's state: the class of the next place, and the store's state then."""


@dataclass(slots=True)
class _Classes:
    """The classes of one group's places.

    A place that was never asked for a state of the store cannot meet it: the search has met every step that
    can be taken. So two places that never differ where both were asked are one class.
    """

    places: Places
    affected: bool
    """Signals lead somewhere else from each place, so each is a class of its own."""
    classes: list[_Class] = field(default_factory=list)
    _of_place: dict[int, int] = field(default_factory=dict)
    _by_step: dict[Hashable, list[int]] = field(default_factory=lambda: defaultdict(list))

    def of(self, place: int) -> int:
        """The number of the class of ``place``; the places after it are put into classes first."""
        todo = [place]
        while todo:
            current = todo[-1]
            waiting = [
                after for after, _ in self.places.moves(current).values() if after not in self._of_place
            ]
            if current not in self._of_place and waiting:
                todo += waiting
                continue
            todo.pop()
            if current not in self._of_place:
                self._of_place[current] = self._class_of(current)
        return self._of_place[place]

    def _class_of(self, place: int) -> int:
        step = self.places.step(place)
        after = {
            store: (self._of_place[led], then) for store, (led, then) in self.places.moves(place).items()
        }
        affected = self.affected and step is not None
        key: Hashable = ("place", place) if affected else self.places.shape(place)
        for number in self._by_step[key]:
            known = self.classes[number].after
            if all(known.get(store, led) == led for store, led in after.items()):
                known.update(after)
                return number
        signal = step if isinstance(step, Signal) and step.targets else None
        self.classes.append(_Class(place, self.places.access(place), signal, after))
        self._by_step[key].append(len(self.classes) - 1)
        return len(self.classes) - 1


class _Counting:
    def __init__(self, search: ProductSearch, most: int, in_time: Callable[[], None]) -> None:
        self._search = search
        self._most = most
        self._in_time = in_time
        self._pairs = 0
        targets = search.targets()
        self._affected = {
            target: number
            for number, group in enumerate(search.groups)
            for target in group.processes
            if target in targets
        }
        self._classes = [
            _Classes(group, number in self._affected.values()) for number, group in enumerate(search.groups)
        ]

    def count(self) -> dict[End, int]:
        """Layer by layer: all runs of as many steps."""
        begin = tuple(
            (2 * self._classes[number].of(group.begin()),) * len(group.processes)
            for number, group in enumerate(self._search.groups)
        )
        layer: _Layer = {(self._search.system.initial()[0], begin): 1}
        ends: dict[End, int] = defaultdict(int)
        while layer:
            following: _Layer = defaultdict(int)
            for (store, codes), ways in layer.items():
                self._pairs += 1
                if self._pairs > self._most:
                    raise TooMany
                if self._pairs % LOOK_EVERY == 0:
                    self._in_time()
                over = True
                for after in self._following(store, codes):
                    over = False
                    if after is not None:
                        following[after] += ways
                if over:
                    ends[self._end(store, codes)] += ways
            layer = following
        return dict(ends)

    def _following(self, store: int, codes: _Codes) -> list[tuple[int, _Codes] | None]:
        """What each pending step leads to; None for a process that sleeps, or may only go on asleep.

        Who went before sleeps until a step comes that depends on its own.
        """
        accesses = [
            [self._classes[number].classes[code >> 1].access for code in each]
            for number, each in enumerate(codes)
        ]
        asleep = [[bool(code & 1) for code in each] for each in codes]
        following: list[tuple[int, _Codes] | None] = []
        for number, each in enumerate(codes):
            for position in range(len(each)):
                access = accesses[number][position]
                if access is None:
                    continue
                if asleep[number][position]:
                    following.append(None)
                    continue
                following.append(self._after(store, codes, (number, position), accesses, asleep))
                asleep[number][position] = True
        return following

    def _after(
        self,
        store: int,
        codes: _Codes,
        taker: tuple[int, int],
        accesses: list[list[Access | None]],
        asleep: list[list[bool]],
    ) -> tuple[int, _Codes]:
        group, position = taker
        current = self._classes[group].classes[codes[group][position] >> 1]
        led, changed = current.after[store]
        access = accesses[group][position]
        assert access is not None
        affected = {self._affected[target] for target in current.signal.targets} if current.signal else ()
        moved = []
        for number, each in enumerate(codes):
            after = []
            for place, code in enumerate(each):
                if (number, place) == taker:
                    after.append(2 * led)
                    continue
                pending = accesses[number][place]
                sleeps = asleep[number][place] and pending is not None and not access.conflicts(pending)
                kind = code >> 1
                if current.signal is not None and number in affected:
                    classes = self._classes[number]
                    signalled = classes.places.signalled(classes.classes[kind].place, current.signal.kind)
                    kind = classes.of(signalled)
                after.append(2 * kind + sleeps)
            after.sort()
            moved.append(tuple(after))
        return changed, tuple(moved)

    def _end(self, store: int, codes: _Codes) -> End:
        places = tuple(
            tuple(sorted(self._classes[number].classes[code >> 1].place for code in each))
            for number, each in enumerate(codes)
        )
        return End(store, places)
