"""The searches against the measured yardstick and against each other."""

from itertools import pairwise
from random import Random
from typing import Any

import pytest

from devenv.core.search.dpor import Explored, SourceDpor
from devenv.core.search.shortest import TooLarge, shortest_runs, smaller_selections
from devenv.core.search.strategies import enumerate_preemptions, walk
from devenv.core.search.system import Access, Stopped, canonical
from tests.unit.core.search.guide_model import STUB, guide
from tests.unit.core.search.oracles import count_interleavings, count_traces, enumerate_all

# docs/failures.md: traces and naive interleavings, measured with the guide's verify on real Redis.
YARDSTICK = {
    "WW": (8, 70),
    "RR": (36, 252),
    "WWW": (564, 43_500),
    "RWE": (1_977, 119_402),
    "RRR": (8_307, 743_556),
    "RRX": (367, 2_148),
    "WWWX": (7_495, 400_272),
    "RWEX": (26_947, 1_205_709),
    "WWWW": (218_856, 158_473_560),
}


@pytest.mark.parametrize("letters", YARDSTICK)
def test_state_graph_counts_equal_the_yardstick(letters):
    traces, interleavings = YARDSTICK[letters]
    assert count_traces(guide(letters)).traces == traces
    assert count_interleavings(guide(letters)) == interleavings


def test_sleep_sets_alone_give_up_some_runs():
    assert count_traces(guide("RWE")) == (1_977, 8)


@pytest.mark.parametrize("letters", [item for item in YARDSTICK if item != "WWWW"])
def test_source_dpor_runs_each_trace_once(letters):
    system = guide(letters)
    forms = set()

    def visit(run, state):
        forms.add(hash(canonical(system, run)))

    explored = SourceDpor(system, visit).search()
    assert explored == Explored(traces=YARDSTICK[letters][0], blocked=0)
    assert len(forms) == explored.traces


def outcome(system: Any, letters: str, state: Any) -> Any:
    answers = tuple(
        system._programs[position].answer(system.node(state, position))
        for position, item in enumerate(letters)
        if item != "X"
    )
    return answers, system.store_state(state)


@pytest.mark.parametrize("letters", ["WW", "RR", "RRX", "WEX"])
def test_naive_enumeration_meets_the_same_traces_and_outcomes(letters):
    system = guide(letters)
    seen: dict[str, tuple[set[Any], set[Any]]] = {"naive": (set(), set()), "dpor": (set(), set())}

    def visitor(name: str) -> Any:
        forms, outcomes = seen[name]

        def visit(run, state):
            forms.add(canonical(system, run))
            outcomes.add(outcome(system, letters, state))

        return visit

    enumerate_all(system, visitor("naive"))
    SourceDpor(system, visitor("dpor")).search()
    assert seen["naive"] == seen["dpor"]


