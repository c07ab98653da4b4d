"""The requests of a trace, and small questions to them that the rules on the choice of pods share."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devenv.core.balance.choosers import Chooser, chooser_of
from devenv.core.balancers.own_rules import OwnRules
from devenv.core.diagnosis.stories import Call, Joined
from devenv.core.model.events import Exchange, ExchangeOutcome

FAILED = (
    ExchangeOutcome.NO_CONNECTION,
    ExchangeOutcome.NO_ANSWER,
    ExchangeOutcome.BROKEN_ANSWER,
    ExchangeOutcome.CUT_OFF,
)
MOST_BETWEEN = 200
"""Of a long trace: at most this many requests between two of a session are looked at."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """All requests of a trace."""

    exchanges: Sequence[Exchange]
    """By the time at which they began."""
    joined: Joined
    pods: int
    met: Mapping[str, Mapping[str, Counter[str]]]
    """For each policy and client's address, how many requests each pod got."""
    file_rules: OwnRules | None = None
    """What the team's own file of the balancer says; None where there is none."""

    def chooser(self, policy: str) -> Chooser:
        """Who chose the pod of a request under this policy."""
        return chooser_of(policy, self.file_rules)

    def between(self, first: float, last: float) -> Sequence[Exchange]:
        """Those that began from ``first`` to ``last``; empty where they are too many to say anything of."""
        start = bisect_left(self.exchanges, first, key=lambda exchange: exchange.started)
        end = bisect_right(self.exchanges, last, key=lambda exchange: exchange.started)
        return self.exchanges[start:end] if end - start <= MOST_BETWEEN else ()


def same_memory(joined: Joined, create: Call, verify: Call) -> bool:
    """Whether both met one pod, which keeps sessions in its memory."""
    return create.pod == verify.pod and in_memory(joined, create, verify)


def in_memory(joined: Joined, *calls: Call) -> bool:
    """Whether the pods of all ``calls`` keep sessions in their memory."""
    return all(joined.flag(call) is False and not call.steps for call in calls)


def numbered(exchange: Exchange) -> str:
    """Its number, as ``explain`` shows it."""
    return f"#{exchange.seq}"


def ended(exchange: Exchange) -> float:
    """When it ended, in seconds since the epoch."""
    return exchange.started + exchange.duration_ms / 1000


def address_of(exchange: Exchange) -> str:
    """The client's address without its port."""
    return exchange.client.rpartition(":")[0]
