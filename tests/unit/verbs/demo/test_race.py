"""What the demo's race makes of replays: when it went as it must, and when not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from devenv.core.diagnosis.findings import Diagnosis
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import find
from devenv.harness.client.recording import Recording
from devenv.verbs.demo.race import SCENARIO, key_contents, surprises
from devenv.verbs.demo.setting import RACE_ENV
from devenv.verbs.explain.explanation import Explanation, Group
from devenv.verbs.replay.observed import Observed
from devenv.verbs.replay.result import ReplayResult

NOTHING = Explanation("x", None, (), (), 3, "1 challenge, 2 answers", ())


def explained(*causes: str) -> Explanation:
    groups = tuple(Group(Diagnosis(cause, None, "sentence", ()), 1, (), (), (), ()) for cause in causes)
    return replace(NOTHING, groups=groups)


def played(strategy: Strategy, *plays: Mapping[str, Any], deviations: tuple[str, ...] = ()) -> ReplayResult:
    steps = tuple((Observed(4, 43, "verify alice: empty", shown, deviations),) for shown in plays)
    return ReplayResult(find(SCENARIO), strategy, steps, tuple(0.1 for _ in plays), Recording())


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"exists": False}, "no key any more"),
        (
            {"exists": True, "has_ttl": False, "fields": ["attempts"], "attempts": 1},
            '{"attempts": 1}, no TTL',
        ),
        (
            {"exists": True, "has_ttl": True, "fields": ["type", "cid"], "attempts": 0},
            "type, cid, with a TTL",
        ),
        ({"exists": True, "has_ttl": True, "fields": [], "attempts": None}, "a key, with a TTL"),
    ],
)
def test_what_lies_in_redis_in_short(shown: dict[str, Any], words: str) -> None:
    assert key_contents(shown) == words


def test_the_stack_of_the_demo_fits_the_scenario() -> None:
    """Else each race would restart the pods, before and after."""
    assert find(SCENARIO).stack.env == RACE_ENV
    assert find(SCENARIO).stack.pods == 2


def test_a_race_that_went_as_the_catalogue_says_has_no_surprises() -> None:
    passed, refused = {"outcome": "success"}, {"outcome": "error"}
    guide = played(Strategy.GUIDE, passed, passed)
    assert surprises(guide, explained("resurrected-key", "empty-bypass")) == []
    assert surprises(played(Strategy.ATOMIC, refused, refused), NOTHING) == []


def test_an_expectation_that_did_not_hold_is_told_once() -> None:
    shown = {"outcome": "error"}
    result = played(Strategy.GUIDE, shown, shown, deviations=("outcome is error, not success",))
    all_surprises = surprises(result, explained("empty-bypass"))
    assert all_surprises == ["verify alice: empty: outcome is error, not success"]


def test_repeats_that_differ_are_a_surprise() -> None:
    result = played(Strategy.GUIDE, {"outcome": "success"}, {"outcome": "success", "attempts": 2})
    assert surprises(result, explained("empty-bypass")) == ["it did not go the same way each time"]


def test_a_diagnosis_that_misses_or_invents_is_a_surprise() -> None:
    passed = played(Strategy.GUIDE, {"outcome": "success"})
    assert "does not show empty-bypass" in surprises(passed, explained("resurrected-key"))[0]
    refused = played(Strategy.ATOMIC, {"outcome": "error"})
    assert "something wrong: empty-bypass" in surprises(refused, explained("empty-bypass"))[0]
