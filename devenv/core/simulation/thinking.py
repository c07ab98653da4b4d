"""How long a person thinks between two requests of a session: a distribution, its text, its moments."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from devenv.core.model.errors import UsageProblem

if TYPE_CHECKING:
    from numpy.random import Generator

Floats = NDArray[np.float64]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
MAX_SECONDS = 1e7
"""The longest span that a setting takes, about four months."""
EXAMPLE = "8s, exponential:8s, uniform:2s-20s, lognormal:8s:0.6"


class Shape(StrEnum):
    """The families of distributions."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"
    UNIFORM = "uniform"
    LOGNORMAL = "lognormal"
    MEASURED = "measured"


def seconds(text: str, field: str, *, zero: bool = True) -> float:
    """A span of time such as ``8s``, ``300ms``, ``5m``, ``8`` in seconds.

    Raises UsageProblem naming ``field`` for any other text, for a span above ``MAX_SECONDS``, and for 0 where
    ``zero`` is false.
    """
    match = _SPAN.fullmatch(text.strip())
    value = float(match[1]) * _UNITS[match[2] or ""] if match else math.nan
    if math.isnan(value) or value > MAX_SECONDS or (value == 0 and not zero):
        more = "" if zero else ", above 0"
        raise UsageProblem(f"{field}: {text!r} is not a span of time{more}", hint="write 8s, 300ms or 5m")
    return value


@dataclass(frozen=True, slots=True)
class Thinking:
    """A distribution of thinking times, in seconds."""

    shape: Shape
    """The family."""
    first: float = 0.0
    """fixed: the time. exponential: the mean. uniform: the lowest. lognormal: the median."""
    second: float = 0.0
    """uniform: the highest. lognormal: the standard deviation of the logarithm."""
    samples: tuple[float, ...] = ()
    """measured: the times, sorted; each is drawn with the same probability."""

    @classmethod
    def parse(cls, text: str, field: str = "--think") -> Thinking:
        """From text such as ``8s``, ``exponential:8s``, ``uniform:2s-20s``, ``lognormal:8s:0.6``.

        A time alone is the mean of an exponential distribution. Raises UsageProblem naming ``field``.
        """
        name, colon, rest = text.strip().partition(":")
        if not colon:
            return cls(Shape.EXPONENTIAL, seconds(name, field, zero=False))
        if name == Shape.FIXED:
            return cls(Shape.FIXED, seconds(rest, field))
        if name == Shape.EXPONENTIAL:
            return cls(Shape.EXPONENTIAL, seconds(rest, field, zero=False))
        if name == Shape.UNIFORM:
            low, _, high = rest.partition("-")
            made = cls(Shape.UNIFORM, seconds(low, field), seconds(high, field, zero=False))
            if made.second < made.first:
                raise UsageProblem(f"{field}: {text!r}: the first time is above the second")
            return made
        if name == Shape.LOGNORMAL:
            median, _, sigma = rest.partition(":")
            try:
                spread = float(sigma)
            except ValueError:
                spread = math.nan
            if not 0 < spread <= 5:
                raise UsageProblem(f"{field}: {text!r}: the spread {sigma!r} is not above 0, up to 5")
            return cls(Shape.LOGNORMAL, seconds(median, field, zero=False), spread)
        raise UsageProblem(f"{field}: unknown distribution {name!r}", hint=f"write {EXAMPLE}")

    @classmethod
    def measured(cls, times: Sequence[float]) -> Thinking:
        """The distribution of measured times, in seconds; not empty, none negative."""
        if not times:
            raise UsageProblem("no thinking times: there is no session with two requests")
        return cls(Shape.MEASURED, samples=tuple(sorted(times)))

    @property
    def text(self) -> str:
        """As ``parse`` reads it; a measured one says how many times it has, and its median."""
        match self.shape:
            case Shape.UNIFORM:
                return f"uniform:{self.first:g}s-{self.second:g}s"
            case Shape.LOGNORMAL:
                return f"lognormal:{self.first:g}s:{self.second:g}"
            case Shape.MEASURED:
                return f"measured: {len(self.samples)} times, median {np.median(self.samples):.3g}s"
            case _:
                return f"{self.shape}:{self.first:g}s"

    def draw(self, count: int, rng: Generator) -> Floats:
        """``count`` independent times, float64, in seconds."""
        match self.shape:
            case Shape.FIXED:
                return np.full(count, self.first)
            case Shape.EXPONENTIAL:
                return rng.standard_exponential(count) * self.first
            case Shape.UNIFORM:
                return rng.uniform(self.first, self.second, count)
            case Shape.LOGNORMAL:
                return rng.lognormal(math.log(self.first), self.second, count)
            case _:
                return np.asarray(self.samples)[rng.integers(0, len(self.samples), count)]

    def at_most(self, limit: float) -> float:
        """The probability that a time is ``limit`` seconds or less."""
        if limit < 0:
            return 0.0
        match self.shape:
            case Shape.FIXED:
                return float(self.first <= limit)
            case Shape.EXPONENTIAL:
                return -math.expm1(-limit / self.first)
            case Shape.UNIFORM:
                if self.second == self.first:
                    return float(self.first <= limit)
                return min(max((limit - self.first) / (self.second - self.first), 0.0), 1.0)
            case Shape.LOGNORMAL:
                return 0.0 if limit == 0 else _normal(math.log(limit / self.first) / self.second)
            case _:
                return float(np.searchsorted(self.samples, limit, side="right")) / len(self.samples)

    def mean_up_to(self, limit: float) -> float:
        """E[min(D, limit)] in seconds: how long a session is open that ends after ``limit`` at the latest."""
        match self.shape:
            case Shape.FIXED:
                return min(self.first, limit)
            case Shape.EXPONENTIAL:
                return -self.first * math.expm1(-limit / self.first)
            case Shape.UNIFORM:
                low, high = self.first, self.second
                if limit <= low or high == low:
                    return min(limit, low)
                top = min(limit, high)
                return ((top**2 - low**2) / 2 + (high - top) * limit) / (high - low)
            case Shape.LOGNORMAL:
                mean = self.first * math.exp(self.second**2 / 2)
                z = math.log(limit / self.first) / self.second if limit > 0 else -math.inf
                return mean * _normal(z - self.second) + limit * (1 - _normal(z))
            case _:
                return float(np.minimum(self.samples, limit).mean())

    def sum_at_most(self, count: int, limit: float) -> float | None:
        """The probability that ``count`` times add up to ``limit`` or less; None where no formula is known.

        Of exponential times the sum has Erlang's distribution.
        """
        if count == 1:
            return self.at_most(limit)
        match self.shape:
            case Shape.FIXED:
                return float(count * self.first <= limit)
            case Shape.EXPONENTIAL:
                x = limit / self.first
                return 1.0 - math.exp(-x) * sum(x**i / math.factorial(i) for i in range(count))
            case _:
                longest = self.second if self.shape is Shape.UNIFORM else math.inf
                longest = self.samples[-1] if self.shape is Shape.MEASURED else longest
                return 1.0 if count * longest <= limit else None


def _normal(z: float) -> float:
    """The distribution function of the standard normal distribution."""
    return 0.5 * math.erfc(-z / math.sqrt(2))
