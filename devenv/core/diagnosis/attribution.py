"""Which request sent which Redis command.

A connection is not a request (redis-py takes a pooled connection per command), so a command belongs to a
request of its pod that was under way when it came: to one of the challenge in the command's key, and to one
that was not waiting for another command's reply.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from devenv.core.model.events import RedisCommand
from devenv.core.model.ids import ChallengeId

SCRIPTS = frozenset({"EVAL", "EVALSHA", "FCALL"})
LATE_SECONDS = 30.0
"""So long after its HTTP answer (its client hung up, the proxy timed out) a request may talk to Redis."""


@dataclass(frozen=True, slots=True)
class Span:
    """One request: its number, its pod, its challenge, and from when to when it was under way."""

    number: int
    pod: str
    challenge: ChallengeId | None
    started: float
    ended: float


class Challenges:
    """Finds the known challenge that a key names, with any text before and after it."""

    def __init__(self, known: Iterable[ChallengeId]) -> None:
        self._known = dict.fromkeys(known)
        self._found: dict[str, ChallengeId | None] = {}

    def of(self, key: str) -> ChallengeId | None:
        """The known challenge in ``key``; None where there is none."""
        if key not in self._found:
            self._found[key] = self._look(key)
        return self._found[key]

    def _look(self, key: str) -> ChallengeId | None:
        for pattern in (r"[\w-]+", r"[^\W_-]+"):
            for word in reversed(re.findall(pattern, key, re.ASCII)):
                if word in self._known:
                    return ChallengeId(word)
        return None


@dataclass(slots=True)
class _Active:
    """A request under way: when it last had a reply, whether it waits for one, whether it ran a script."""

    span: Span
    active_at: float
    waits_until: float | None = None
    waits_in_vain: bool = False
    claimed: bool = False


@dataclass(slots=True)
class _Pod:
    waiting: list[Span] = field(default_factory=list)
    active: list[_Active] = field(default_factory=list)
    ended: dict[str, Span] = field(default_factory=dict)
    next: int = 0


def attribute(
    commands: Sequence[RedisCommand], spans: Sequence[Span], challenges: Challenges
) -> Mapping[int, int]:
    """Command number → number of the request that sent it; commands that match no request are dropped.

    ``spans`` are in the order of their start. Near-linear in both as long as few requests overlap in a pod.
    """
    pods: dict[str, _Pod] = {}
    for span in spans:
        pods.setdefault(span.pod, _Pod()).waiting.append(span)
    owners: dict[int, int] = {}
    for command in sorted(commands, key=lambda one_command: (one_command.received, one_command.seq)):
        pod = pods.get(command.pod)
        if pod is None:
            continue
        _advance(pod, command.received)
        owner = _choose(pod, command, challenges.of(command.key or ""))
        if owner is not None:
            owners[command.seq] = owner
    return owners


def _advance(pod: _Pod, now: float) -> None:
    """Add the requests that have begun, remove those that have ended."""
    while pod.next < len(pod.waiting) and pod.waiting[pod.next].started <= now:
        span = pod.waiting[pod.next]
        pod.active.append(_Active(span, span.started))
        pod.next += 1
    over = [item for item in pod.active if item.span.ended < now]
    if over:
        pod.active = [item for item in pod.active if item.span.ended >= now]
        for item in over:
            if item.span.challenge is not None:
                pod.ended[item.span.challenge] = item.span


def _choose(pod: _Pod, command: RedisCommand, challenge: ChallengeId | None) -> int | None:
    now = command.received
    candidates = pod.active
    if challenge is not None:
        candidates = [item for item in pod.active if item.span.challenge == challenge]
        if not candidates:
            late = pod.ended.get(challenge)
            return late.number if late is not None and now - late.ended <= LATE_SECONDS else None
    if not candidates:
        return None

    script = command.command in SCRIPTS

    def fitness(active: _Active) -> tuple[bool, bool, bool, float]:
        waits = active.waits_until is not None and active.waits_until > now
        again = script and active.claimed  # a script does all of a request's work at once
        return (not waits, not active.waits_in_vain, not again, active.active_at)

    chosen = max(candidates, key=fitness)
    chosen.waits_until = command.delivered
    chosen.waits_in_vain = command.delivered is None
    chosen.claimed = chosen.claimed or script
    chosen.active_at = command.delivered or now
    return chosen.span.number


_Item = TypeVar("_Item")
_Name = TypeVar("_Name", bound=str)


def grouped(pairs: Iterable[tuple[_Name, _Item]]) -> dict[_Name, list[_Item]]:
    """The items by their first half, in order."""
    groups: dict[_Name, list[_Item]] = {}
    for name, item in pairs:
        groups.setdefault(name, []).append(item)
    return groups
