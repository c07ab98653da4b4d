"""Distributions of thinking times: their text, and what is computed of them against samples."""

from __future__ import annotations

import numpy as np
import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.simulation.thinking import Shape, Thinking, seconds

TEXTS = ["fixed:8s", "exponential:8s", "uniform:2s-20s", "lognormal:8s:0.6"]
ALL = [*map(Thinking.parse, TEXTS), Thinking.measured([9.0, 1.0, 4.0, 4.0])]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_reads_back(text: str) -> None:
    assert Thinking.parse(text).text == text


def test_a_time_alone_is_the_mean_of_an_exponential() -> None:
    assert Thinking.parse("300ms") == Thinking(Shape.EXPONENTIAL, 0.3)


@pytest.mark.parametrize(
    "text",
    ["", "8x", "-1s", "exponential:0s", "uniform:9s-2s", "uniform:2s", "lognormal:8s", "lognormal:8s:-1",
     "weibull:3s", "nan", "fixed:1e9s"],
)  # fmt: skip
def test_bad_texts_are_refused_with_the_field(text: str) -> None:
    with pytest.raises(UsageProblem, match="--think"):
        Thinking.parse(text)


@pytest.mark.parametrize("thinking", ALL, ids=lambda each: str(each.shape))
def test_what_is_computed_is_what_samples_give(thinking: Thinking) -> None:
    sample = thinking.draw(400_000, np.random.default_rng(3))
    for limit in (0.5, 4.0, 8.0, 15.0, 100.0):
        assert thinking.at_most(limit) == pytest.approx(float((sample <= limit).mean()), abs=0.004)
        assert thinking.mean_up_to(limit) == pytest.approx(float(np.minimum(sample, limit).mean()), rel=0.01)
    assert thinking.at_most(-1.0) == 0.0


@pytest.mark.parametrize("thinking", ALL, ids=lambda each: str(each.shape))
def test_sums_are_what_samples_give_or_not_known(thinking: Thinking) -> None:
    rng = np.random.default_rng(4)
    total = sum(thinking.draw(200_000, rng) for _ in range(3))
    known = [limit for limit in (5.0, 20.0, 30.0, 70.0) if thinking.sum_at_most(3, limit) is not None]
    for limit in known:
        assert thinking.sum_at_most(3, limit) == pytest.approx(float(np.mean(total <= limit)), abs=0.006)
    assert bool(known) is (thinking.shape is not Shape.LOGNORMAL)


def test_a_measured_one_needs_times() -> None:
    with pytest.raises(UsageProblem, match="no thinking times"):
        Thinking.measured([])


def test_spans_of_time() -> None:
    assert [seconds(text, "f") for text in ("2", "2s", "2m", "2h", "20ms")] == [2, 2, 120, 7200, 0.02]
