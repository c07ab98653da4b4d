"""Kinds and runs of parts of a cast, on the guide's verify as it is played in ``test_learning``."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devenv.core.search.composition import PackedState
from devenv.core.search.shortest import TooLarge, shortest_runs
from devenv.verbs.explore import parts as module
from devenv.verbs.explore.judged import Judged
from devenv.verbs.explore.learner import LearnedSystem
from devenv.verbs.explore.parts import Part, Parts
from tests.unit.verbs.explore.test_bounded import cast_of, kinds_of_all_states, learned, of_part


@pytest.mark.parametrize("expression", ["R+R", "W+W+W", "R+R+X", "E+E+A", "R+W+E", "2 R+W", "3 W+X"])
def test_shortest_runs_are_as_good_as_without_interchanging(expression: str) -> None:
    system = learned(cast_of(expression))
    judged = Judged(system)
    each = shortest_runs(system.system, judged.kinds, 300_000)
    fewer = shortest_runs(system.system, judged.kinds, 300_000, canonical=system.canonical())
    assert {kind: (len(item.run), item.switches) for kind, item in fewer.items()} == {
        kind: (len(item.run), item.switches) for kind, item in each.items()
    }
    for kind, item in fewer.items():
        assert kind in shown(judged, item.run)


def shown(judged: Judged, run: tuple[int, ...]) -> list[str]:
    system = judged.learned.system
    state = system.initial()
    for process in run:
        state = system.execute(state, process)
    assert not any(system.pending(state))
    return judged.kinds(state)


def test_interchangeable_requests_make_a_smaller_graph() -> None:
    system = learned(cast_of("4 W"))
    judged = Judged(system)
    assert set(shortest_runs(system.system, judged.kinds, 40_000, canonical=system.canonical())) == {
        "lost-attempt", "more-than-two-graded", "resurrected-key",
    }  # fmt: skip
    with pytest.raises(TooLarge):
        shortest_runs(system.system, judged.kinds, 40_000)


def test_a_search_for_some_kinds_ends_with_the_last_of_them() -> None:
    cast = cast_of("R+R+X")
    result = Parts(of_part).runs(cast, ["double-success", "no-such-kind"])
    assert set(result) == {"double-success"}
    judged = Judged(learned(cast))
    system = judged.learned.system
    assert len(result["double-success"]) == len(
        shortest_runs(system, judged.kinds, 99_999)["double-success"].run
    )
    final: list[PackedState] = []

    def kinds(state: PackedState) -> list[str]:
        final.append(state)
        return ["any"]

    shortest_runs(system, kinds, 99_999, 1)
    assert len(final) < len(judged.learned.search.ends)


def test_kinds_are_those_of_all_states_and_each_has_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    cast = cast_of("R+W+E")
    expected = kinds_of_all_states(cast)
    parts = Parts(of_part)
    assert parts.kinds(cast) == expected
    monkeypatch.setattr(module, "MAX_PLACES", 10)  # no shortest run is found then
    runs = parts.runs(cast, expected)
    assert set(runs) == expected
    for kind, run in runs.items():
        assert kind in shown(parts.judged(cast), run)


def counting(learn: Callable[[Part], LearnedSystem], asked: list[Part]) -> module.Learn:
    def counted(part: Part, look: Callable[[int], None]) -> LearnedSystem:
        asked.append(part)
        return learn(part)

    return counted


def test_a_part_is_learned_once_and_a_known_system_never() -> None:
    asked: list[Part] = []
    parts = Parts(counting(learned, asked))
    whole, part = learned(cast_of("W+W+X")), cast_of("W+W")
    parts.know(whole)
    for cast in (whole.cast, part, part):
        assert parts.runs(cast, ["lost-attempt"])
    assert asked == [part]


def test_too_many_states_of_parts_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    states = learned(cast_of("R+W")).search.states
    monkeypatch.setattr(module, "MAX_STATES", states + 1)
    parts = Parts(counting(learned, []))
    assert parts.kinds(cast_of("R+W"))
    with pytest.raises(TooLarge):
        parts.kinds(cast_of("W+W"))

    def looks(part: Part, look: Callable[[int], None]) -> LearnedSystem:
        look(states + 2)
        raise AssertionError("a part with too many states was learned")

    with pytest.raises(TooLarge):
        Parts(looks).kinds(cast_of("R+W"))


def test_a_part_whose_states_were_not_all_gone_through_is_too_large() -> None:
    with pytest.raises(TooLarge):
        Parts(counting(lambda part: learned(part, cover=True), [])).kinds(cast_of("R+W"))


def test_a_whole_cast_with_a_cover_rules_nothing_out() -> None:
    cast = cast_of("R+W")
    covered = Parts(of_part, counting(lambda part: learned(part, cover=True), []))
    assert covered.whole(cast, ["lost-attempt"]) is None
    assert Parts(of_part).whole(cast, ["lost-attempt"]) is None
    runs = Parts(of_part, of_part).whole(cast, ["lost-attempt", "no-ttl"])
    assert runs is not None and set(runs) == {"lost-attempt"}
