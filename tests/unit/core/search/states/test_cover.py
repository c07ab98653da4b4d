"""The upper bound for many requests, against every end that the search over product states has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Any

import pytest

from devenv.core.search.behaviour import Behaviour
from devenv.core.search.composition import Composition
from devenv.core.search.states import cover as module
from devenv.core.search.states.cover import Bound, Cover, Meaning, TooWide
from devenv.core.search.states.places import Split
from devenv.core.search.states.product_states import End, ProductSearch
from tests.unit.core.search.guide_model import guide
from tests.unit.core.search.states.test_product_states import Counters, Number, of_letters, searched
from tests.unit.core.search.test_learning import FRESH, composed, groups, play, restarted

LIMIT = 2
MIXES = ["W", "WW", "RWEX", "RRX", "WWWW", "RRWX", "WWWX", "EERX", "RRRW"]


def meaning(letters: str, limit: int = LIMIT) -> Meaning:
    """What the ends of ``guide_model`` mean."""

    def ends(process: int, end: Any) -> bool:
        return letters[process] == "X" or end[0] == "success" or (end[1] or 0) >= limit

    return Meaning(
        limit,
        graded=lambda process, end: letters[process] != "X" and end[0] != "not found",  # type: ignore[index]
        ends=ends,
        request=lambda process: letters[process] != "X",
    )


def covered(search: ProductSearch, means: Meaning) -> Cover:
    """A cover at its end; what it asks of learned behaviours is played."""
    cover = Cover(search, means)
    while True:
        try:
            while not cover.go_on(7):
                pass
        except Split:
            search.restart()
            cover.restart()
            continue
        questions, _ = search.questions()
        cover.ask_again()
        if not questions:
            return cover
        for question in questions:
            heard = (*question.behaviour.history(question.node), question.heard)
            question.behaviour.learn(*play(question.behaviour.name, heard, question.store))


def of_guide(letters: str) -> tuple[ProductSearch, Bound]:
    search = ProductSearch(guide(letters), groups(letters), merge=True)
    return search, covered(search, meaning(letters)).bound()


Read = tuple[Any, tuple[tuple[Any, ...], ...]]
"""The store's state, and for each group how its processes ended."""


def read(search: ProductSearch, end: End) -> Read:
    ends = tuple(
        tuple(sorted((search.system.end_of(group.node(place)) for place in places), key=repr))
        for group, places in zip(search.groups, end.places, strict=True)
    )
    return search.system.store_numbered(end.store), ends


def graded(end: Read) -> int:
    return sum(answer[0] in ("success", "wrong") for answers in end[1] for answer in answers)


def missing(exact: ProductSearch, search: ProductSearch, bound: Bound, means: Meaning) -> list[Hashable]:
    """Ends of the exact search that are not covered."""
    few = {read(search, end) for end in bound.ends}
    answers = {
        (number, search.system.end_of(search.groups[number].node(place))) for number, place in bound.answers
    }
    finals = {
        (
            search.system.store_numbered(store),
            tuple(search.system.end_of(search.groups[-1].node(place)) for [place] in origins),
        )
        for store, _, origins in bound.finals
    }
    lacking: list[Hashable] = []
    for end in exact.ends:
        store, ends = met = read(exact, end)
        if graded(met) <= means.limit:
            lacking += [] if met in few else [met]
            continue
        if met in few:
            continue
        requests = [
            (number, answer)
            for number, group in enumerate(exact.groups)
            if means.request(group.processes[0])
            for answer in ends[number]
        ]
        events = tuple(
            answers_of[0]
            for answers_of, group in zip(ends, exact.groups, strict=True)
            if not means.request(group.processes[0])
        )
        lacking += [item for item in requests if item not in answers]
        lacking += [] if (store, events) in finals else [met]
    return lacking


@pytest.mark.parametrize("letters", MIXES)
def test_every_end_is_covered(letters: str) -> None:
    search, bound = of_guide(letters)
    assert missing(of_letters(letters), search, bound, meaning(letters)) == []


