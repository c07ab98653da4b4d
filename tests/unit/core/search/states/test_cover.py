"""The upper bound for many requests, against every end that the search over product states has."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import pytest

from devenv.core.search.behaviour import Behaviour
from devenv.core.search.composition import Composition
from devenv.core.search.states import cover as module
from devenv.core.search.states.cover import Bound, Cover, Meaning, TooWide
from devenv.core.search.states.places import Split
from devenv.core.search.states.product_states import End, ProductSearch
from tests.unit.core.search import atomic_model
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


def covered(search: ProductSearch, means: Meaning, played: Callable[..., Any] = play) -> Cover:
    """A cover at its end; what it asks of learned behaviours is ``played``."""
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
            question.behaviour.learn(*played(question.behaviour.name, heard, question.store))


def of_guide(letters: str) -> tuple[ProductSearch, Bound]:
    search = ProductSearch(guide(letters), groups(letters), merge=False)
    return search, covered(search, meaning(letters)).bound()


Read = tuple[Any, tuple[tuple[Any, ...], ...]]
"""The store's state, and for each group how its processes ended."""


def read(search: ProductSearch, end: End) -> Read:
    ends = tuple(
        tuple(sorted((search.system.end_of(group.node(place)) for place in places), key=repr))
        for group, places in zip(search.groups, end.places, strict=True)
    )
    return search.system.store_numbered(end.store), ends


def graded(search: ProductSearch, end: Read, means: Meaning) -> int:
    return sum(
        means.graded(group.processes[0], answer)
        for group, answers in zip(search.groups, end[1], strict=True)
        for answer in answers
    )


def effect(end: Hashable) -> Hashable:
    """How an event ended; None where it did nothing yet or finds nothing to do, which leave the same."""
    return end or None


def missing(exact: ProductSearch, search: ProductSearch, bound: Bound, means: Meaning) -> list[Hashable]:
    """Ends of the exact search that are not covered."""
    few = {read(search, end) for end in bound.ends}
    answers = {
        (number, search.system.end_of(search.groups[number].node(place))) for number, place in bound.answers
    }
    finals = {
        (
            search.system.store_numbered(store),
            tuple(effect(search.system.end_of(search.groups[-1].node(place))) for [place] in origins),
        )
        for store, _, origins in bound.finals
    }
    lacking: list[Hashable] = []
    for end in exact.ends:
        store, ends = met = read(exact, end)
        if graded(exact, met, means) <= means.limit:
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
            effect(answers_of[0])
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
    assert ends_with_few(search, bound.ends, letters) == ends_with_few(exact, exact.ends, letters)


def ends_with_few(search: ProductSearch, ends: Iterable[End], letters: str) -> set[Read]:
    read_ends = (read(search, end) for end in ends)
    return {met for met in read_ends if graded(search, met, meaning(letters)) <= LIMIT}


def atomic_meaning(letters: str, limit: int = atomic_model.LIMIT) -> Meaning:
    """What the ends of ``atomic_model`` mean; with a lower ``limit`` also its covers are late ones."""

    def body(end: Any) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(end[0].body)
        return report

    return Meaning(
        limit,
        graded=lambda process, end: letters[process] != "X" and "attempts" in body(end),
        ends=lambda process, end: (
            end is True
            if letters[process] == "X"
            else body(end)["success"] or body(end).get("attempts", 0) >= atomic_model.LIMIT
        ),
        request=lambda process: letters[process] != "X",
    )


def of_atomic(letters: str, limit: int = atomic_model.LIMIT) -> tuple[ProductSearch, Bound]:
    search = atomic_model.search_of(letters, merge=False)
    return search, covered(search, atomic_meaning(letters, limit), atomic_model.play).bound()


@pytest.mark.parametrize("limit", [1, atomic_model.LIMIT])
@pytest.mark.parametrize("letters", ["WX", "RRX", "RWEX", "WWWX", "RRWEX", "EEWWX", "RRRWWEX"])
def test_every_end_of_the_atomic_store_is_covered(letters: str, limit: int) -> None:
    search, bound = of_atomic(letters, limit)
    exact = atomic_model.searched(letters)
    assert missing(exact, search, bound, atomic_meaning(letters, limit)) == []
    assert bool(bound.finals) == (limit == 1 and letters.count("W") + letters.count("E") > 1)


@pytest.mark.parametrize("letters", ["RWEX", "EEWWX"])
def test_no_end_of_the_atomic_store_has_more_graded_answers_than_a_session_takes(letters: str) -> None:
    search, bound = of_atomic(letters)
    means = atomic_meaning(letters)
    assert {graded(search, read(search, end), means) for end in bound.ends} == {0, 1, 2}
    assert (bound.answers, bound.finals) == (set(), set())


def learned_meaning(letters: str) -> Meaning:
    """What the ends of learned requests mean."""
    return Meaning(
        LIMIT,
        graded=lambda process, end: (
            letters[process] != "X" and "attempts" in end[0].body  # type: ignore[index]
        ),
        ends=lambda process, end: letters[process] == "X" and end is True,
        request=lambda process: letters[process] != "X",
    )


def begun(letters: str, *, merge: bool = False) -> tuple[dict[str, Behaviour], ProductSearch]:
    """A search of which no more is known than what each kind of request does alone."""
    behaviours = {letter: Behaviour(letter) for letter in letters if letter != "X"}
    for letter, behaviour in behaviours.items():
        behaviour.learn(*play(letter, (), FRESH))
    return behaviours, ProductSearch(composed(letters, behaviours), groups(letters), merge=merge)


@pytest.mark.parametrize("letters", ["WWWX", "RRWX"])
def test_what_is_learned_for_a_cover_is_enough(letters: str) -> None:
    behaviours, search = begun(letters)
    bound = covered(search, learned_meaning(letters)).bound()
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


@pytest.mark.parametrize("letters", ["WWWW", "RWEX"])
def test_only_what_can_be_reached_is_asked(letters: str) -> None:
    def nodes(search: ProductSearch, behaviours: dict[str, Behaviour]) -> int:
        covered(search, learned_meaning(letters))
        return sum(len(behaviour.seen) for behaviour in behaviours.values())

    (few, apart), (many, merged) = begun(letters), begun(letters, merge=True)
    assert nodes(apart, few) < 0.7 * nodes(merged, many)


@pytest.mark.parametrize(
    ("letters", "pods"), [("WW", [(0,)]), ("WW", [(0, 1)]), ("RW", [(1,), (0,)]), ("WE", [(1,), (1,)])]
)
def test_requests_that_are_cut_short_are_covered(letters: str, pods: list[tuple[int, ...]]) -> None:
    system = restarted(letters, pods)
    search = ProductSearch(system, [*range(system.processes)], merge=False)
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
    search = ProductSearch(guide("RRRWWWEEX"), groups("RRRWWWEEX"), merge=False)
    assert len(covered(search, meaning("RRRWWWEEX"))) == 435


def test_too_many_covers_or_ends_are_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    search = ProductSearch(guide("RWEX"), groups("RWEX"), merge=False)
    cover = covered(search, meaning("RWEX"))
    monkeypatch.setattr(module, "MAX_ENDS", 10)
    with pytest.raises(TooWide):
        cover.bound()
    monkeypatch.setattr(module, "MAX_COVERS", 10)
    with pytest.raises(TooWide):
        of_guide("RWEX")
