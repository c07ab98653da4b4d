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
from typing import NamedTuple

from devenv.core.search.composition import Signal
from devenv.core.search.states.agenda import Agenda
from devenv.core.search.states.cover_keys import Early, Late, Origins
from devenv.core.search.states.origins import BEGIN, OriginsOf
from devenv.core.search.states.places import NotKnown
from devenv.core.search.states.product_states import End, ProductSearch, choices, members

MAX_COVERS = 100_000
"""This many keys at most; each takes some kilobytes."""
MAX_ENDS = 200_000
"""This many ends of early covers at most."""
REQUEST_SETS = 2
"""Sets of a late cover for a group of requests."""
ENDED = 1
"""In a late cover the origin of a request whose answer surely ends the session; of others: ``BEGIN``."""


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
    """And how they can leave everything: the store, whether the session surely ended, the events' places."""


class Step(NamedTuple):
    """What changes of the store, or signals, that lead to the same covers have in common."""

    store: int
    """The number of the store's state after it."""
    origin: int
    """The origin that its process has then."""
    signal: Signal | None


@dataclass(slots=True)
class _Covered:
    """What is known of one key. Each list has an item for each group, and in it one for each set."""

    sets: list[list[int]]
    """Of an early cover a set of places for each different origin. Of a late one the set of the requests that
    have not changed the store yet, and that of the others.
    """
    expanded: list[list[int]]
    """The places whose steps are among ``steps``."""
    steps: list[list[dict[Step, int]]]
    """Each step with the set of the places where it leads."""
    followed: dict[tuple[int, int, Step], int] = field(default_factory=dict)
    """By the group, the set and the step: where it led when it was followed last, if that is closed."""
    followed_from: list[list[int]] | None = None
    """The sets at that time."""

    @classmethod
    def of(cls, sets: Sequence[Sequence[int]]) -> _Covered:
        """Nothing is expanded yet."""
        return cls(
            [[*each] for each in sets],
            [[0] * len(each) for each in sets],
            [[{} for _ in each] for each in sets],
        )


@dataclass(slots=True)
class _Steps:
    """What is known of the steps of one group in one state of the store."""

    idle: int = 0
    """The places whose step changes nothing."""
    taken: dict[int, tuple[Step, int]] = field(default_factory=dict)
    """Of other places the step, and the set of the place where it leads."""


