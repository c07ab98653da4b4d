"""Kinds by a cover and by runs of parts, against the search over all states of the same requests."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from devenv.core.search.behaviour import Behaviour, Event, LearnedProgram
from devenv.core.search.collecting import Budget, Collected
from devenv.core.search.composition import Composition, Program
from devenv.core.search.expression import Participant, parse_meeting
from devenv.core.search.outcome import NOT_TRIED
from devenv.core.search.states.cover import Cover
from devenv.core.search.states.product_states import ProductSearch
from devenv.verbs.explore import bounded, parts
from devenv.verbs.explore.judged import Judged
from devenv.verbs.explore.learner import LearnedSystem
from devenv.verbs.explore.parts import Parts
from devenv.verbs.explore.selections import chosen
from tests.unit.core.search.states.test_cover import covered
from tests.unit.core.search.states.test_product_states import searched
from tests.unit.core.search.test_learning import FRESH, KEY, STORE, play

BEHAVIOURS: dict[str, Behaviour] = {}
"""What was learned of each kind of request, for all tests: more is only learned sooner."""
LIMIT = 2


def cast_of(expression: str) -> tuple[Participant, ...]:
    [cast] = parse_meeting(expression).cast()
    return cast


def learned(cast: tuple[Participant, ...], cover: bool = False, limit: int = LIMIT) -> LearnedSystem:
    programs: list[Program] = []
    for position, item in enumerate(cast):
        if item.event is not None:
            programs.append(Event(item.name, item.event, KEY))
            continue
        if item.letter not in BEHAVIOURS:
            BEHAVIOURS[item.letter] = Behaviour(item.letter)
            BEHAVIOURS[item.letter].learn(*play(item.letter, (), FRESH))
        programs.append(LearnedProgram(BEHAVIOURS[item.letter], item.name, position))
    letters = [item.letter for item in cast]
    groups = [letters.index(letter) for letter in letters]
    system = Composition(programs, STORE, FRESH)
    search = ProductSearch(system, groups, merge=False) if cover else searched(system, groups, merge=True)
    result = LearnedSystem(cast, system, tuple(programs), KEY, limit, NOT_TRIED, tuple(groups), search)
    if cover:
        means = result.meaning
        assert means is not None
        result.cover = covered(search, means)
        assert isinstance(result.cover, Cover)
    return result


def of_part(part: tuple[Participant, ...], look: Callable[[int], None]) -> LearnedSystem:
    system = learned(part)
    look(system.search.states)
    return system


def collected() -> Collected:
    return Collected(Budget(), time.monotonic)


def kinds_of_all_states(cast: tuple[Participant, ...]) -> set[str]:
    exact = learned(cast)
    judged = Judged(exact)
    return {kind for end in exact.search.ends for kind in judged.kinds(exact.search.packed(end))}


@pytest.mark.parametrize(
    "expression", ["R", "W+X", "W+W", "R+R", "R+W+E", "W+E+X", "3 W+X", "R+R+W+X", "E+E+R+X", "R+W+A", "4 W"]
)
def test_the_same_kinds_as_by_all_states(expression: str) -> None:
    cast = cast_of(expression)
    gathered = collected()
    bounded.search(learned(cast, cover=True), gathered, Parts(of_part))
    assert set(gathered.kinds) == kinds_of_all_states(cast)
    assert gathered.remark is None
    assert (gathered.counted, gathered.outcomes) == (False, None)


def test_each_kind_has_a_run_of_the_whole_cast() -> None:
    cast = cast_of("R+2 W+E+X")
    whole = learned(cast, cover=True)
    gathered = collected()
    bounded.search(whole, gathered, Parts(of_part))
    judged = Judged(whole)
    assert set(gathered.kinds) == {
        "double-success", "empty-bypass", "expiry-inside-verify", "lost-attempt", "more-than-two-graded",
        "not-linearizable", "resurrected-key",
    }  # fmt: skip
    for kind, met in gathered.kinds.items():
        state = whole.system.initial()
        for process in met.run:
            state = whole.system.execute(state, process)
        assert not any(whole.system.pending(state))
        assert kind in judged.kinds(state)


def test_a_kind_that_no_run_shows_is_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_STATES", 10)
    gathered = collected()
    bounded.search(learned(cast_of("R+R+X"), cover=True), gathered, Parts(of_part))
    assert gathered.remark is not None
    assert "double-success" in gathered.remark


def test_what_no_part_decides_is_decided_by_all_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_STATES", 10)
    cast = cast_of("R+R+X")
    gathered = collected()
    bounded.search(learned(cast, cover=True), gathered, Parts(of_part, of_part))
    assert set(gathered.kinds) == kinds_of_all_states(cast)
    assert gathered.remark is None
    monkeypatch.setattr(parts, "MAX_WHOLE_STATES", 5)
    gathered = collected()
    bounded.search(learned(cast, cover=True), gathered, Parts(of_part, of_part))
    assert "double-success" in (gathered.remark or "")


def test_a_kind_that_needs_five_requests_is_shown_without_its_shortest_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "MAX_PLACES", 1000)
    gathered = collected()
    bounded.search(learned(cast_of("6 E"), cover=True), gathered, Parts(of_part))
    assert set(gathered.kinds) == {
        "double-success", "empty-bypass", "lost-attempt", "more-than-two-graded", "resurrected-key",
    }  # fmt: skip
    assert gathered.remark is None


def test_one_request_that_can_pass_makes_no_double_success() -> None:
    gathered = collected()
    bounded.search(learned(cast_of("R+4 W+X"), cover=True), gathered, Parts(of_part))
    assert "double-success" not in gathered.kinds
    assert gathered.remark is None


def test_a_part_with_a_kind_is_no_run_of_a_cast_that_cannot_show_it() -> None:
    whole = learned(cast_of("R+W"), cover=True)
    [alone] = [selection for selection in chosen(whole.cast) if [*selection.positions] == [0]]
    assert bounded.extended(Judged(whole), alone, (0, 0, 0, 0, 0), "no-ttl") is None


def test_without_a_limit_nothing_is_covered() -> None:
    assert learned(cast_of("W"), limit=0).meaning is None
