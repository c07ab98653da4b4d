"""SPECIMEN, do not copy: the migration guide's Redis store, its commands and faults as published.

It exists so that its races can be seen, replayed and explored. Its verify is ``GET`` (judge), then the
attempts helper's ``GET``, ``TTL`` and ``SETEX key <remaining>`` (or ``SET`` where TTL is not positive or
raised), then ``DEL``: no step is atomic with the next, and the helper writes back what it read, also
after another request deleted the key. The fix is ``atomic``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import redis

from devenv.captcha_api.errors import not_found
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores import ATTEMPTS_LIMIT, Document, Submission, Verdict
from devenv.captcha_api.stores.client import RedisObserver, TimedRedis, connect, server_info
from devenv.captcha_api.stores.cluster import TimedRedisCluster, connect_cluster, say_client
from devenv.captcha_api.stores.memory import MemoryStore
from devenv.core.model.vocabulary import CaptchaType


class GuideStore:
    """The guide's sections 4.1 to 4.5. Where its client cannot be made, the process's memory serves instead.

    The guide lets most Redis errors rise (HTTP 500). Services in the field wrapped the helpers, so that a
    failed read is "not found", a failed write a warning, a failed count ``attempts: null``:
    GUIDE_ERRORS=swallow. The guide publishes a plain client, although its Redis has the parameter group
    "Redis.7.2.Default.Cluster"; REDIS_CLUSTER=true takes redis-py's RedisCluster in its place.
    SPECIMEN=half-migration is the guide followed half way: create was moved to Redis (section 4.2), verify
    was not yet (4.3).
    """

    name = "guide"

    def __init__(self, settings: Settings, memory: MemoryStore, observer: RedisObserver) -> None:
        """Connects at first use only."""
        self._settings = settings
        self._memory = memory
        self._observer = observer
        self._client: TimedRedis | TimedRedisCluster | None = None

    # --- guide 4.1: client and helpers -------------------------------------------------------------------

    def get_redis(self) -> TimedRedis | TimedRedisCluster | None:
        """Made at first use, pinged once, kept for ever; a failed first ping throws it away."""
        if self._client is not None:
            return self._client
        try:
            make = connect_cluster if self._settings.redis_cluster == "true" else connect
            self._client = make(self._settings, self._observer)
            self._client.ping()
            return self._client
        except Exception as error:
            print(f"⚠️ Redis connect failed: {error}", flush=True)
            self._client = None
            return None

    def rkey(self, *parts: str) -> str:
        """The prefix and the non-empty parts, joined by colons."""
        return self._settings.redis_prefix + ":".join([part.strip(":") for part in parts if part])

    def redis_set_json(self, key: str, value: Document, ttl: int) -> bool:
        """SETEX; False without a client."""
        client = self.get_redis()
        if not client:
            return False
        data = json.dumps(value, ensure_ascii=False)
        return bool(self._or_else(False, lambda: client.setex(key, ttl, data)))

    def redis_get_json(self, key: str) -> Any:
        """GET; None without a client, a value, or JSON in it."""
        client = self.get_redis()
        if not client:
            return None
        data: Any = self._or_else(None, lambda: client.get(key))
        if not data:
            return None
        try:
            return json.loads(data)
        except Exception:
            return None

    def redis_del(self, key: str) -> None:
        """DEL; errors are swallowed."""
        client = self.get_redis()
        if not client:
            return
        try:
            client.delete(key)
        except Exception:
            return

    def redis_incr_attempts(self, key: str, field: str = "attempts") -> int:
        """GET, count, TTL, SETEX or SET; the count, or -1 without a client.

        Between its commands anything can happen to the key: that is the specimen's point.
        """
        client = self.get_redis()
        if not client:
            return -1
        with client.pipeline() as pipe:
            value = self.redis_get_json(key) or {}
            count = int(value.get(field, 0)) + 1
            value[field] = count
            data = json.dumps(value, ensure_ascii=False)
            try:
                remaining: Any = client.ttl(key)
                if remaining and remaining > 0:
                    pipe.setex(key, remaining, data)
                else:
                    pipe.set(key, data)
            except Exception:
                pipe.set(key, data)
            return int(self._or_else(-1, lambda: client.execute(pipe) and count))

    # --- guide 4.2 to 4.5: create and verify ---------------------------------------------------------------

    def create(self, kind: CaptchaType, challenge_id: str, document: Document) -> bool:
        """SETEX; into memory where there is no client."""
        if self.get_redis():
            if not self.redis_set_json(self.rkey(kind, challenge_id), document, self._settings.captcha_ttl):
                # The guide says so and does not do it: nothing is written to memory here.
                print(f"⚠️ failed to write {kind} session to Redis; fallback to memory", flush=True)
            return True
        return self._memory.create(kind, challenge_id, document)

    def verify(self, submission: Submission) -> Verdict:
        """GET, judge, count, DEL; against memory where there is no client."""
        if self._settings.specimen == "half-migration" or not self.get_redis():
            return self._memory.verify(submission)
        key = self.rkey(submission.kind, submission.challenge_id)
        document = self.redis_get_json(key)
        if not document:
            raise not_found()
        submission.gather(document)
        passed = submission.passes(document)
        attempts = self.redis_incr_attempts(key)
        ended = passed or attempts >= ATTEMPTS_LIMIT
        if ended:
            self.redis_del(key)
        return Verdict(document, passed, attempts if attempts >= 0 else None, ended)

    # --- the rest of the store protocol --------------------------------------------------------------------

    def warm_up(self) -> None:
        """The guide connects at first use, not at start; the log says how it will."""
        if self._settings.redis_cluster == "true":
            say_client("cluster", "REDIS_CLUSTER=true, though the guide has a plain one", self._settings)
        else:
            setting = f"REDIS_CLUSTER={self._settings.redis_cluster}"
            why = f"as the guide has it, without asking the server ({setting})"
            say_client("plain", why, self._settings)

    def check_ready(self) -> None:
        """Always: guide section 7 leaves readiness alone, and falls back to memory silently."""

    def sessions_here(self) -> Mapping[str, int]:
        """What fell back to this process's memory."""
        return self._memory.sessions_here()

    def server_info(self) -> Mapping[str, Any]:
        """INFO, through the client that is there; none is made for it."""
        return {} if self._client is None else server_info(lambda: self._client)

    def _or_else(self, fallback: Any, command: Callable[[], Any]) -> Any:
        try:
            return command()
        except redis.RedisError:
            if self._settings.guide_errors == "swallow":
                return fallback
            raise