class OwnKeys:
    """``pairs`` pairs of processes; each pair writes its own key twice each."""

    def __init__(self, pairs: int, length: int = 2) -> None:
        self.processes = 2 * pairs
        self.length = length

    def initial(self) -> tuple[int, ...]:
        return (0,) * self.processes

    def pending(self, state: tuple[int, ...]) -> list[Access | None]:
        return [
            Access(0, 1 << position // 2) if done < self.length else None
            for position, done in enumerate(state)
        ]

    def execute(self, state: tuple[int, ...], process: int) -> tuple[int, ...]:
        return tuple(done + (position == process) for position, done in enumerate(state))


def test_on_several_keys_source_sets_spare_what_sleep_sets_give_up():
    system = OwnKeys(2)
    traces = 6**2
    assert SourceDpor(system, lambda run, state: None).search() == Explored(traces, blocked=0)
    assert count_traces(system).traces == traces
    assert count_traces(system).blocked > 0
    assert count_interleavings(system) == 2520


class Scripts:
    """Processes with given accesses, whatever the others do; the state is how far each is."""

    def __init__(self, scripts: list[list[Access]]) -> None:
        self.scripts = scripts
        self.processes = len(scripts)

    def initial(self) -> tuple[int, ...]:
        return (0,) * self.processes

    def pending(self, state: tuple[int, ...]) -> list[Access | None]:
        return [
            script[position] if position < len(script) else None
            for script, position in zip(self.scripts, state, strict=True)
        ]

    def execute(self, state: tuple[int, ...], process: int) -> tuple[int, ...]:
        return tuple(position + (number == process) for number, position in enumerate(state))


def test_dpor_meets_every_trace_of_random_systems_once():
    random = Random(4)
    for _ in range(150):
        scripts = [
            [Access(random.getrandbits(2), random.getrandbits(2)) for _ in range(random.randrange(1, 4))]
            for _ in range(random.randrange(2, 4))
        ]
        system = Scripts(scripts)
        naive, reduced = set(), []
        enumerate_all(system, lambda run, state: naive.add(canonical(system, run)))  # noqa: B023
        SourceDpor(system, lambda run, state: reduced.append(canonical(system, run))).search()  # noqa: B023
        assert len(reduced) == len(set(reduced)), scripts
        assert set(reduced) == naive, scripts
        assert count_traces(system).traces == len(naive)


def test_a_visitor_ends_the_search_and_the_count_stays():
    def visit(run, state):
        if search.explored.traces == 5:
            raise Stopped

    search = SourceDpor(guide("RWE"), visit)
    with pytest.raises(Stopped):
        search.search()
    assert search.explored.traces == 5


def test_preemption_bounds_grow_to_everything():
    system = guide("WW")
    counts = []
    for limit in (0, 1, 2, 8):
        runs = []
        enumerate_preemptions(system, limit, lambda run, state: runs.append(tuple(run)))  # noqa: B023
        assert len(runs) == len(set(runs))
        counts.append(len(runs))
    assert counts[0] == 2
    assert counts == sorted(counts)
    assert counts[-1] == 70


def test_a_walk_is_repeated_by_its_seed():
    system = guide("RWEX")
    walks = [walk(system, Random(seed)) for seed in (1, 1, 2, 3, 4)]
    assert walks[0] == walks[1]
    assert len({tuple(run) for run, _ in walks}) > 1


def kinds(system: Any, letters: str) -> Any:
    def judge(state):
        answers, key = outcome(system, letters, state)
        if sum(1 for answer, _ in answers if answer == "success") > 1:
            yield "double-success"
        if key is not None and key.document == STUB:
            yield "stub"
        if any(
            item == "E" and answer == "success" for item, (answer, _) in zip(letters, answers, strict=False)
        ):
            yield "empty-bypass"

    return judge


def test_shortest_runs_are_the_known_ones():
    letters = "RR"
    system = guide(letters)
    all_shortest_runs = shortest_runs(system, kinds(system, letters), 10_000)
    # docs/exploration-notes: V1: GET GET TTL SETEX · V2: GET GET TTL SETEX DEL=1 · V1: DEL=0
    assert all_shortest_runs["double-success"].run == (0, 0, 0, 0, 1, 1, 1, 1, 1, 0)
    assert all_shortest_runs["double-success"].switches == 2

    letters = "WEX"
    system = guide(letters)
    all_shortest_runs = shortest_runs(system, kinds(system, letters), 10_000)
    # V1: GET · X · V1: GET=nil TTL=-2 SET stub · V2: GET GET TTL=-1 SET DEL → success
    assert all_shortest_runs["empty-bypass"].run == (0, 2, 0, 0, 0, 1, 1, 1, 1, 1)


def test_no_run_of_that_kind_is_shorter():
    letters = "REX"
    system = guide(letters)
    judge = kinds(system, letters)
    all_shortest_runs = shortest_runs(system, judge, 10_000)
    best: dict[str, tuple[int, int]] = {}

    def visit(run, state):
        switches = sum(1 for before, after in pairwise(run) if before != after)
        for kind in judge(state):
            best[kind] = min(best.get(kind, (99, 99)), (len(run), switches))

    enumerate_all(system, visit)
    assert {kind: (len(item.run), item.switches) for kind, item in all_shortest_runs.items()} == best


def test_a_graph_too_large_is_said():
    with pytest.raises(TooLarge):
        shortest_runs(guide("WWW"), lambda state: (), 100)


def test_selections_are_small_first_and_equal_ones_once():
    assert smaller_selections("WWE") == [(0,), (2,), (0, 1), (0, 2), (0, 1, 2)]
