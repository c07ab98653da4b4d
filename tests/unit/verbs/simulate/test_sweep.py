"""Sweeps: ranges, lists, combinations, and what is refused."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.verbs.simulate.sweep import Axis, axis_of, cells


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("pods=2..5", ("2", "3", "4", "5")),
        ("pods=2..32:10", ("2", "12", "22", "32")),
        ("pods=2,8..9,2", ("2", "8", "9")),
        ("policy=random, round-robin", ("random", "round-robin")),
        ("policy=weighted:a=3,b=1,random", ("weighted:a=3,b=1", "random")),
        ("balancer=nginx,workers=2,zone=on,haproxy:source", ("nginx,workers=2,zone=on", "haproxy:source")),
        ("think=fixed:3s,8s", ("fixed:3s", "8s")),
    ],
)
def test_values_of_an_axis(text: str, values: tuple[str, ...]) -> None:
    assert axis_of(text) == Axis(text.partition("=")[0], values)


@pytest.mark.parametrize(
    "text", ["pods", "podz=2", "pods=", "pods=5..2", "pods=1..99999999", "rolling=x", "pods=2,,3"]
)
def test_what_is_no_axis_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem, match="--sweep"):
        axis_of(text)


def test_cells_are_all_combinations_over_the_other_fields() -> None:
    made = cells([axis_of("pods=2..3"), axis_of("policy=random,nginx")], {"ttl": "9s", "pods": "7"})
    assert [(cell["pods"], cell["policy"], cell["ttl"]) for cell in made] == [
        ("2", "random", "9s"), ("2", "nginx", "9s"), ("3", "random", "9s"), ("3", "nginx", "9s"),
    ]  # fmt: skip
    assert cells([], {"ttl": "9s"}) == [{"ttl": "9s"}]


def test_too_many_cells_and_a_field_swept_twice_are_refused() -> None:
    with pytest.raises(UsageProblem, match="1000000"):
        cells([axis_of("pods=1..1000"), axis_of("lookups=1..1000")], {})
    with pytest.raises(UsageProblem, match="twice"):
        cells([axis_of("pods=2"), axis_of("pods=3")], {})


def test_who_chooses_the_pod_is_swept_once() -> None:
    with pytest.raises(UsageProblem, match="policy and balancer"):
        cells([axis_of("policy=random"), axis_of("balancer=nginx")], {})
