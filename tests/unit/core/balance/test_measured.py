"""Figures of what was measured: alternation, cycles, requests to pods that fail."""

from __future__ import annotations

import pytest

from devenv.core.balance.measured import Delivery, Failure, FailureResult, KeptOut, alternation, cycle
from devenv.core.balance.patterns import PATTERNS
from tests.unit.core.balance.results import result

A, B = "captcha-api-a", "captcha-api-b"


@pytest.mark.parametrize(
    ("pods", "expected"),
    [([], (None, 0)), ([A], (None, 1)), ([A, B, A, B], (1.0, 1)), ([A, A, B, B, B], (0.25, 3))],
)
def test_alternation(pods: list[str], expected: tuple[float | None, int]) -> None:
    assert alternation(pods) == expected


@pytest.mark.parametrize(
    ("pods", "length"),
    [
        ([A, B] * 20, 2),
        ([A, A, B, B] * 20, 4),
        ([A, A, B, A] * 20, 4),
        ([A] * 40, None),
        ([A, B, B, A, B, A, A, A, B, A, B, B, A, A, B, A, A, A, B, B, B, A, B, A], None),
        ([A, B], None),
    ],
)
def test_a_cycle_is_the_shortest_one_that_repeats(pods: list[str], length: int | None) -> None:
    assert cycle(pods) == length


def test_failures_are_summed_up_by_who_got_what() -> None:
    deliveries = (
        Delivery((A, B), "200", 0.1),
        Delivery((A,), "502", 0.2),
        Delivery((A,), "502", 0.1),
        Delivery((), "closed", 3.0),
    )
    done = FailureResult(Failure.CLOSES, "POST", False, deliveries)
    assert done.summary == "-=closed×1; A=502×2; AB=200×1"
    assert (done.bad, done.twice, done.slowest) == (3, 1, 3.0)
    assert done.to_json()["delivered_twice"] == 1


def test_a_pod_is_kept_out_only_past_what_chance_does() -> None:
    assert KeptOut(Failure.REFUSES, None, 16.0, 300).text == "more than 16 s"
    assert KeptOut(Failure.CLOSES, 10.34, 16.0, 200).text == "10.3 s"
    assert KeptOut(Failure.CLOSES, 0.4, 16.0, 8).text == "not kept out"
    assert KeptOut(Failure.CLOSES, 0.4, 16.0, 8).to_json()["seconds"] == 0.0


def test_a_result_says_how_its_clients_differ() -> None:
    assert result("new", 1, cookies=False).name == "new, no cookies"
    assert result("new", 1).to_json()["share_lost"]["value"] == 0.01
    assert len({pattern.name for pattern in PATTERNS}) == len(PATTERNS)
