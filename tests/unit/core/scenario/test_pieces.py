"""Delta debugging, and scenarios with steps left out or sent elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.scenario import catalogue, parse
from devenv.core.scenario.model import Create, Together
from devenv.core.scenario.pieces import Piece, keep_only, pieces_of
from devenv.core.scenario.pod_rotation import across
from devenv.core.scenario.writer import scenario_yaml, write_scenario
from devenv.core.search.ddmin import ddmin


@given(
    st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1)))
)
def test_ddmin_finds_exactly_what_is_needed(case: tuple[int, set[int]]) -> None:
    count, needed = case
    asked: list[tuple[int, ...]] = []

    def fails(part: Sequence[int]) -> bool:
        asked.append(tuple(part))
        return needed <= set(part)

    assert ddmin(range(count), fails) == sorted(needed)
    assert len(asked) == len(set(asked))
    assert len(asked) <= count * count + 3 * count


@given(st.sets(st.integers(0, 15), min_size=1), st.integers(1, 5))
def test_what_ddmin_gives_is_minimal_where_failing_is_not_monotonous(odd: set[int], modulo: int) -> None:
    def fails(part: Sequence[int]) -> bool:
        return bool(odd & set(part)) and len(part) % modulo == 16 % modulo

    found = ddmin(range(16), fails)
    assert fails(found)
    assert found == sorted(found)
    without = [found[:at] + found[at + 1 :] for at in range(len(found))]
    assert not any(fails(part) for part in without if part)


SCENARIO = yaml.safe_load("""
version: 1
id: x
title: x
cause: pod-memory
needs: [R, X]
stores: {memory: {shows: x}, guide: {shows: x}, atomic: {shows: x}}
sessions: {a: abstract, b: abstract}
steps:
  - {create: a, pod: A}
  - {request: GET /v, capture: {v: value}}
  - {create: b, pod: B}
  - together:
      one: {verify: a, pod: A, answer: wrong}
      two: {verify: b, pod: B, answer: wrong}
    expect: {requests: {one: {outcome: wrong}, two: {outcome: wrong}}}
  - {request: "POST /{challenge:a}", json: {v: "{captured:v}"}}
  - together: [{verify: a, answer: wrong}, {verify: b, answer: wrong}]
    expect: {outcomes: {wrong: 2}}
""")


def kept(*numbers: int) -> dict[str, Any]:
    every = pieces_of(SCENARIO)
    left = keep_only(SCENARIO, [every[number] for number in numbers])
    assert left is not None
    parse(scenario_yaml(left), "x.yaml")
    return left


def test_pieces() -> None:
    assert pieces_of(SCENARIO) == [
        Piece(0), Piece(1), Piece(2), Piece(3, "one"), Piece(3, "two"), Piece(4), Piece(5, 0), Piece(5, 1),
    ]  # fmt: skip
    assert kept(*range(8)) == SCENARIO


def test_what_speaks_of_what_is_not_there_goes_too() -> None:
    assert kept(0, 3, 4) == {
        **{key: value for key, value in SCENARIO.items() if key not in ("sessions", "steps")},
        "sessions": {"a": "abstract"},
        "steps": [
            {"create": "a", "pod": "A"},
            {"verify": "a", "pod": "A", "answer": "wrong", "expect": {"outcome": "wrong"}},
        ],
    }
    assert [next(iter(step)) for step in kept(0, 5)["steps"]] == ["create"]
    assert [next(iter(step)) for step in kept(0, 1, 5)["steps"]] == ["create", "request", "request"]
    assert kept(0, 2, 6)["steps"][-1] == {"together": [{"verify": "a", "answer": "wrong"}]}
    assert keep_only(SCENARIO, [Piece(3, "one")]) is None
    assert keep_only(SCENARIO, []) is None


def test_over_pods_in_turn() -> None:
    scenario = across(parse(scenario_yaml(SCENARIO), "x.yaml"), 3)
    assert scenario.stack.pods == 3
    create_a, _, create_b, named, _, together = scenario.steps
    assert isinstance(create_a, Create) and isinstance(create_b, Create)
    assert (create_a.pod, create_b.pod) == ("captcha-api-a", "captcha-api-b")
    assert isinstance(named, Together) and isinstance(together, Together)
    assert [part.pod for part in named.verifies] == ["captcha-api-b", "captcha-api-c"]
    assert [part.pod for part in together.verifies] == ["captcha-api-c", "captcha-api-a"]
    again = parse(write_scenario(scenario), "x.yaml")
    assert [getattr(step, "pod", None) for step in again.steps] == [
        getattr(step, "pod", None) for step in scenario.steps
    ]


@pytest.mark.parametrize("scenario", catalogue(), ids=lambda item: item.id)
def test_every_scenario_can_be_taken_apart(scenario: Any) -> None:
    data = yaml.safe_load(scenario.source)
    pieces = pieces_of(data)
    assert keep_only(data, pieces) == data
    for number in sorted({0, len(pieces) // 2}):
        left = keep_only(data, pieces[:number] + pieces[number + 1 :])
        if left is not None:
            parse(scenario_yaml(left), scenario.name)
