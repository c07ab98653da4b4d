"""Delta debugging, and scenarios with steps left out or sent elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import catalogue, parse
from devenv.core.scenario.model import Create, Request, Scenario, Step, Together, Verify
from devenv.core.scenario.pieces import Piece, keep_only, pieces_of
from devenv.core.scenario.pod_rotation import across
from devenv.core.scenario.writer import write_scenario
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

    result = ddmin(range(16), fails)
    assert fails(result)
    assert result == sorted(result)
    without = [result[:position] + result[position + 1 :] for position in range(len(result))]
    assert not any(fails(part) for part in without if part)


SCENARIO = parse(
    """
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
  - together:
      one: {verify: a, pod: A, answer: wrong}
      two: {verify: b, pod: B, answer: wrong}
      three: {verify: b, pod: A, answer: right}
    order: {guide: ["one:read before two:write"]}
    expect:
      memory: {requests: {one: {outcome: not_found}, three: {outcome: success}}}
      guide: {requests: {one: {outcome: wrong}, two: {attempts: 1}}}
""",
    "x.yaml",
)


def without_lines(scenario: Scenario) -> Scenario:
    """The scenario without what only says where it stood in its file."""

    def clean(step: Step) -> Step:
        if isinstance(step, Together):
            step = replace(step, verifies=tuple(replace(part, line=0) for part in step.verifies))
        return replace(step, line=0)

    return replace(scenario, source="", steps=tuple(map(clean, scenario.steps)))


def kept(*numbers: int) -> Scenario:
    every = pieces_of(SCENARIO)
    left = keep_only(SCENARIO, [every[number] for number in numbers])
    assert left is not None
    assert without_lines(parse(write_scenario(left), "x.yaml")) == without_lines(left)
    return left


def test_pieces() -> None:
    assert pieces_of(SCENARIO) == [
        Piece(0), Piece(1), Piece(2), Piece(3, 0), Piece(3, 1), Piece(4), Piece(5, 0), Piece(5, 1),
        Piece(6, 0), Piece(6, 1), Piece(6, 2),
    ]  # fmt: skip
    assert kept(*range(11)) == SCENARIO


def test_what_speaks_of_what_is_not_there_goes_too() -> None:
    left = kept(0, 3, 4)
    assert left.sessions == {"a": "abstract"}
    assert (left.id, left.stores, left.needs) == (SCENARIO.id, SCENARIO.stores, SCENARIO.needs)
    create, verify = left.steps
    assert create == SCENARIO.steps[0]
    together = SCENARIO.steps[3]
    assert isinstance(together, Together)
    wrong = {"outcome": "wrong"}
    assert verify == replace(together.verifies[0], expect=dict.fromkeys(Strategy, wrong))
    assert kept(0, 5).steps == SCENARIO.steps[:1]  # the request names a captured value that is not there
    assert [type(step) for step in kept(0, 1, 5).steps] == [Create, Request, Request]
    last = kept(0, 2, 6).steps[-1]
    assert isinstance(last, Together)
    assert (len(last.verifies), last.verifies[0].pod, last.expect) == (1, None, {})
    assert keep_only(SCENARIO, [Piece(3, 0)]) is None
    assert keep_only(SCENARIO, []) is None


def test_an_order_goes_with_its_requests_and_what_each_store_expects_of_a_request_stays() -> None:
    whole, two, one = (kept(0, 2, *requests).steps[-1] for requests in ((8, 9, 10), (8, 9), (9,)))
    assert isinstance(whole, Together) and whole.order == {Strategy.GUIDE: ("one:read before two:write",)}
    assert isinstance(two, Together) and two.order == {} and two.names == ("one", "two")
    assert two.expect == {
        Strategy.MEMORY: {"requests": {"one": {"outcome": "not_found"}}},
        Strategy.GUIDE: {"requests": {"one": {"outcome": "wrong"}, "two": {"attempts": 1}}},
    }
    assert isinstance(one, Verify) and one.expect == {Strategy.GUIDE: {"attempts": 1}}


def test_over_pods_in_turn() -> None:
    scenario = across(replace(SCENARIO, steps=SCENARIO.steps[:6]), 3)
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
def test_every_scenario_can_be_taken_apart(scenario: Scenario) -> None:
    pieces = pieces_of(scenario)
    assert keep_only(scenario, pieces) == scenario
    for number in sorted({0, len(pieces) // 2}):
        left = keep_only(scenario, pieces[:number] + pieces[number + 1 :])
        if left is not None:
            assert without_lines(parse(write_scenario(left), scenario.name)) == without_lines(left)