class Cover:
    """Covers the system of ``search``; ``go_on``, and the ``questions`` of the search, as there.

    The search should not merge places: then only nodes that can be reached are asked about, as far as
    covers tell. Nodes are put together in the keys alone, by their origins.
    """

    def __init__(self, search: ProductSearch, meaning: Meaning) -> None:
        self._search = search
        self._meaning = meaning
        self._is_request = [meaning.request(group.processes[0]) for group in search.groups]
        self.restart()

    def __len__(self) -> int:
        return len(self._covers)

    def restart(self) -> None:
        """Forget what was covered: places were told apart, or an answer is less sure than thought."""
        self._origins = [
            OriginsOf(group, self._is_request[number]) for number, group in enumerate(self._search.groups)
        ]
        self._covers: dict[Early | Late, _Covered] = {}
        self._todo: Agenda[Early | Late] = Agenda()
        self._open: dict[Early | Late, None] = {}
        self._sure: set[tuple[int, int, bool]] = set()
        self._unsure: set[tuple[int, int, bool]] = set()
        self._known: dict[tuple[int, int], _Steps] = {}

    def ask_again(self) -> None:
        """Something was learned: take up again what was left open."""
        for key in self._open:
            self._todo.add(key)
        self._open.clear()
        self._unsure.clear()

    def go_on(self, most: int) -> bool:
        """Take a bounded number of covers; False where there are more. Raises NotKnown, Split and TooWide."""
        if not self._covers:
            self._begin()
        for _ in range(most):
            if not self._todo:
                break
            key = self._todo.take()
            if not self._expand(key):
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
        for key, covered in self._covers.items():
            if isinstance(key, Late):
                self._bound_late(key, covered.sets, bound)
                continue
            over = [
                tuple(self._search.over_in(number, dict(_parts(origins, each))[origin]) for origin in origins)
                for number, (origins, each) in enumerate(zip(key.origins, covered.sets, strict=True))
            ]
            bound.ends.update(End(key.store, combined) for combined in product(*map(choices, over)))
            if len(bound.ends) > MAX_ENDS:
                raise TooWide
        return bound

    def _bound_late(self, key: Late, sets: Sequence[Sequence[int]], bound: Bound) -> None:
        over = [[self._search.over_in(number, places) for places in each] for number, each in enumerate(sets)]
        bound.answers.update(
            (number, place) for number, each in enumerate(over) for places in each for place in places
        )
        changed = all(
            each[-1] or not places[-1] for each, places in zip(over, sets, strict=True)
        )  # all that changed the store can be over now
        unchanged = not key.fresh or any(each[0] for each in over if len(each) == REQUEST_SETS)
        if changed and unchanged:
            events = [number for number, is_request in enumerate(self._is_request) if not is_request]
            places = tuple(
                tuple(self._origins[number].place(origin) for origin in origins)
                for number, origins in zip(events, key.events, strict=True)
            )
            bound.finals.add((key.store, key.ended, places))

    def _begin(self) -> None:
        groups = self._search.groups
        store = self._search.system.initial()[0]
        sets = [
            [self._search.closed(number, 1 << group.begin(), store)] for number, group in enumerate(groups)
        ]
        self._join(Early(store, tuple((BEGIN,) * len(group.processes) for group in groups)), sets)

    def _expand(self, key: Early | Late) -> bool:
        """Every step from every set; whether everything that it takes is known."""
        covered = self._covers[key]
        if covered.followed_from is not covered.sets:  # every step leads the other sets too, which have grown
            covered.followed.clear()
            covered.followed_from = covered.sets
        complete = True
        led: dict[Early | Late, list[list[int]]] = {}
        followed: dict[Early | Late, list[tuple[int, int, Step]]] = {}
        for number, each in enumerate(covered.sets):
            for part in range(len(each)):
                complete &= self._take_in(key, covered, number, part)
                for step, after in covered.steps[number][part].items():
                    taken = (number, part, step)
                    if covered.followed.get(taken) == after:
                        continue
                    covered.followed[taken] = after
                    if isinstance(key, Early):
                        after_key = self._lead_early(key, covered, taken, after, led)
                    else:
                        after_key = self._lead_late(key, covered, taken, after, led)
                    followed.setdefault(after_key, []).append(taken)
        for after_key, sets in led.items():
            closed, all_known = self._closed(sets, after_key)
            self._join(after_key, closed)
            if not all_known:
                complete = False
                for taken in followed[after_key]:
                    del covered.followed[taken]
        return complete

    def _take_in(self, key: Early | Late, covered: _Covered, number: int, part: int) -> bool:
        """Note the steps from places that are new in a set; whether all of them are known."""
        store = key.store
        steps = covered.steps[number][part]
        few_origins = isinstance(key, Late) and self._is_request[number]
        known = self._known.setdefault((number, store), _Steps())
        new = covered.sets[number][part] & ~(covered.expanded[number][part] | known.idle)
        missing = 0
        for place in members(new):
            taken = known.taken.get(place)
            if taken is None:
                try:
                    taken = self._step_of(number, place, store)
                except NotKnown:
                    missing |= 1 << place
                    continue
                if taken is None:
                    known.idle |= 1 << place
                    continue
                known.taken[place] = taken
            step, after = taken
            if few_origins:
                ends = self._surely(number, step.origin, graded=False)
                step = Step(step.store, ENDED if ends else BEGIN, step.signal)
            steps[step] = steps.get(step, 0) | after
        covered.expanded[number][part] |= new & ~missing
        return not missing

    def _step_of(self, number: int, place: int, store: int) -> tuple[Step, int] | None:
        """The step that is pending at a place, and the set of the place where it leads.

        None where it changes nothing. Raises NotKnown.
        """
        group = self._search.groups[number]
        pending = group.step(place)
        if pending is None:
            return None
        after, changed = group.move(place, store)
        signal = pending if isinstance(pending, Signal) and pending.targets else None
        if changed == store and signal is None:
            return None
        return Step(changed, self._origins[number].of(after, changed), signal), 1 << after

    def _affected(self, number: int, places: int, step: Step) -> int:
        signal = step.signal
        if signal is None or not set(signal.targets) & set(self._search.groups[number].processes):
            return places
        return self._search.signalled(number, places, signal.kind)

    # --- early ----------------------------------------------------------------------------------------------

    def _lead_early(
        self,
        key: Early,
        covered: _Covered,
        taken: tuple[int, int, Step],
        after: int,
        led: dict[Early | Late, list[list[int]]],
    ) -> Early | Late:
        """Add to ``led`` where a step leads: the sets, not closed yet. Gives the key there."""
        taker, part, step = taken
        moved = []
        sets: list[list[int]] = []
        for number, (origins, each) in enumerate(zip(key.origins, covered.sets, strict=True)):
            places = {begun: self._affected(number, place, step) for begun, place in _parts(origins, each)}
            now = [*origins]
            if number == taker:
                origin = sorted({*origins})[part]
                now.remove(origin)
                if origin not in now:
                    del places[origin]
                now.append(step.origin)
                places[step.origin] = places.get(step.origin, 0) | after
            moved.append(tuple(sorted(now)))
            sets.append([places[begun] for begun in sorted(places)])
        early = Early(step.store, tuple(moved))
        after_key: Early | Late = early
        if self._graded(early.origins) > self._meaning.limit:
            after_key, sets = self._as_late(early, sets)
        known = led.get(after_key)
        led[after_key] = sets if known is None else _joined(known, sets)
        return after_key

    def _as_late(self, key: Early, sets: Sequence[Sequence[int]]) -> tuple[Late, list[list[int]]]:
        fresh = 0
        events: list[tuple[int, ...]] = []
        joined: list[list[int]] = []
        ended = False
        for number, (origins, each) in enumerate(zip(key.origins, sets, strict=True)):
            ended = ended or any(self._surely(number, origin, graded=False) for origin in origins)
            if not self._is_request[number]:
                events.append(origins)
                joined.append([each[0]])
                continue
            fresh += origins.count(BEGIN)
            places = dict(_parts(origins, each))
            others = 0
            for origin, led in places.items():
                others |= led if origin != BEGIN else 0
            joined.append([places.get(BEGIN, 0), others])
        return Late(key.store, fresh, ended, tuple(events)), joined

    # --- late -----------------------------------------------------------------------------------------------

    def _lead_late(
        self,
        key: Late,
        covered: _Covered,
        taken: tuple[int, int, Step],
        after: int,
        led: dict[Early | Late, list[list[int]]],
    ) -> Early | Late:
        """Add to ``led`` where a step leads: the sets, not closed yet. Gives the key there."""
        number, part, step = taken
        request = self._is_request[number]
        fresh = key.fresh - (request and part == 0)
        events = key.events
        if not request:
            others = [other for other, is_request in enumerate(self._is_request) if not is_request]
            index = others.index(number)
            events = (*events[:index], (step.origin,), *events[index + 1 :])
        ended = key.ended or (request and step.origin == ENDED)
        if not request:
            ended = ended or self._surely(number, step.origin, graded=False)
        after_key = Late(step.store, fresh, ended, events)
        known = led.get(after_key)
        if known is None or step.signal is not None:
            sets = [
                # Of several processes that can be there some are affected, others are not.
                [places | self._affected(group, places, step) for places in each]
                for group, each in enumerate(covered.sets)
            ]
            for each in sets if not fresh else ():
                if len(each) == REQUEST_SETS:
                    each[0] = 0
            if not request:
                sets[number][-1] = 0
            known = led[after_key] = sets if known is None else _joined(known, sets)
        known[number][-1] |= after
        return after_key

    # --- both -----------------------------------------------------------------------------------------------

    def _closed(self, led: Sequence[Sequence[int]], key: Early | Late) -> tuple[list[list[int]], bool]:
        """Of each set what is new to the cover of ``key``, with all that is reached without a change.

        Without the places of which that is not known, and whether there are none.
        """
        known = self._covers.get(key)
        closed = []
        complete = True
        for number, each in enumerate(led):
            reached = []
            for part, places in enumerate(each):
                new = places & ~known.sets[number][part] if known is not None else places
                if new:
                    new, all_known = self._search.closed_as_known(number, new, key.store)
                    complete = complete and all_known
                reached.append(new)
            closed.append(reached)
        return closed, complete

    def _join(self, key: Early | Late, sets: Sequence[Sequence[int]]) -> None:
        covered = self._covers.get(key)
        if covered is None:
            if len(self._covers) >= MAX_COVERS:
                raise TooWide
            self._covers[key] = _Covered.of(sets)
        elif any(
            other & ~one
            for each, others in zip(covered.sets, sets, strict=True)
            for one, other in zip(each, others, strict=True)
        ):
            covered.sets = _joined(covered.sets, sets)
        else:
            return
        self._todo.add(key)

    def _graded(self, origins: Origins) -> int:
        """How many processes will surely be given a graded answer, or were."""
        return sum(
            self._surely(number, origin, graded=True)
            for number, each in enumerate(origins)
            for origin in each
        )

    def _surely(self, number: int, origin: int, *, graded: bool) -> bool:
        """Whether every end after ``origin``, as far as known, is graded (or shows that all is over)."""
        asked = (number, origin, graded)
        if asked in self._sure or asked in self._unsure:
            return asked in self._sure
        sure = self._is_sure(number, origin, graded)
        (self._sure if sure else self._unsure).add(asked)
        return sure

    def _is_sure(self, number: int, origin: int, graded: bool) -> bool:
        group = self._search.groups[number]
        places = self._origins[number].places(origin)
        going_on = any(group.step(place) is not None for place in places)
        if origin == BEGIN or (going_on and self._search.targets().intersection(group.processes)):
            return False
        test = self._meaning.graded if graded else self._meaning.ends
        process = group.processes[0]
        met = {*places}
        todo = [*places]
        while todo:
            place = todo.pop()
            if group.step(place) is None:
                if not test(process, self._search.system.end_of(group.node(place))):
                    return False
                continue
            after = {led for led, _ in group.moves(place).values()}
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
