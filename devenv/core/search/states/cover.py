"""Everything that many requests can come to at most, where there are too many states to go through them all.

An upper bound: each end that some order reaches is covered; what is covered need not be reachable. So what is
not covered cannot happen, and what is covered must be shown by a run. As ``product_states`` it keeps the set
of places where each process can be by now, but one set for all histories that lead to the same store, with
processes that last took the same step of their own (the Cartesian abstraction of A. Malkis, A. Podelski,
A. Rybalchenko, "Thread-modular verification is Cartesian abstract interpretation", ICTAC 2006, with a finite
key that keeps histories apart; P. Cousot, R. Cousot, "Abstract interpretation", POPL 1977).

Once more answers are graded than a session takes, its end is judged by few facts, for instance whether any
request was told success. From there on it is only kept how many requests have not changed the store yet
("late" covers), not which have.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple, TypeAlias

from devenv.core.search.states.places import NotKnown
from devenv.core.search.states.product_states import Change, End, ProductSearch, choices

MAX_COVERS = 100_000
"""This many keys at most; each takes some 500 bytes."""
MAX_ENDS = 200_000
"""This many ends of early covers at most."""
REQUEST_SETS = 2
"""Sets of a late cover for a group of requests."""

Origins: TypeAlias = tuple[tuple[int, ...], ...]
"""For each group the places where its processes came to by their last change of the store, sorted."""


class Early(NamedTuple):
    """Few answers were graded: every process is kept apart."""

    store: int
    origins: Origins


class Late(NamedTuple):
    """More answers were graded than a session takes."""

    store: int
    fresh: int
    """How many requests have not changed the store yet."""
    ended: bool
    """Whether an answer or an event surely ended the session."""
    events: Origins
    """The origins of the groups that are no requests."""


Sets: TypeAlias = tuple[tuple[int, ...], ...]
"""Of an early cover: for each group, for each different origin, a set of places. Of a late one: for each
group the set of the requests that have not changed the store yet, and that of the others."""


class TooWide(Exception):
    """There are more covers or ends than were allowed."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What ends mean, by ``Composition.end_of``."""

    limit: int
    """Graded answers that a session takes; over 0."""
    graded: Callable[[int, Hashable], bool]
    """Whether a process of this number that ends so was given a graded answer."""
    ends: Callable[[int, Hashable], bool]
    """Whether such an end shows that the session is over: a success, the last attempt, an expiry."""
    request: Callable[[int], bool]
    """Whether a process of this number is a request."""


@dataclass(slots=True)
class Bound:
    """What was covered."""

    ends: set[End] = field(default_factory=set)
    """Ends with few graded answers."""
    answers: set[tuple[int, int]] = field(default_factory=set)
    """Of all other ends the answers that there can be, each as the number of a group and a place of it."""
    finals: set[tuple[int, bool, Origins]] = field(default_factory=set)
    """And how they can leave everything: the store, whether the session surely ended, the events."""


