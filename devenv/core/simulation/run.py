"""Plays a setting until its share of lost sessions is known well enough, and compares settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from devenv.core.model.errors import UsageProblem
from devenv.core.simulation.causes import Cause
from devenv.core.simulation.events import EventEngine
from devenv.core.simulation.exact import WHOLE, Exact, exact
from devenv.core.simulation.intervals import Share, paired_difference
from devenv.core.simulation.setting import Setting
from devenv.core.simulation.tally import Tally
from devenv.core.simulation.vector_routing import unsupported
from devenv.core.simulation.vectors import CHUNK, VectorEngine

if TYPE_CHECKING:
    from random import Random

    from numpy.random import Generator

EVENT_CHUNK = 5_000
"""Sessions that the event engine plays between two looks at the interval."""
FEWEST = 5_000
"""No interval is trusted to end a simulation before."""


class EngineName(StrEnum):
    """Which engine plays."""

    AUTO = "auto"
    """The vectorised one where it can, else the event engine."""
    VECTOR = "vector"
    EVENTS = "events"


class Randomness(Protocol):
    """Where all numbers come from; made of one seed."""

    def __call__(self, chunk: int, purpose: str) -> Generator:
        """A generator for a chunk of sessions and a purpose, the same in every setting."""

    def policy(self, chunk: int) -> Random:
        """A generator for the policies of the event engine."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is played."""

    sessions: int = 1_000_000
    """At most this many sessions (the event engine ends with the window under way)."""
    precision: float = 0.0
    """Ends earlier where half of the interval of the share is no wider than this; 0: it does not."""
    engine: EngineName = EngineName.AUTO
    run: int = EVENT_CHUNK
    """This many sessions the event engine plays with the same pods; then it begins again with fresh ones. How
    much such runs differ is seen in the batches of the tally."""

    def __post_init__(self) -> None:
        if self.sessions < 1:
            raise UsageProblem(f"sessions: {self.sessions} is not a whole number above 0")
        if self.run < 1:
            raise UsageProblem(f"run: {self.run} is not a whole number above 0")
        if not 0 <= self.precision < 1:
            raise UsageProblem(f"precision: {self.precision:g} is not a share from 0 to below 1")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a setting leads to."""

    setting: Setting
    engine: EngineName
    """The engine that played it."""
    reason: str
    """Why the event engine played it where it was not asked for; else empty."""
    tally: Tally
    exact: tuple[Exact, ...]
    """What formulas give for it."""

    @property
    def share(self) -> Share:
        """The share of lost sessions: exact where a formula covers it, else with its interval."""
        for figure in self.exact:
            if figure.name == WHOLE:
                return Share(figure.value, figure.value, figure.value)
        return self.tally.share

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``."""
        return {
            "setting": self.setting.to_json(),
            "engine": str(self.engine),
            "engine_reason": self.reason,
            "share_lost": self.share.to_json(),
            "exact": [figure.to_json() for figure in self.exact],
            "simulated": self.tally.to_json(),
        }


Progress = Callable[[Tally], None]


def predict(
    setting: Setting,
    randomness: Randomness,
    effort: Effort,
    progress: Progress = lambda tally: None,
) -> Prediction:
    """Play ``setting``. ``progress`` is given the counts after each chunk.

    Raises UsageProblem where the vectorised engine was asked for and cannot play the setting.
    """
    reason = unsupported(setting)
    if reason and effort.engine is EngineName.VECTOR:
        raise UsageProblem(
            f"the vectorised engine cannot play this: {reason}", hint="leave out --engine, or --engine events"
        )
    figures = exact(setting)
    by_events = effort.engine is EngineName.EVENTS or bool(reason)
    tally, chunk = Tally(), 0
    vector = None if by_events else VectorEngine(setting, randomness)
    while tally.sessions < effort.sessions and not _narrow(tally, effort):
        missing = effort.sessions - tally.sessions
        if vector is None:
            engine = EventEngine(setting, randomness.policy(chunk), randomness(chunk, "events"))
            played = engine.play(min(effort.run, missing))
            tally.add(played)
            tally.batches.append((played.lost, played.sessions))
        else:
            tally.add(vector.play(chunk, min(CHUNK, missing))[0])
        chunk += 1
        progress(tally)
    engine_name = EngineName.EVENTS if by_events else EngineName.VECTOR
    shown = reason or "" if effort.engine is EngineName.AUTO else ""
    return Prediction(setting, engine_name, shown, tally, figures)


def _narrow(tally: Tally, effort: Effort) -> bool:
    enough = tally.sessions >= min(FEWEST, effort.sessions)
    return effort.precision > 0 and enough and tally.share.half_width <= effort.precision


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two settings on the same sessions."""

    difference: Share
    """The second's share of lost sessions minus the first's."""
    only_first: int
    """Sessions that are lost in the first setting alone."""
    only_second: int
    sessions: int

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "difference": self.difference.to_json(),
            "only_first": self.only_first,
            "only_second": self.only_second,
            "sessions": self.sessions,
        }


def compare(first: Setting, second: Setting, randomness: Randomness, sessions: int) -> Comparison | None:
    """The difference of two settings on common random numbers; None where the event engine is needed."""
    if unsupported(first) or unsupported(second):
        return None
    engines = VectorEngine(first, randomness), VectorEngine(second, randomness)
    only_first = only_second = done = chunk = 0
    while done < sessions:
        count = min(CHUNK, sessions - done)
        lost = [engine.play(chunk, count)[1] != Cause.NONE for engine in engines]
        only_first += int(np.count_nonzero(lost[0] & ~lost[1]))
        only_second += int(np.count_nonzero(lost[1] & ~lost[0]))
        done, chunk = done + count, chunk + 1
    return Comparison(paired_difference(only_first, only_second, sessions), only_first, only_second, sessions)
