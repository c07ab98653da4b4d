"""Faults on demand: latency, errors, wrong labels and time-outs per endpoint, decided by counter and seed.

The n-th request of an endpoint since its rule was set meets the same fate in every run of the same seed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mock_ml.seeding import fraction

Endpoint = Literal[
    "*", "assets", "predict-abstract-proba-batch", "predict-bot", "predict-image", "predict-text"
]
PREDICTIONS = ("predict-abstract-proba-batch", "predict-bot", "predict-image", "predict-text")


class FaultRule(BaseModel):
    """What shall go wrong at one endpoint. ``*`` is every predict endpoint that has no rule of its own."""

    model_config = ConfigDict(extra="forbid")

    endpoint: Endpoint = "*"
    latency_ms: float = Field(default=0, ge=0, le=60_000, description="added before every answer")
    error_rate: float = Field(default=0, ge=0, le=1, description="share answered with error_status")
    error_status: int = Field(default=500, ge=400, le=599)
    wrong_label_rate: float = Field(default=0, ge=0, le=1, description="share of labels that are wrong")
    timeout: bool = Field(
        default=False, description="never answer, until the caller leaves or timeout_s passed (504)"
    )
    timeout_s: float = Field(default=60, gt=0, le=300)


@dataclass(slots=True)
class _Active:
    rule: FaultRule
    requests: int = 0
    errors: int = 0
    labels: int = 0
    wrong_labels: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """What the rules say of one request."""

    rule: FaultRule
    fails: bool


class Faults:
    """The rules in force. Safe to use from several threads."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._active: dict[str, _Active] = {}
        self._lock = threading.Lock()
        self.held = 0
        """Requests that a time-out holds now."""

    def put(self, rule: FaultRule) -> None:
        """Set the endpoint's rule; its counters begin again."""
        with self._lock:
            self._active[rule.endpoint] = _Active(rule)

    def clear(self, endpoint: str | None = None) -> None:
        """Remove one endpoint's rule, or all."""
        with self._lock:
            if endpoint is None:
                self._active.clear()
            else:
                self._active.pop(endpoint, None)

    def fate(self, endpoint: str) -> Fate | None:
        """Count a request of ``endpoint`` and say what becomes of it; None where no rule is in force."""
        with self._lock:
            active = self._of(endpoint)
            if active is None:
                return None
            active.requests += 1
            draw = fraction(self._seed, "error", active.rule.endpoint, active.requests)
            fails = draw < active.rule.error_rate
            active.errors += fails
            return Fate(active.rule, fails)

    def label(self, endpoint: str, right: str, others: Sequence[str]) -> str:
        """``right``, or, when the rule says so, another one of ``others``."""
        with self._lock:
            active = self._of(endpoint)
            if active is None or not active.rule.wrong_label_rate:
                return right
            active.labels += 1
            name, number = active.rule.endpoint, active.labels
            if fraction(self._seed, "label", name, number) >= active.rule.wrong_label_rate:
                return right
            wrong = [other for other in others if other != right]
            active.wrong_labels += 1
            return wrong[int(fraction(self._seed, "which", name, number) * len(wrong))]

    def to_json(self) -> dict[str, Any]:
        """The rules and what they did so far."""
        with self._lock:
            return {
                "seed": self._seed,
                "held": self.held,
                "rules": [
                    {
                        **active.rule.model_dump(),
                        "requests": active.requests,
                        "errors": active.errors,
                        "labels": active.labels,
                        "wrong_labels": active.wrong_labels,
                    }
                    for _, active in sorted(self._active.items())
                ],
            }

    def _of(self, endpoint: str) -> _Active | None:
        return self._active.get(endpoint) or (self._active.get("*") if endpoint in PREDICTIONS else None)