class Cover:
    """Covers the system of ``search``, with its places; ``go_on`` and its ``questions`` as there."""

    def __init__(self, search: ProductSearch, meaning: Meaning) -> None:
        self._search = search
        self._meaning = meaning
        self._sets: dict[Early | Late, Sets] = {}
        self._todo: dict[Early | Late, None] = {}
        self._open: dict[Early | Late, None] = {}
        self._sure: dict[tuple[int, int, bool], bool] = {}
        self._begins: tuple[int, ...] = ()
        self._is_request = [meaning.request(group.processes[0]) for group in search.groups]

    def __len__(self) -> int:
        return len(self._sets)

    def restart(self) -> None:
        """Forget what was covered: places were told apart, or an answer is less sure than thought."""
        self._sets.clear()
        self._todo.clear()
        self._open.clear()
        self._sure.clear()

    def ask_again(self) -> None:
        """Something was learned: take up again what was left open."""
        self._todo.update(self._open)
        self._open.clear()

    def go_on(self, most: int) -> bool:
        """Take a bounded number of covers; False where there are more. Raises NotKnown, Split and TooWide."""
        if not self._sets:
            self._begin()
        for _ in range(most):
            if not self._todo:
                break
            key = next(iter(self._todo))
            del self._todo[key]
            try:
                if isinstance(key, Early):
                    self._expand_early(key)
                else:
                    self._expand_late(key)
            except NotKnown:
                self._open[key] = None
        if self._todo:
            return False
        if not self._open and self._less_sure():
            self.restart()
            return False
        return True

    def bound(self) -> Bound:
        """What was covered, once there is nothing more. Raises TooWide."""
        bound = Bound()
        for key, sets in self._sets.items():
            if isinstance(key, Late):
                self._bound_late(key, sets, bound)
                continue
            over = [
                tuple(self._search.over_in(number, dict(_parts(origins, each))[origin]) for origin in origins)
                for number, (origins, each) in enumerate(zip(key.origins, sets, strict=True))
            ]
            bound.ends.update(End(key.store, combined) for combined in product(*map(choices, over)))
            if len(bound.ends) > MAX_ENDS:
                raise TooWide
        return bound

    def _bound_late(self, key: Late, sets: Sets, bound: Bound) -> None:
        over = [[self._search.over_in(number, places) for places in each] for number, each in enumerate(sets)]
        bound.answers.update(
            (number, place) for number, each in enumerate(over) for places in each for place in places
        )
        changed = all(
            each[-1] or not places[-1] for each, places in zip(over, sets, strict=True)
        )  # all that changed the store can be over now
        unchanged = not key.fresh or any(each[0] for each in over if len(each) == REQUEST_SETS)
        if changed and unchanged:
            bound.finals.add((key.store, key.ended, key.events))

    # --- early ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        groups = self._search.groups
        self._begins = tuple(group.begin() for group in groups)
        origins = tuple(
            (begin,) * len(group.processes) for begin, group in zip(self._begins, groups, strict=True)
        )
        store = self._search.system.initial()[0]
        sets = tuple(
            (self._search.closed(number, 1 << begin, store),) for number, begin in enumerate(self._begins)
        )
        self._join(Early(store, origins), sets)

    def _expand_early(self, key: Early) -> None:
        """Every change from every set; what is known is covered before NotKnown is raised."""
        missing = False
        for number, (origins, each) in enumerate(zip(key.origins, self._sets[key], strict=True)):
            for origin, places in _parts(origins, each):
                try:
                    for change in self._search.changes_of(number, places, key.store):
                        self._change_early(key, number, origin, change)
                except NotKnown:
                    missing = True
        if missing:
            raise NotKnown

    def _change_early(self, key: Early, taker: int, origin: int, change: Change) -> None:
        moved = []
        led: list[list[int]] = []
        for number, (origins, each) in enumerate(zip(key.origins, self._sets[key], strict=True)):
            places = dict(_parts(origins, each))
            places = {begun: self._affected(number, place, change) for begun, place in places.items()}
            after = [*origins]
            if number == taker:
                after.remove(origin)
                if origin not in after:
                    del places[origin]
                after.append(change.after)
                places[change.after] = places.get(change.after, 0) | 1 << change.after
            moved.append(tuple(sorted(after)))
            led.append([places[begun] for begun in sorted(places)])
        sets = self._closed(led, change.store)
        after_key = Early(change.store, tuple(moved))
        if self._graded(after_key.origins) > self._meaning.limit:
            self._join(*self._as_late(after_key, sets))
        else:
            self._join(after_key, sets)

    def _affected(self, number: int, places: int, change: Change) -> int:
        signal = change.signal
        if signal is None or not set(signal.targets) & set(self._search.groups[number].processes):
            return places
        return self._search.signalled(number, places, signal.kind)

    def _as_late(self, key: Early, sets: Sets) -> tuple[Late, Sets]:
        fresh = 0
        events: list[tuple[int, ...]] = []
        joined: list[tuple[int, ...]] = []
        ended = False
        for number, (origins, each) in enumerate(zip(key.origins, sets, strict=True)):
            begin = self._begins[number]
            ended = ended or any(self._surely(number, origin, graded=False) for origin in origins)
            if not self._is_request[number]:
                events.append(origins)
                joined.append((each[0],))
                continue
            fresh += origins.count(begin)
            places = dict(_parts(origins, each))
            others = 0
            for origin, led in places.items():
                others |= led if origin != begin else 0
            joined.append((places.get(begin, 0), others))
        return Late(key.store, fresh, ended, tuple(events)), tuple(joined)

    # --- late -----------------------------------------------------------------------------------------------

    def _expand_late(self, key: Late) -> None:
        """Every change from every set. What leads to one cover is put together before it is closed."""
        missing = False
        led: dict[Late, list[list[int]]] = {}
        for number, each in enumerate(self._sets[key]):
            for part, places in enumerate(each):
                try:
                    for change in self._search.changes_of(number, places, key.store):
                        self._change_late(key, number, part, change, led)
                except NotKnown:
                    missing = True
        for after, sets in led.items():
            try:
                self._join(after, self._closed(sets, after.store, self._sets.get(after)))
            except NotKnown:
                missing = True
        if missing:
            raise NotKnown

    def _change_late(
        self, key: Late, taker: int, part: int, change: Change, led: dict[Late, list[list[int]]]
    ) -> None:
        """Add to ``led`` where a change leads: the sets, not closed yet."""
        request = self._is_request[taker]
        fresh = key.fresh - (request and part == 0)
        events = key.events
        if not request:
            others = [number for number, is_request in enumerate(self._is_request) if not is_request]
            index = others.index(taker)
            events = (*events[:index], (change.after,), *events[index + 1 :])
        ended = key.ended or self._surely(taker, change.after, graded=False)
        after = Late(change.store, fresh, ended, events)
        known = led.get(after)
        if known is None or change.signal is not None:
            sets = [
                # Of several processes that can be there some are affected, others are not.
                [places | self._affected(number, places, change) for places in each]
                for number, each in enumerate(self._sets[key])
            ]
            for each in sets if not fresh else ():
                if len(each) == REQUEST_SETS:
                    each[0] = 0
            if not request:
                sets[taker][-1] = 0
            known = led[after] = sets if known is None else _joined(known, sets)
        known[taker][-1] |= 1 << change.after

    # --- both -----------------------------------------------------------------------------------------------

    def _closed(self, led: Sequence[Sequence[int]], store: int, known: Sets | None = None) -> Sets:
        """Each set with all that is reached without a change; ``known`` are closed already, and left out.

        Raises NotKnown, after all was asked.
        """
        closed = []
        missing = False
        for number, each in enumerate(led):
            reached = []
            for index, places in enumerate(each):
                new = places & ~known[number][index] if known is not None else places
                try:
                    reached.append(self._search.closed(number, new, store) if new else 0)
                except NotKnown:
                    missing = True
            closed.append(tuple(reached))
        if missing:
            raise NotKnown
        return tuple(closed)

    def _join(self, key: Early | Late, sets: Sets) -> None:
        known = self._sets.get(key)
        if known is not None:
            if all(
                not other & ~one
                for each, others in zip(known, sets, strict=True)
                for one, other in zip(each, others, strict=True)
            ):
                return
            sets = tuple(map(tuple, _joined(known, sets)))
        elif len(self._sets) >= MAX_COVERS:
            raise TooWide
        self._sets[key] = sets
        self._todo[key] = None

    def _graded(self, origins: Origins) -> int:
        """How many processes will surely be given a graded answer, or were."""
        return sum(
            self._surely(number, origin, graded=True)
            for number, each in enumerate(origins)
            for origin in each
        )

    def _surely(self, number: int, place: int, *, graded: bool) -> bool:
        """Whether every end after ``place``, as far as known, is graded (or shows that all is over)."""
        asked = (number, place, graded)
        known = self._sure.get(asked)
        if known is None:
            known = self._is_sure(number, place, graded)
            if known:
                self._sure[asked] = known
        return known

    def _is_sure(self, number: int, place: int, graded: bool) -> bool:
        group = self._search.groups[number]
        if group.step(place) is not None and (
            place == self._begins[number] or self._search.targets().intersection(group.processes)
        ):
            return False
        test = self._meaning.graded if graded else self._meaning.ends
        process = group.processes[0]
        met = {place}
        todo = [place]
        while todo:
            current = todo.pop()
            if group.step(current) is None:
                if not test(process, self._search.system.end_of(group.node(current))):
                    return False
                continue
            after = {led for led, _ in group.moves(current).values()}
            if not after:
                return False  # not known yet
            todo += after - met
            met |= after
        return True

    def _less_sure(self) -> bool:
        """Whether an answer that was taken for sure is not, by what was learned since."""
        return any(not self._is_sure(*asked) for asked in self._sure)


def _parts(origins: Sequence[int], sets: Sequence[int]) -> list[tuple[int, int]]:
    """Each different origin with its set."""
    return [*zip(sorted({*origins}), sets, strict=True)]


def _joined(sets: Sequence[Sequence[int]], others: Sequence[Sequence[int]]) -> list[list[int]]:
    return [
        [one | other for one, other in zip(each, each_other, strict=True)]
        for each, each_other in zip(sets, others, strict=True)
    ]
