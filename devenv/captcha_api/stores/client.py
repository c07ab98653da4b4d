"""The Redis client of both Redis stores, with its commands timed."""

from __future__ import annotations

import time
from typing import Any, Protocol

import redis


class RedisObserver(Protocol):
    """Told of every Redis command."""

    def redis_call(self, command: str, seconds: float, error: Exception | None) -> None:
        """One command took so long, waiting for a connection included."""


class TimedRedis(redis.Redis):
    """redis-py's client; each command outside pipelines is reported to ``observer``."""

    def __init__(self, observer: RedisObserver, **options: Any) -> None:
        """``options`` are redis.Redis' own."""
        super().__init__(**options)
        self._observer = observer

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """As redis.Redis."""
        started = time.perf_counter()
        failure: Exception | None = None
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except Exception as error:
            failure = error
            raise
        finally:
            self._observer.redis_call(str(args[0]), time.perf_counter() - started, failure)
