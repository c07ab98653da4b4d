"""Which kinds the parts of a cast show, and the shortest run of each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from devenv.core.search.composition import PackedState
from devenv.core.search.expression import Participant
from devenv.core.search.shortest import TooLarge, shortest_runs
from devenv.core.search.states.witness import run_to
from devenv.verbs.explore.judged import Judged
from devenv.verbs.explore.learner import LearnedSystem

MAX_PLACES = 150_000
"""So large may a graph be in which the shortest run is looked for."""
MAX_STATES = 20_000
"""At most this many product states are searched for all parts of a cast together."""
MAX_WHOLE_STATES = 120_000
"""At most this many product states of a whole cast are searched where a cover leaves kinds open."""

Part: TypeAlias = tuple[Participant, ...]
Learn: TypeAlias = Callable[[Part, Callable[[int], None]], LearnedSystem]
"""Makes a system of a part. The second argument is called now and then with the number of states so far."""


class Parts:
    """Each part is learned once, and each shortest run is worked out once.

    ``learn_whole`` learns without a cover what has at most ``MAX_WHOLE_STATES``; None: that is not done.
    """

    def __init__(self, learn: Learn, learn_whole: Learn | None = None) -> None:
        self._learn = learn
        self._learn_whole = learn_whole
        self._judged: dict[Part, Judged] = {}
        self._kinds: dict[Part, frozenset[str]] = {}
        self._runs: dict[Part, dict[str, tuple[int, ...]]] = {}
        self._states = 0

    def know(self, learned: LearnedSystem) -> None:
        """Take a system that was learned already."""
        self._judged[learned.cast] = Judged(learned)

    def kinds(self, part: Part) -> frozenset[str]:
        """Every kind that some end of a part shows, by its product states. Raises TooLarge."""
        known = self._kinds.get(part)
        if known is None:
            judged = self._system(part)
            search = judged.learned.search
            ends = map(search.packed, search.ends)
            known = self._kinds[part] = frozenset(kind for end in ends for kind in judged.kinds(end))
        return known

    def runs(self, part: Part, wanted: Collection[str]) -> Mapping[str, tuple[int, ...]]:
        """A run for each of the ``wanted`` kinds that the part shows. Raises TooLarge.

        The shortest one, but where there are more than ``MAX_PLACES`` places: one that the search has met.
        """
        known = self._runs.setdefault(part, {})
        missing = self.kinds(part).intersection(wanted).difference(known)
        if missing:
            judged = self._system(part)
            try:
                known |= self._shortest(judged, missing)
            except TooLarge:
                known |= _met(judged, missing)
        return {kind: run for kind, run in known.items() if kind in wanted}

    def _shortest(self, judged: Judged, wanted: Collection[str]) -> dict[str, tuple[int, ...]]:
        learned = judged.learned

        def kinds(state: PackedState) -> list[str]:
            return [kind for kind in judged.kinds(state) if kind in wanted]

        runs = shortest_runs(learned.system, kinds, MAX_PLACES, len(wanted), learned.canonical())
        return {kind: witness.run for kind, witness in runs.items()}

    def whole(self, cast: Part, wanted: Collection[str]) -> Mapping[str, tuple[int, ...]] | None:
        """A run for each of the ``wanted`` kinds that a cast shows, by all of its product states.

        None where there are more than ``MAX_WHOLE_STATES``, so that a kind without a run is not ruled out.
        """

        def bounded(states: int) -> None:
            if states > MAX_WHOLE_STATES:
                raise TooLarge(f"more than {MAX_WHOLE_STATES} product states")

        if self._learn_whole is None:
            return None
        try:
            learned = self._learn_whole(cast, bounded)
        except TooLarge:
            return None
        return _met(Judged(learned), wanted) if learned.cover is None else None

    def judged(self, part: Part) -> Judged:
        """A part that ``runs`` was asked about."""
        return self._judged[part]

    def _system(self, part: Part) -> Judged:
        known = self._judged.get(part)
        if known is None:

            def bounded(states: int) -> None:
                if self._states + states > MAX_STATES:
                    raise TooLarge(f"more than {MAX_STATES} product states of parts")

            learned = self._learn(part, bounded)
            bounded(learned.search.states)
            self._states += learned.search.states
            known = self._judged[part] = Judged(learned)
        if known.learned.cover is not None:
            raise TooLarge("not all states of this part were gone through")
        return known


def _met(judged: Judged, wanted: Collection[str]) -> dict[str, tuple[int, ...]]:
    search = judged.learned.search
    runs: dict[str, tuple[int, ...]] = {}
    for end in search.ends:
        for kind in judged.kinds(search.packed(end)):
            if kind in wanted and kind not in runs:
                runs[kind] = run_to(search, end)
    return runs
