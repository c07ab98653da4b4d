"""What a simulation counted, and the shares that follow from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devenv.core.model.vocabulary import CaptchaType
from devenv.core.simulation.causes import LABELS, Cause
from devenv.core.simulation.intervals import Z95, Share, design_effect, wilson

TYPES = tuple(CaptchaType)
BINS = 60
"""Parts of the window in which losses are counted by the session's birth."""
_LOWEST, _HIGHEST, _PER_DECADE = -5, 4, 50
_EDGES = np.logspace(_LOWEST, _HIGHEST, (_HIGHEST - _LOWEST) * _PER_DECADE + 1)
"""Latencies in seconds, from 10 µs to 10,000 s, in steps of 4.7 %."""


def _zeros(size: int) -> NDArray[np.int64]:
    return np.zeros(size, dtype=np.int64)


@dataclass(slots=True)
class Tally:
    """Counts of a number of sessions; two of them add up."""

    sessions: int = 0
    causes: NDArray[np.int64] = field(default_factory=lambda: _zeros(len(Cause)))
    """Sessions by the cause of their first failure; NONE: those that are not lost."""
    lookups: int = 0
    """Look-ups sent, retries and second clicks apart. Those of a session that is lost already count too."""
    lookup_causes: NDArray[np.int64] = field(default_factory=lambda: _zeros(len(Cause)))
    """Look-ups by cause."""
    unavailable: int = 0
    """Answers of 503, retried or not."""
    double_clicks: int = 0
    """Last look-ups sent twice."""
    double_successes: int = 0
    """Of these, how often both were answered "success"."""
    canary: int = 0
    """Sessions whose last request went to the last pod."""
    by_type: NDArray[np.int64] = field(default_factory=lambda: np.zeros((len(TYPES), 2), dtype=np.int64))
    """By captcha type: sessions, and of these lost."""
    born: NDArray[np.int64] = field(default_factory=lambda: _zeros(BINS))
    """Sessions by the part of the window in which they were born."""
    lost_born: NDArray[np.int64] = field(default_factory=lambda: _zeros(BINS))
    """Of these, lost."""
    latencies: NDArray[np.int64] = field(default_factory=lambda: _zeros(len(_EDGES) + 1))
    """Look-ups by the time until their answer."""
    batches: list[tuple[int, int]] = field(default_factory=list)
    """Lost sessions and all, of each batch, where sessions of one batch share their luck (event engine)."""

    def add(self, other: Tally) -> None:
        """Count the other's sessions too."""
        for name in ("sessions", "lookups", "unavailable", "double_clicks", "double_successes", "canary"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("causes", "lookup_causes", "by_type", "born", "lost_born", "latencies"):
            getattr(self, name).__iadd__(getattr(other, name))

    def record_latencies(self, seconds: NDArray[np.float64]) -> None:
        """Count the times of answers."""
        bins = np.searchsorted(_EDGES, seconds)
        self.latencies += np.bincount(bins, minlength=len(_EDGES) + 1)

    @property
    def lost(self) -> int:
        """Sessions with any look-up that failed, or that could not be opened."""
        return self.sessions - int(self.causes[Cause.NONE])

    @property
    def share(self) -> Share:
        """The share of sessions lost; wider where sessions that share their luck make batches differ."""
        return wilson(self.lost, self.sessions, Z95 * math.sqrt(design_effect(self.batches)))

    @property
    def by_label(self) -> Mapping[str, int]:
        """Lost sessions by cause as it is reported; the values add up to ``lost``."""
        return {label: int(sum(self.causes[cause] for cause in causes)) for label, causes in LABELS.items()}

    @property
    def wrong_refusals(self) -> int:
        """Look-ups of sessions that lived, refused with another answer than 503."""
        spared = (Cause.NONE, Cause.EXPIRY, Cause.OUTAGE)
        return int(self.lookup_causes.sum() - sum(self.lookup_causes[cause] for cause in spared))

    def latency(self, quantile: float) -> float | None:
        """The time in seconds within which ``quantile`` of the look-ups are answered; None without any."""
        total = int(self.latencies.sum())
        if total == 0:
            return None
        place = int(np.searchsorted(np.cumsum(self.latencies), quantile * total))
        return float(_EDGES[min(place, len(_EDGES) - 1)])

    def to_json(self) -> dict[str, Any]:
        """Counts, shares with intervals, causes in the order of their size."""
        causes = sorted(self.by_label.items(), key=lambda item: -item[1])
        return {
            "sessions": self.sessions,
            "lost": self.lost,
            "share_lost": self.share.to_json(),
            "causes": {
                label: {"sessions": count, **wilson(count, self.sessions).to_json()}
                for label, count in causes
            },
            "lookups": self.lookups,
            "wrong_refusals": {
                "lookups": self.wrong_refusals,
                **wilson(self.wrong_refusals, self.lookups).to_json(),
            },
            "answers_503": self.unavailable,
            "double_clicks": self.double_clicks,
            "double_successes": {
                "sessions": self.double_successes,
                **wilson(self.double_successes, self.double_clicks).to_json(),
            },
            "last_pod": wilson(self.canary, self.sessions).to_json(),
            "types": {
                str(kind): {
                    "sessions": int(total),
                    "lost": int(lost),
                    **wilson(int(lost), int(total)).to_json(),
                }
                for kind, (total, lost) in zip(TYPES, self.by_type, strict=True)
                if total
            },
            "latency_seconds": {f"p{round(q * 100, 1):g}": self.latency(q) for q in (0.5, 0.95, 0.99, 0.999)},
            "lost_by_birth": [int(count) for count in self.lost_born],
            "births": [int(count) for count in self.born],
        }
