"""Intervals on shares: of one setting (Wilson), and of the difference of two settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Z95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution: two-sided 95 %."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its interval, all from 0 to 1."""

    value: float
    """The estimate, or the exact value."""
    low: float
    """The lower end of the 95 % interval."""
    high: float
    """The upper end."""

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2

    def holds(self, value: float) -> bool:
        """Whether ``value`` lies in the interval, ends included."""
        return self.low <= value <= self.high

    def to_json(self) -> dict[str, Any]:
        """``{"value", "low", "high"}``."""
        return {"value": self.value, "low": self.low, "high": self.high}


def wilson(hits: int, trials: int, z: float = Z95) -> Share:
    """The share of ``hits`` in ``trials`` independent trials with its score interval.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of the
    American Statistical Association 22 (1927) 209-212. No trials: from 0 to 1. Raises ValueError where the
    hits are not within the trials.
    """
    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} of {trials}")
    if trials == 0:
        return Share(0.0, 0.0, 1.0)
    share, square = hits / trials, z * z
    scale = 1 + square / trials
    middle = (share + square / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == trials else min(1.0, middle + half)
    return Share(share, low, high)


def design_effect(batches: Sequence[tuple[int, int]]) -> float:
    """By how much the variance of a share exceeds that of independent trials, at least 1.

    ``batches``: hits and trials of each. The ratio of the variance between batches to that of independent
    trials: L. Kish, Survey Sampling (1965), section 5.4. Fewer than 5 batches do not
    tell it from chance: 1.
    """
    hits, trials = sum(batch[0] for batch in batches), sum(batch[1] for batch in batches)
    if len(batches) < 5 or not 0 < hits < trials:
        return 1.0
    share = hits / trials
    squares = sum((mine - share * size) ** 2 / size for mine, size in batches)
    return max(1.0, squares / (len(batches) - 1) / (share * (1 - share)))


def paired_difference(only_first: int, only_second: int, trials: int, z: float = Z95) -> Share:
    """The difference of two shares, second minus first, from -1 to 1, with its interval.

    The same ``trials`` sessions were simulated in two settings, on common random numbers; ``only_first`` of
    them were lost in the first setting alone, ``only_second`` in the second alone. The variance is that of
    matched pairs: A. Agresti, Categorical Data Analysis, 2nd edition, section 10.1.1.
    """
    if trials == 0:
        return Share(0.0, -1.0, 1.0)
    difference = (only_second - only_first) / trials
    variance = max((only_first + only_second) / trials - difference**2, 0.0) / trials
    # with no discordant pair the normal interval has no width; 3.69/n is the exact 95 % bound for 0 of n
    half = z * math.sqrt(variance) if only_first + only_second else 3.69 / trials
    return Share(difference, max(-1.0, difference - half), min(1.0, difference + half))


def unpaired_difference(first: Share, second: Share) -> Share:
    """The difference of two independent shares, second minus first, from -1 to 1, with its interval.

    Built from their Wilson intervals: R. G. Newcombe, Interval estimation for the difference between
    independent proportions, Statistics in Medicine 17 (1998) 873-890, method 10.
    """
    difference = second.value - first.value
    below = math.hypot(second.value - second.low, first.high - first.value)
    above = math.hypot(second.high - second.value, first.value - first.low)
    return Share(difference, max(-1.0, difference - below), min(1.0, difference + above))
