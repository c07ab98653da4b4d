"""The bot verdict: a function of the behaviour data alone, whatever is in it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_ml.bot import THRESHOLD, judge

HUMAN = [
    {"x": 10 + 3 * i + 8 * math.sin(i / 3), "y": 40 + 6 * math.cos(i / 4), "timestamp": 16 * i + (i * i) % 9}
    for i in range(40)
]
STRAIGHT = [{"x": 5 * i, "y": 5 * i, "timestamp": 10 * i} for i in range(40)]


def test_a_wandering_pointer_is_a_person_and_a_ruler_is_not() -> None:
    person, ruler = judge({"mouseMovements": HUMAN}), judge({"mouseMovements": STRAIGHT})
    assert not person["is_bot"] and person["confidence_score"] > 70
    assert ruler["is_bot"] and ruler["confidence_score"] < person["confidence_score"]


@pytest.mark.parametrize("empty", [{}, {"mouseMovements": []}, {"mouseMovements": HUMAN[:2]}, {"x": "y"}])
def test_no_movement_is_a_bot(empty: dict[str, Any]) -> None:
    verdict = judge(empty)
    assert verdict["is_bot"] and verdict["mse"] > verdict["threshold"] == THRESHOLD


def test_usual_spellings_are_understood() -> None:
    expected = judge({"mouseMovements": HUMAN})
    assert judge({"moves": HUMAN}) == expected
    assert judge({"page": {"mouse_movements": HUMAN}}) == expected
    assert judge({"moves": [[move["x"], move["y"], move["timestamp"]] for move in HUMAN]}) == expected


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["x", "y", "t", "clicks"]), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["moves", "clicks", "page", "z"]), _json))
def test_anything_gets_a_finite_verdict(behaviour: dict[str, Any]) -> None:
    verdict = judge(behaviour)
    assert 0 <= verdict["confidence_score"] <= 100
    assert verdict["is_bot"] == (verdict["mse"] > THRESHOLD)
    assert all(math.isfinite(value) for value in verdict["features"].values())
    assert judge(behaviour) == verdict
