"""What was measured: sessions per pattern, requests to pods that fail, sessions over a change of pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from devenv.core.balance.exact import ExactShare
from devenv.core.balance.patterns import Pattern
from devenv.core.simulation.intervals import Share, wilson


@dataclass(frozen=True, slots=True)
class PatternResult:
    """The sessions of one pattern."""

    pattern: Pattern
    sessions: int
    """Sessions whose verify was answered by a pod."""
    lost: int
    """Those of them that the pod did not know."""
    failed: int = 0
    """Further sessions with a request that no pod answered: a status of 5xx or a closed connection."""
    by_pod: Mapping[str, int] | None = None
    """Requests that reached each pod."""
    alternation: float | None = None
    """The share of requests that reached another pod than the request that arrived before them."""
    cycle: int | None = None
    """The pods repeat after this many requests; None where they do not, or only one pod is used."""
    longest_run: int = 0
    """The longest run of requests on one pod."""
    unseen: int = 0
    """Requests that were answered with success and reached no pod: a cache's."""
    cookies: bool = True
    """Whether the clients send cookies back."""
    clients: str = ""
    """How the clients differ from those of the pattern, "" where they do not: a key of ``CLIENTS``."""
    exact: ExactShare | None = None
    """The share by a formula, where there is one."""

    @property
    def share(self) -> Share:
        """The share of sessions lost, with its interval of 95 %."""
        return wilson(self.lost, self.sessions)

    @property
    def name(self) -> str:
        """The pattern with what differs from it."""
        parts = (self.pattern.name, self.clients, "" if self.cookies else NO_COOKIES)
        return ", ".join(filter(None, parts))

    @property
    def pods_used(self) -> int:
        """The number of pods that got a request."""
        return sum(count > 0 for count in (self.by_pod or {}).values())

    @property
    def clings(self) -> bool:
        """Whether nearly all requests met one pod."""
        counts = (self.by_pod or {}).values()
        return max(counts, default=0) >= CLINGS * sum(counts) > 0

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "name": self.name,
            "pattern": self.pattern.to_json(),
            "cookies": self.cookies,
            "clients": self.clients,
            "sessions": self.sessions,
            "lost": self.lost,
            "share_lost": self.share.to_json(),
            "exact": self.exact.to_json() if self.exact else None,
            "failed": self.failed,
            "by_pod": dict(self.by_pod or {}),
            "alternation": self.alternation,
            "longest_run": self.longest_run,
            "cycle": self.cycle,
            "answered_by_no_pod": self.unseen,
        }


STRICT = 0.98
"""So large a part of the requests keeps the order of a cycle; connections opened in advance cost a few."""
CLINGS = 0.95
"""So large a part of the requests meets one pod where a pattern clings to it."""
LONGEST_CYCLE = 32
NO_COOKIES = "no cookies"
ADDRESSES = "other addresses"
MOVING = "address changes"
STRAY = "one stray request before"
CLIENTS: Mapping[str, str] = {
    ADDRESSES: "each session comes from another address",
    MOVING: "create comes from one address and verify from another, as after a change of the network",
    STRAY: "the same again after one request of another client",
}
"""How clients can differ from those of a pattern."""


def alternation(pods: Sequence[str]) -> tuple[float | None, int]:
    """The share of neighbours that differ (None below two requests), and the longest run of equal ones."""
    changes = sum(first != second for first, second in pairwise(pods))
    longest = run = 0
    previous = None
    for pod in pods:
        run = run + 1 if pod == previous else 1
        longest, previous = max(longest, run), pod
    return (changes / (len(pods) - 1) if len(pods) > 1 else None), longest


