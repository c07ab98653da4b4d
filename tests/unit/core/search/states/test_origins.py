"""Origins: what nodes are put together by in the keys of covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from devenv.core.search.composition import Composition
from devenv.core.search.states.origins import BEGIN, OriginsOf
from devenv.core.search.states.places import NotKnown, Places
from devenv.core.search.states.product_states import ProductSearch
from tests.unit.core.search.guide_model import guide, read, write
from tests.unit.core.search.test_learning import FRESH, composed, learned_behaviours, play


def steps(places: Places, store: int, number: int) -> tuple[int, int]:
    """Where a process is after ``number`` steps of its own, and the store's state then."""
    place = places.begin()
    for _ in range(number):
        place, store = places.move(place, store)
    return place, store


def of_letter(letter: str) -> tuple[Composition, Places]:
    system = guide(letter)
    return system, ProductSearch(system, [0], merge=False).groups[0]


def test_places_with_the_same_step_and_the_same_end_alone_are_one_origin() -> None:
    system, places = of_letter("R")
    origins = OriginsOf(places, joined=True)
    fresh = system.initial()[0]
    solved, after = steps(places, fresh, 4)
    late, gone = steps(places, after, 4)  # a request that begins when one attempt was counted
    [first, other] = [origins.of(solved, after), origins.of(late, gone)]
    assert first != other  # their answers count 1 and 2 attempts
    assert origins.of(solved, gone) == first  # DEL is pending: how it ends does not hang on the store
    assert origins.places(first) == (solved,)
    assert origins.place(other) == late


def test_of_an_event_each_place_is_an_origin() -> None:
    system, places = of_letter("R")
    origins = OriginsOf(places, joined=False)
    solved, after = steps(places, system.initial()[0], 4)
    ended, gone = places.move(solved, after)
    assert origins.places(origins.of(solved, after)) == (solved,)
    assert origins.places(origins.of(ended, gone)) == (ended,)


def test_who_has_not_changed_the_store_has_the_origin_of_the_beginning() -> None:
    _, places = of_letter("W")
    assert OriginsOf(places, joined=True).places(BEGIN) == (places.begin(),)


def test_the_end_alone_must_be_known() -> None:
    behaviours = learned_behaviours("W")[1]
    system = composed("W", behaviours)
    places = ProductSearch(system, [0], merge=False).groups[0]
    written, store = steps(places, system.initial()[0], 4)
    assert OriginsOf(places, joined=True).of(written, store) == 1
    behaviours["E"] = type(behaviours["W"])("E")
    heard, seen = play("E", (), FRESH)
    behaviours["E"].learn(heard[:4], seen[:5])
    stranger = composed("EW", behaviours)
    unknown = ProductSearch(stranger, [0, 1], merge=False).groups[0]
    with pytest.raises(NotKnown):
        OriginsOf(unknown, joined=True).of(*after_one_other(unknown, stranger.initial()[0]))


def after_one_other(places: Places, store: int) -> tuple[int, int]:
    """The beginning, when somebody else has counted one attempt: what is read then was never learned."""
    return places.begin(), steps(places, store, 4)[1]


@dataclass(frozen=True)
class Waiting:
    """Writes once, then reads without end."""

    def begin(self) -> Any:
        return 0

    def next(self, node: Any) -> Any:
        return write("EXEC", "full", 1, True) if node == 0 else read("GET")

    def after(self, node: Any, reply: Any) -> Any:
        return 1

    def signalled(self, node: Any, kind: str) -> Any:
        return node

    def end(self, node: Any) -> Any:
        return None


def test_a_request_that_waits_without_end_has_an_origin_too() -> None:
    like = guide("W")
    system = Composition([Waiting()], like._store, like.store_state(like.initial()))
    places = ProductSearch(system, [0], merge=False).groups[0]
    origins = OriginsOf(places, joined=True)
    place, store = steps(places, system.initial()[0], 1)
    assert origins.of(place, store) == origins.of(place, store) == 1
