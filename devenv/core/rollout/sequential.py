"""The sequential test of a step: enough sessions to decide, and no more.

Wald's sequential probability ratio test (A. Wald, Sequential Tests of Statistical Hypotheses, Annals of
Mathematical Statistics 16, 1945, pp. 117-186): "the loss is at most p0" against "it is at least p1". With
p0 = 0 one lost session decides against, and n sessions without one decide for a loss below p1 = 3/n at 95 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf, log

from devenv.core.model.verdict import passes

FALSE_STOP = 0.001
"""The chance that a step is stopped although its loss is p0."""
FALSE_PASS = 0.05
"""The chance that a step passes although its loss is p1."""


class Decision(StrEnum):
    """What the sessions so far say."""

    HOLDS = "holds"
    STOP = "stop"
    MORE = "more"
    """Not decided yet."""


@dataclass(slots=True)
class SequentialTest:
    """Counts sessions; ``decision`` after each."""

    limit: float
    """p0: the loss that is accepted, 0 to below 1."""
    detected: float
    """p1: the loss that must be found out, above ``limit``."""
    least: int = 0
    """This many sessions are counted before it holds, so that the measured share means something."""
    sessions: int = 0
    """Sessions with a verdict."""
    lost: int = 0
    """Those of them that failed."""

    def count(self, *, lost: bool) -> Decision:
        """Count one session."""
        self.sessions += 1
        self.lost += lost
        return self.decision

    @property
    def decision(self) -> Decision:
        """By Wald's bounds."""
        ratio = self._log_ratio()
        if ratio >= log((1 - FALSE_PASS) / FALSE_STOP):
            return Decision.STOP
        enough = ratio <= log(FALSE_PASS / (1 - FALSE_STOP)) and self.sessions >= self.least
        if passes(checked=self.sessions, failures=0, gaps=int(not enough)):
            return Decision.HOLDS
        return Decision.MORE

    @property
    def bound(self) -> float | None:
        """The loss is below this at 95 %: 1 - 0.05^(1/n), about 3/n. None where one was lost, or n is 0."""
        if self.lost or not self.sessions:
            return None
        return float(1 - FALSE_PASS ** (1 / self.sessions))

    def _log_ratio(self) -> float:
        kept = self.sessions - self.lost
        if self.lost and self.limit == 0:
            return inf
        lost = self.lost * log(self.detected / self.limit) if self.lost else 0.0
        return lost + kept * log((1 - self.detected) / (1 - self.limit))

    def to_json(self) -> dict[str, float | int | str | None]:
        """A plain dict."""
        return {
            "limit": self.limit, "detected": self.detected, "sessions": self.sessions, "lost": self.lost,
            "decision": str(self.decision), "bound": self.bound,
        }  # fmt: skip
