"""The search over product states, against every order run one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Any

import pytest

from devenv.core.model.errors import Inconclusive
from devenv.core.search.composition import Command, Composition
from devenv.core.search.dpor import SourceDpor
from devenv.core.search.states import product_states, trace_counts
from devenv.core.search.states.product_states import End, ProductSearch
from devenv.core.search.states.trace_counts import TooMany, count_traces
from devenv.core.search.states.witness import run_to
from tests.unit.core.search.guide_model import guide
from tests.unit.core.search.oracles import enumerate_all
from tests.unit.core.search.test_learning import composed, groups, learned_behaviours, play, raised, restarted
from tests.unit.core.search.test_search import YARDSTICK


def searched(system: Composition, groups: list[int], merge: bool) -> ProductSearch:
    """A search at its end; what it asks of learned behaviours is played."""
    search = ProductSearch(system, groups, merge=merge)
    while questions := raised(search):
        for question in questions:
            heard = (*question.behaviour.history(question.node), question.heard)
            question.behaviour.learn(*play(question.behaviour.name, heard, question.store))
    return search


def of_letters(letters: str, merge: bool = True) -> ProductSearch:
    return searched(guide(letters), [letters.index(letter) for letter in letters], merge)


def meaning(search: ProductSearch, state: Any) -> Hashable:
    """A final state, equal processes taken for one."""
    system = search.system
    ends = [
        tuple(sorted(repr(system.end_of(state[process + 1])) for process in group.processes))
        for group in search.groups
    ]
    return (state[0], *ends)


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("letters", ["W", "WW", "RR", "RRX", "WEX", "RW", "EE"])
def test_every_end_of_every_order_is_met_and_no_other(letters: str, merge: bool) -> None:
    search = of_letters(letters, merge)
    met = set()
    enumerate_all(search.system, lambda run, state: met.add(meaning(search, state)))
    assert {meaning(search, search.packed(end)) for end in search.ends} == met
    assert len(search.ends) == len(met)


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("letters", YARDSTICK)
def test_the_traces_are_counted_without_running_them(letters: str, merge: bool) -> None:
    search = of_letters(letters, merge)
    traces = count_traces(search, 10_000)
    assert sum(traces.values()) == YARDSTICK[letters][0]
    assert set(traces) == set(search.ends)


@pytest.mark.parametrize("letters", ["WWW", "RWE", "RRX"])
def test_as_many_traces_come_to_each_end_as_are_run(letters: str) -> None:
    search = of_letters(letters)
    run: Counter[Hashable] = Counter()
    SourceDpor(search.system, lambda _, state: run.update([meaning(search, state)])).search()
    counted = count_traces(search, 10_000)
    assert {meaning(search, search.packed(end)): count for end, count in counted.items()} == dict(run)


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("letters", ["WW", "RWE", "RRRX", "WWWW"])
def test_a_run_leads_to_each_end(letters: str, merge: bool) -> None:
    search = of_letters(letters, merge)
    for end in search.ends:
        state = search.system.initial()
        for process in run_to(search, end):
            state = search.system.execute(state, process)
        assert not any(search.system.pending(state)), end
        assert meaning(search, state) == meaning(search, search.packed(end))


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize(
    ("letters", "pods"), [("WW", [(0,)]), ("WW", [(0, 1)]), ("RW", [(1,), (0,)]), ("WE", [(1,), (1,)])]
)
def test_restarts_are_signals_to_some_processes(
    letters: str, pods: list[tuple[int, ...]], merge: bool
) -> None:
    system = restarted(letters, pods)
    search = searched(system, [*range(system.processes)], merge)
    runs: list[Any] = []
    SourceDpor(system, lambda _, state: runs.append(state)).search()
    assert {search.packed(end)[0] for end in search.ends} == {state[0] for state in runs}
    assert {meaning(search, search.packed(end)) for end in search.ends} == {
        meaning(search, state) for state in runs
    }
    assert sum(count_traces(search, 100_000).values()) == len(runs)
    for end in search.ends:
        state = system.initial()
        for process in run_to(search, end):
            state = system.execute(state, process)
        assert meaning(search, state) == meaning(search, search.packed(end))


def test_four_requests_need_few_states() -> None:
    # Measured; the same by a hand-made table of what each reply changes. 218,856 and 7,715,908 traces.
    assert (of_letters("WWWW").states, of_letters("RRRR").states) == (119, 699)


def test_too_many_states_are_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_states, "MAX_STATES", 10)
    with pytest.raises(Inconclusive, match="more than 10 product states"):
        of_letters("RWE")


def test_too_many_pairs_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_counts, "LOOK_EVERY", 10)

    def no_time() -> None:
        raise TimeoutError

    with pytest.raises(TooMany):
        count_traces(of_letters("RWE"), 100)
    with pytest.raises(TimeoutError):
        count_traces(of_letters("RWE"), 100_000, no_time)


def test_the_same_twice() -> None:
    one, other = of_letters("RWEX"), of_letters("RWEX")
    assert one.ends == other.ends
    assert count_traces(one, 100_000) == count_traces(other, 100_000)
    assert all(run_to(one, end) == run_to(other, end) for end in one.ends)


@pytest.mark.parametrize("letters", ["WWWW", "WWWX", "RWEX"])
def test_what_is_learned_for_places_is_enough(letters: str) -> None:
    """Places ask more than a search over nodes; nodes with the same future are then one, as in the table."""
    asked, behaviours = learned_behaviours(letters, merge=True)
    assert asked > learned_behaviours(letters)[0]
    search = searched(composed(letters, behaviours), groups(letters), merge=True)
    assert search.states == of_letters(letters).states
    assert sum(count_traces(search, 100_000).values()) == YARDSTICK[letters][0]


class Counters:
    """Reads a number, and adds one to it where it was even; the end keeps what was read."""

    def begin(self) -> Any:
        return ()

    def next(self, seen: Any) -> Any:
        if not seen:
            return Command("GET", ("GET",), frozenset({"n"}), frozenset())
        if len(seen) == 1 and seen[0] % 2 == 0:
            return Command("INCR", ("INCR",), frozenset(), frozenset({"n"}))
        return None

    def after(self, seen: Any, reply: Any) -> Any:
        return (*seen, reply)

    def signalled(self, seen: Any, kind: str) -> Any:
        raise NotImplementedError

    def end(self, seen: Any) -> Any:
        return seen


class Number:
    def execute(self, state: Any, command: Any) -> Any:
        return (state, state) if command.label == "GET" else (state + 1, state + 1)


def test_nodes_that_only_later_prove_different_are_told_apart() -> None:
    """Read 0 and read 2 have the same step, and after INCR the answer differs by what was read."""
    system = Composition([Counters(), Counters(), Counters()], Number(), 0)
    search = searched(system, [0, 0, 0], merge=True)
    met = set()
    enumerate_all(system, lambda run, state: met.add(meaning(search, state)))
    assert {meaning(search, search.packed(end)) for end in search.ends} == met
    assert isinstance(next(iter(search.ends)), End)
