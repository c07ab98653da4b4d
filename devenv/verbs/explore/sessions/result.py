"""What an exploration of a session came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from devenv.core.model.errors import DevenvError, Inconclusive
from devenv.core.model.verdict import passes
from devenv.verbs.explore.result import INTERRUPTED, KIND


@dataclass(frozen=True, slots=True)
class Tally:
    """How many orders of the Redis commands there are, and in how many something was seen."""

    orders: int
    of: int

    def __str__(self) -> str:
        return f"{self.orders} of {self.of} orders"


@dataclass(frozen=True, slots=True)
class FoundViolation:
    """One kind of violation, with its shortest order."""

    kind: str
    sentence: str
    order: str
    """The commands in their order: ``a:GET logout:GET logout:DEL a:SET``."""
    sent: Mapping[str, str]
    """By the request's name, its method and path."""
    answers: Mapping[str, str]
    """By the request's name, how it was answered, in short."""
    steps: tuple[tuple[str, str, str], ...]
    """Each step: the request, what it does, the reply in short."""
    seen_in: Tally
    seen_together: Tally
    """The same of the orders with all requests under way before a command runs."""
    confirmed: bool
    replayed: int
    replays: int
    why: str | None = None
    """Why it is not confirmed."""
    scenario_file: str | None = None
    reproduce: str | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            **asdict(self),
            "steps": [list(step) for step in self.steps],
            "sent": dict(self.sent),
            "answers": dict(self.answers),
        }


@dataclass(frozen=True, slots=True)
class SessionExploration:
    """The result of exploring one expression."""

    scenario: str
    service: str
    fix: str
    """The name of the fix that the service was started with, or ``AS_IS``."""
    complete: bool
    incomplete: str | None
    """Why it is not complete."""
    unclear: tuple[str, ...]
    """Why a complete exploration without a violation is no pass all the same."""
    orders: int
    """Orders of the Redis commands, however the requests were started."""
    together: int
    """Of those, the ones with all requests under way before a command ran."""
    runs: int
    """Orders of commands and starts: this many times were all requests sent."""
    outcomes: int
    """In how many ways it ended."""
    refused: Tally
    """Orders in which a request was refused with a status that no sequence gives it."""
    violations: tuple[FoundViolation, ...]
    masked: Mapping[str, tuple[str, ...]]
    """By request, what of its answers changes from run to run and is not compared."""
    notes: tuple[str, ...]
    requests: int
    """How many were sent to pods."""
    seconds: float
    engine: str = ""
    run_id: str | None = None
    gap_code: int = Inconclusive.exit_code
    """The exit code of a result without a violation that is no pass."""

    @classmethod
    def not_explored(cls, scenario: str, service: str, fix: str, problem: DevenvError) -> SessionExploration:
        """Of an expression that a ``problem`` kept from being explored, beside others."""
        why = problem.message + (f" ({problem.hint})" if problem.hint else "")
        return cls(
            scenario=scenario, service=service, fix=fix, complete=False, incomplete=why, unclear=(), orders=0,
            together=0, runs=0, outcomes=0, refused=Tally(0, 0), violations=(), masked={}, notes=(),
            requests=0, seconds=0.0, gap_code=problem.exit_code,
        )  # fmt: skip

    @property
    def exit_code(self) -> int:
        """1: a confirmed violation; 0: none; else ``gap_code``: not all was seen or could be told apart."""
        if any(violation.confirmed for violation in self.violations):
            return 1
        return 0 if self.holds else self.gap_code

    @property
    def holds(self) -> bool:
        """Whether every order ended as a sequence does."""
        gaps = int(not self.complete) + len(self.unclear)
        return passes(checked=self.runs, failures=len(self.violations), gaps=gaps)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return self.incomplete == INTERRUPTED

    @property
    def bad(self) -> Tally:
        """In how many orders any violation was seen."""
        return Tally(sum(violation.seen_in.orders for violation in self.violations), self.orders)

    @property
    def verdict(self) -> str:
        """In one line."""
        orders = f"{self.orders} order{'s' * (self.orders != 1)}"
        if self.exit_code == 1:
            counts = ", ".join(
                f"{violation.kind} in {violation.seen_in}"
                for violation in self.violations
                if violation.confirmed
            )
            return counts
        if self.exit_code == 0:
            return f"no violation: each of {orders} ends as one request after the other does"
        if not self.runs:
            return f"not explored: {self.incomplete}"
        reason = self.incomplete or "; ".join(self.unclear) or "a violation was not confirmed"
        return f"inconclusive after {orders}: {reason}"

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "kind": KIND,
            **asdict(self),
            "violations": [violation.to_json() for violation in self.violations],
            "masked": {request: list(places) for request, places in self.masked.items()},
            "unclear": list(self.unclear),
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
            "verdict": self.verdict,
        }
