"""What a diagnosis says: the cause, as the failure catalogue names it, the evidence, what to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CHANGES: Mapping[str, str] = {
    "pod-memory": "keep sessions in Redis: USE_REDIS=true on every pod",
    "pod-restart": "keep sessions in Redis: USE_REDIS=true; pod memory goes with the process",
    "many-workers": "USE_REDIS=true, or one worker process per pod: each worker has a memory of its own",
    "handwriting-global": "USE_REDIS=true, and send challenge_id with the verify: one word is no session",
    "mixed-flags": "give every pod the same USE_REDIS: finish the rollout, or pin each client to one kind",
    "half-migration": "make verify read where create writes: both behind the same USE_REDIS branch",
    "prefix-mismatch": "give every pod the same REDIS_PREFIX and REDIS_DB",
    "wrong-port": "correct REDIS_HOST/REDIS_PORT/REDIS_SSL; the pod fell back to its memory without a word",
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
    "wrong-type": "delete the foreign key; keep other writers out of the prefix",
    "flushed": "find who empties Redis: FLUSHALL, a failover without data, an eviction policy",
    "double-click": "tell the second of two equal answers that the first counted: SESSION_STRATEGY=atomic",
    "cluster-plain-client": "use a cluster client (redis.cluster.RedisCluster) for a Redis Cluster",
}
"""What to change, by cause."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that went wrong; ``evidence`` are lines of the trace."""

    cause: str
    challenge: str | None
    sentence: str
    evidence: tuple[str, ...]

    @property
    def change(self) -> str:
        """What to change so that it does not happen again."""
        return CHANGES[self.cause]

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "cause": self.cause,
            "challenge": self.challenge,
            "sentence": self.sentence,
            "evidence": list(self.evidence),
            "change": self.change,
        }
