"""What a diagnosis says: the cause, as the failure catalogue names it, the evidence, what to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from devenv.core.diagnosis.steps import Step
from devenv.core.diagnosis.stories import Call
from devenv.core.model.events import RedisCommand, StackEvent
from devenv.core.model.ids import ChallengeId
from devenv.core.model.service import ServiceProfile
from devenv.core.model.switch import Switch

CHANGES: Mapping[str, str] = {
    "pod-memory": "keep sessions in Redis: USE_REDIS=true on every pod",
    "pod-restart": "keep sessions in Redis: USE_REDIS=true; pod memory goes with the process",
    "many-workers": "USE_REDIS=true, or one worker process per pod: each worker has a memory of its own",
    "handwriting-global": "USE_REDIS=true, and send challenge_id with the verify: one word is no session",
    "mixed-flags": "give every pod the same USE_REDIS: finish the rollout, or pin each client to one kind",
    "half-migration": "make verify read where create writes: both behind the same USE_REDIS branch",
    "prefix-mismatch": "give every pod the same REDIS_PREFIX and REDIS_DB",
    "wrong-port": "correct REDIS_HOST, _PORT, _SSL, _PASSWORD; the pod fell back to memory without a word",
    "redis-dies": "answer 503 while Redis is away instead of using memory: SESSION_STRATEGY=atomic does",
    "redis-late": "answer 503 until Redis is there instead of using memory: SESSION_STRATEGY=atomic does",
    "redis-hangs": "a bounded REDIS_TIMEOUT_MS, one command per request, 503: SESSION_STRATEGY=atomic",
    "writes-refused": "let Redis take writes again (maxmemory, replica); do not grade without counting",
    "reply-lost": "make the command idempotent (a token per request): SESSION_STRATEGY=atomic",
    "lost-attempt": "count in one step with reading (Lua, WATCH): SESSION_STRATEGY=atomic",
    "double-success": "judge and delete in one step: SESSION_STRATEGY=atomic",
    "resurrected-key": "never write back a session that may be gone: SESSION_STRATEGY=atomic",
    "empty-bypass": "refuse a session without an answer, resurrect no keys: SESSION_STRATEGY=atomic",
    "expiry-inside-verify": "never write back a session that may have expired: SESSION_STRATEGY=atomic",
    "ttl-rounds-to-zero": "keep the TTL with KEEPTTL, not by TTL's whole seconds: SESSION_STRATEGY=atomic",
    "taken-out": "leave the session in Redis while it is judged (Lua, WATCH): SESSION_STRATEGY=atomic",
    "wrong-type": "delete the foreign key; keep other writers out of the prefix",
    "attempts-limit": "count every graded answer and end the session at the second: USE_REDIS=true",
    "flag-off-regression": "with USE_REDIS=false leave Redis alone and keep the old path whole",
    "bad-port-value": "give REDIS_PORT a number: Kubernetes sets tcp://… for a Service named redis",
    "standalone-cluster-client": "use a plain client: this Redis is no cluster",
    "announce-unreachable": "let the cluster announce addresses that the pods can reach",
    "cluster-database": "REDIS_DB=0: a cluster has no other database; keep services apart by REDIS_PREFIX",
    "unexplained": "read the pod's log: `devenv logs POD`",
    "flushed": "find who empties Redis: FLUSHALL, a failover without data, an eviction policy",
    "double-click": "tell the second of two equal answers that the first counted: SESSION_STRATEGY=atomic",
    "cluster-plain-client": "use a cluster client (redis.cluster.RedisCluster) for a Redis Cluster",
}
"""What to change, by cause."""
_OF_ANY_SERVICE: Mapping[str, str] = {
    ": SESSION_STRATEGY=atomic does": "",
    ": SESSION_STRATEGY=atomic": "",
    "correct REDIS_HOST, _PORT, _SSL, _PASSWORD; the pod fell back to memory without a word":
    "correct the host, port, TLS and password of Redis in its settings, the same on every pod",
    "the same REDIS_PREFIX and REDIS_DB": "the same prefix of keys and the same database",
    "REDIS_DB=0: a cluster has no other database; keep services apart by REDIS_PREFIX":
    "use database 0: a cluster has no other; keep services apart by the prefix of their keys",
    "a bounded REDIS_TIMEOUT_MS": "a bounded time-out of its Redis client",
    "at the second: USE_REDIS=true": "at its limit, in one step with reading",
}  # fmt: skip
"""The words about the reference service's variables, and what another service's advice has in their place."""
_WITHOUT_SWITCH: Mapping[str, str] = {
    "keep sessions in Redis: USE_REDIS=true": "keep sessions in Redis",
    "USE_REDIS=true, or": "keep sessions in Redis, or",
    "USE_REDIS=true, and": "keep sessions in Redis, and",
    "both behind the same USE_REDIS branch": "both in the same place",
    "the same USE_REDIS": "the same place for its sessions",
    "with USE_REDIS=false leave Redis alone": "without Redis in its settings leave Redis alone",
}
"""The same for a service that has no switch between memory and Redis; the longer words first."""


def changes_of(on: Mapping[str, str], off: Mapping[str, str]) -> dict[str, str]:
    """``CHANGES`` for a service of one's own whose sessions ``on`` puts into Redis, ``off`` into memory.

    Both empty: it has no such switch. The reference service's SESSION_STRATEGY means nothing to it.
    """
    switch = Switch.of(on, off)
    of_service = {**_OF_ANY_SERVICE, **({} if on or off else _WITHOUT_SWITCH)}
    changes = {}
    for cause, change in CHANGES.items():
        for usual, replaced in of_service.items():
            change = change.replace(usual, replaced)
        changes[cause] = switch.renamed(change)
    return {cause: item for cause, item in changes.items() if item != CHANGES[cause]}


Shown = Call | Step | RedisCommand | StackEvent
"""What can be evidence."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One line of the trace: an exchange, a Redis command or a stack event."""

    kind: Literal["exchange", "redis", "stack"]
    seq: int | None
    """The number of the exchange or command; None of an event."""
    time: float
    """When it was, in seconds since the epoch."""
    text: str
    """What the line shows."""

    @classmethod
    def of(cls, shown: Shown) -> Evidence:
        """The line behind a call, a step, a command or a stack event."""
        if isinstance(shown, Call):
            return cls("exchange", shown.exchange.seq, shown.started, str(shown))
        if isinstance(shown, RedisCommand):
            shown = Step(shown, shown.received, shown.reply)
        if isinstance(shown, Step):
            return cls("redis", shown.command.seq, shown.at, str(shown))
        details = " ".join(f"{name}={value}" for name, value in shown.detail.items())
        where = f" {shown.pod}" if shown.pod else ""
        return cls("stack", None, shown.time, f"{shown.what}{where}: {details}".rstrip(": "))

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"kind": self.kind, "seq": self.seq, "time": self.time, "text": self.text}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that went wrong."""

    cause: str
    """Its name in the failure catalogue."""
    challenge: ChallengeId | None
    """The challenge that it is about; None where it is about none."""
    sentence: str
    """What went wrong, in one sentence."""
    evidence: tuple[Evidence, ...]
    advice: str | None = None
    """What to change, where the rule or the service's profile says it; None: as CHANGES says."""

    @property
    def change(self) -> str:
        """What to change so that it does not happen again: for this service, else in general."""
        return self.advice or CHANGES[self.cause]

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "cause": self.cause,
            "challenge": self.challenge,
            "sentence": self.sentence,
            "evidence": [line.to_json() for line in self.evidence],
            "change": self.change,
        }


def in_its_words(diagnosis: Diagnosis, profile: ServiceProfile) -> Diagnosis:
    """With the service's own advice, and with its own switch where a sentence speaks of USE_REDIS."""
    switch = profile.switch
    evidence = tuple(replace(line, text=switch.renamed(line.text)) for line in diagnosis.evidence)
    return replace(
        diagnosis, advice=diagnosis.advice or profile.changes.get(diagnosis.cause),
        sentence=switch.renamed(diagnosis.sentence),
        evidence=diagnosis.evidence if switch.usual else evidence,
    )  # fmt: skip


def finding(cause: str, challenge: ChallengeId | None, sentence: str, *evidence: Shown | None) -> Diagnosis:
    """A finding with its evidence, each line once, in the order of time."""
    lines = dict.fromkeys(Evidence.of(shown) for shown in evidence if shown is not None)
    return Diagnosis(cause, challenge, sentence, tuple(sorted(lines, key=lambda line: line.time)))
