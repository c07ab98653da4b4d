"""Fault rules: deterministic by seed and counter, one rule per endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mock_ml.faults import FaultRule, Faults

WORDS = ("apple", "bus", "cat")


def _errors(seed: int, count: int = 400) -> list[bool]:
    faults = Faults(seed)
    faults.put(FaultRule(endpoint="predict-bot", error_rate=0.25))
    return [fate.fails for fate in (faults.fate("predict-bot") for _ in range(count)) if fate]


def test_the_same_seed_fails_the_same_requests() -> None:
    assert _errors(7) == _errors(7)
    assert _errors(7) != _errors(8)
    assert 70 <= sum(_errors(7)) <= 130


def test_rates_of_nought_and_one_are_never_and_always() -> None:
    faults = Faults(1)
    faults.put(FaultRule(endpoint="predict-bot", error_rate=1, wrong_label_rate=1))
    assert all(fate and fate.fails for fate in (faults.fate("predict-bot") for _ in range(50)))
    assert all(faults.label("predict-bot", "apple", WORDS) != "apple" for _ in range(50))
    faults.put(FaultRule(endpoint="predict-bot"))
    assert not any(fate is None or fate.fails for fate in (faults.fate("predict-bot") for _ in range(50)))
    assert all(faults.label("predict-bot", "apple", WORDS) == "apple" for _ in range(50))


def test_the_star_is_every_prediction_without_a_rule_of_its_own() -> None:
    faults = Faults(1)
    faults.put(FaultRule(endpoint="*", latency_ms=5))
    faults.put(FaultRule(endpoint="predict-text", latency_ms=9))
    fates = {name: faults.fate(name) for name in ("predict-image", "predict-text", "assets")}
    assert fates["predict-image"] and fates["predict-image"].rule.latency_ms == 5
    assert fates["predict-text"] and fates["predict-text"].rule.latency_ms == 9
    assert fates["assets"] is None


def test_counts_are_told_and_begin_again_with_a_new_rule() -> None:
    faults = Faults(1)
    faults.put(FaultRule(endpoint="predict-text", error_rate=1, wrong_label_rate=1))
    faults.fate("predict-text")
    faults.label("predict-text", "apple", WORDS)
    (rule,) = faults.to_json()["rules"]
    assert (rule["requests"], rule["errors"], rule["labels"], rule["wrong_labels"]) == (1, 1, 1, 1)
    faults.put(FaultRule(endpoint="predict-text"))
    assert faults.to_json()["rules"][0]["requests"] == 0


def test_clearing_one_and_all() -> None:
    faults = Faults(1)
    faults.put(FaultRule(endpoint="predict-text"))
    faults.put(FaultRule(endpoint="assets"))
    faults.clear("predict-text")
    assert faults.fate("predict-text") is None
    assert faults.fate("assets") is not None
    faults.clear()
    faults.clear("assets")
    assert faults.to_json() == {"seed": 1, "held": 0, "rules": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "health"},
        {"error_rate": 1.5},
        {"error_rate": float("nan")},
        {"latency_ms": -1},
        {"error_status": 200},
        {"typo": 1},
        {"timeout_s": 0},
    ],
)
def test_impossible_rules_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FaultRule.model_validate(wrong)