def cycle(pods: Sequence[str]) -> int | None:
    """After how many requests the order of the pods repeats; None where it does not, or one pod gets all."""
    if len(set(pods)) < 2:
        return None
    for length in range(2, min(LONGEST_CYCLE, len(pods) // 4) + 1):
        same = sum(first == second for first, second in zip(pods, pods[length:], strict=False))
        if same >= STRICT * (len(pods) - length):
            return length
    return None


class Change(StrEnum):
    """What happens to the pods between create and verify."""

    NONE = "nothing"
    RESTARTED = "a pod restarts"
    ADDED = "a pod is added"
    REMOVED = "a pod is removed"


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """Sessions that were opened before a change of the pods and used after it, each by its own client."""

    change: Change
    sessions: int
    lost: int
    failed: int
    addresses: int
    """The number of addresses that the clients had."""

    @property
    def share(self) -> Share:
        """The share of sessions lost, with its interval of 95 %."""
        return wilson(self.lost, self.sessions)

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "change": str(self.change),
            "sessions": self.sessions,
            "lost": self.lost,
            "failed": self.failed,
            "share_lost": self.share.to_json(),
            "client_addresses": self.addresses,
        }


class Failure(StrEnum):
    """How pods fail."""

    CLOSES = "reads the request and closes"
    BOTH_CLOSE = "both pods read the request and close"
    REFUSES = "does not listen"
    IDLE = "closes idle connections at that moment"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to pods of which some fail."""

    pods: tuple[str, ...]
    """The pods that received it, in order."""
    answer: str
    """The status that the client got, or ``closed``."""
    seconds: float
    """Until the answer."""


CLOSED = "closed"
"""The client's connection was closed without an answer."""
GOOD = "200"


@dataclass(frozen=True, slots=True)
class FailureResult:
    """Requests one after the other to pods of which some fail."""

    failure: Failure
    method: str
    reused: bool
    """Whether the client and the balancer had used their connections before."""
    deliveries: tuple[Delivery, ...]

    @property
    def bad(self) -> int:
        """Requests that the client got no success for."""
        return sum(each.answer != GOOD for each in self.deliveries)

    @property
    def twice(self) -> int:
        """Requests that more than one pod, or one pod more than once, received."""
        return sum(len(each.pods) > 1 for each in self.deliveries)

    @property
    def slowest(self) -> float:
        """The longest time until an answer, in seconds."""
        return max((each.seconds for each in self.deliveries), default=0.0)

    @property
    def summary(self) -> str:
        """``A=502×10; B=200×10``: the pods that got it, in order, ``-`` for none, and what the client got."""
        counts = Counter(
            f"{''.join(letter(pod) for pod in each.pods) or '-'}={each.answer}" for each in self.deliveries
        )
        return "; ".join(f"{text}×{count}" for text, count in sorted(counts.items()))

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "failure": str(self.failure),
            "method": self.method,
            "connections": "reused" if self.reused else "new",
            "requests": len(self.deliveries),
            "not_answered_with_success": self.bad,
            "delivered_twice": self.twice,
            "slowest_seconds": self.slowest,
            "summary": self.summary,
        }


def letter(pod: str) -> str:
    """``A`` for captcha-api-a."""
    return pod.rpartition("-")[2].upper()


@dataclass(frozen=True, slots=True)
class KeptOut:
    """How long a pod that failed once gets no request, while requests go on."""

    failure: Failure
    seconds: float | None
    """Until its next request; None where it got none in ``watched`` seconds."""
    watched: float
    missed: int
    """Requests that the other pods got in that time."""

    @property
    def out(self) -> bool:
        """Whether it was left out at all: the other pods got more requests than their turns."""
        return self.missed > TURNS

    @property
    def text(self) -> str:
        """How long, in words."""
        if not self.out:
            return "not kept out"
        return f"{self.seconds:.1f} s" if self.seconds is not None else f"more than {self.watched:.0f} s"

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "failure": str(self.failure),
            "kept_out": self.out,
            "seconds": self.seconds if self.out else 0.0,
            "watched_seconds": self.watched,
            "requests_to_other_pods": self.missed,
        }


TURNS = 12
"""With a random choice of two pods so long a run of one pod is a matter of 1 in 4096."""


@dataclass(frozen=True, slots=True)
class Balance:
    """All that was measured of one balancer with one setting."""

    target: str
    """As it was asked for: ``nginx:ip_hash``, ``round-robin``."""
    title: str
    """What it is, with its version."""
    pods: int
    patterns: tuple[PatternResult, ...]
    changes: tuple[ChangeResult, ...] = ()
    failures: tuple[FailureResult, ...] = ()
    kept_out: tuple[KeptOut, ...] = ()
    cookie: str = ""
    """The Set-Cookie header that the balancer added, "" for none."""
    gaps: tuple[str, ...] = ()
    """What could not be measured here, and why."""
    decided_by: tuple[str, ...] = ()
    """What a team's own file says of the choice, each with its line; empty for a setting."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "target": self.target,
            "title": self.title,
            "pods": self.pods,
            "patterns": [each.to_json() for each in self.patterns],
            "changes": [each.to_json() for each in self.changes],
            "failures": [each.to_json() for each in self.failures],
            "kept_out": [each.to_json() for each in self.kept_out],
            "cookie": self.cookie or None,
            "gaps": list(self.gaps),
            "decided_by": list(self.decided_by),
        }