@pytest.mark.parametrize("letters", ["RWEX", "WWWX", "EERX"])
def test_ends_with_few_graded_answers_are_exact_here(letters: str) -> None:
    search, bound = of_guide(letters)
    exact = of_letters(letters)
    covered_ends = {met for end in bound.ends if graded(met := read(search, end)) <= LIMIT}
    exact_ends = {met for end in exact.ends if graded(met := read(exact, end)) <= LIMIT}
    assert covered_ends == exact_ends


@pytest.mark.parametrize("letters", ["WWWX", "RRWX"])
def test_what_is_learned_for_a_cover_is_enough(letters: str) -> None:
    behaviours = {letter: Behaviour(letter) for letter in letters if letter != "X"}
    for letter, behaviour in behaviours.items():
        behaviour.learn(*play(letter, (), FRESH))
    search = ProductSearch(composed(letters, behaviours), groups(letters), merge=True)

    means = Meaning(
        LIMIT,
        graded=lambda process, end: (
            letters[process] != "X" and "attempts" in end[0].body  # type: ignore[index]
        ),
        ends=lambda process, end: letters[process] == "X" and end is True,
        request=lambda process: letters[process] != "X",
    )
    bound = covered(search, means).bound()
    exact = searched(composed(letters, behaviours), groups(letters), merge=True)

    def texts(which: ProductSearch, end: End) -> Hashable:
        return which.system.store_numbered(end.store), tuple(
            frozenset(Counter(which.system.end_of(group.node(place)) for place in places).items())
            for group, places in zip(which.groups, end.places, strict=True)
        )

    few = {texts(search, end) for end in bound.ends}
    stores = {search.system.store_numbered(store) for store, _, _ in bound.finals}
    for end in exact.ends:
        assert texts(exact, end) in few or exact.system.store_numbered(end.store) in stores


@pytest.mark.parametrize(
    ("letters", "pods"), [("WW", [(0,)]), ("WW", [(0, 1)]), ("RW", [(1,), (0,)]), ("WE", [(1,), (1,)])]
)
def test_requests_that_are_cut_short_are_covered(letters: str, pods: list[tuple[int, ...]]) -> None:
    system = restarted(letters, pods)
    search = ProductSearch(system, [*range(system.processes)], merge=True)
    means = Meaning(
        1,
        graded=lambda process, end: process < len(letters) and "attempts" in end[0].body,  # type: ignore[index]
        ends=lambda process, end: False,
        request=lambda process: process < len(letters),
    )
    bound = covered(search, means).bound()
    exact = searched(restarted(letters, pods), [*range(system.processes)], merge=True)
    few = {repr(read(search, end)) for end in bound.ends}
    stores = {search.system.store_numbered(store) for store, _, _ in bound.finals}
    for end in exact.ends:
        assert repr(read(exact, end)) in few or exact.system.store_numbered(end.store) in stores


def test_nodes_that_prove_different_are_told_apart_and_all_is_covered() -> None:
    def system() -> Composition:
        return Composition([Counters(), Counters(), Counters()], Number(), 0)

    search = ProductSearch(system(), [0, 0, 0], merge=True)
    never = Meaning(5, lambda process, end: False, lambda process, end: False, lambda process: True)
    bound = covered(search, never).bound()
    exact = searched(system(), [0, 0, 0], merge=True)
    assert {read(exact, end) for end in exact.ends} <= {read(search, end) for end in bound.ends}
    assert (bound.finals, bound.answers) == (set(), set())


def test_eight_requests_of_any_mix_with_expiry_need_few_covers() -> None:
    search = ProductSearch(guide("RRRWWWEEX"), groups("RRRWWWEEX"), merge=True)
    assert len(covered(search, meaning("RRRWWWEEX"))) == 435


def test_too_many_covers_or_ends_are_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    search = ProductSearch(guide("RWEX"), groups("RWEX"), merge=True)
    cover = covered(search, meaning("RWEX"))
    monkeypatch.setattr(module, "MAX_ENDS", 10)
    with pytest.raises(TooWide):
        cover.bound()
    monkeypatch.setattr(module, "MAX_COVERS", 10)
    with pytest.raises(TooWide):
        of_guide("RWEX")
