"""Where processes came to by their last change of the store: places put together by what they do undisturbed.

An origin is part of a cover's key. It is no claim that its places have the same future: each place is asked
for itself. Fewer origins make fewer covers, more origins keep more histories apart.
"""

from __future__ import annotations

from collections.abc import Hashable

from devenv.core.search.states.places import Places

BEGIN = 0
"""The origin of a process that has not changed the store."""
MAX_ALONE = 100
"""After this many steps a process that goes on alone is taken for one that does not end."""


class OriginsOf:
    """The origins of one group, numbered from 1 on; ``joined``: whether several places can be one."""

    def __init__(self, group: Places, joined: bool) -> None:
        self._group = group
        self._joined = joined
        self._numbers: dict[Hashable, int] = {}
        self._places: list[dict[int, None]] = [{}]

    def of(self, place: int, store: int) -> int:
        """The origin of who came to ``place`` by a step that left the store so. Raises NotKnown."""
        key = (self._group.shape(place), self._end_alone(place, store)) if self._joined else place
        number = self._numbers.setdefault(key, len(self._places))
        if number == len(self._places):
            self._places.append({})
        self._places[number][place] = None
        return number

    def places(self, origin: int) -> tuple[int, ...]:
        """The places that have this origin, as far as known; of ``BEGIN`` where the group begins."""
        return (self._group.begin(),) if origin == BEGIN else tuple(self._places[origin])

    def place(self, origin: int) -> int:
        """The first of them."""
        return self.places(origin)[0]

    def _end_alone(self, place: int, store: int) -> Hashable:
        """How a process ends that goes on alone; None where it does not."""
        for _ in range(MAX_ALONE):
            if self._group.step(place) is None:
                return self._group.shape(place)
            place, store = self._group.move(place, store)
        return None
