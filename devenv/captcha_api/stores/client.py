"""The plain Redis client of the Redis stores, with its commands timed; ``cluster`` has the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import redis

from devenv.captcha_api.settings import Settings

T = TypeVar("T")


class RedisObserver(Protocol):
    """Called with every Redis command."""

    def redis_call(self, command: str, seconds: float, error: Exception | None) -> None:
        """One command took so long, waiting for a connection included."""


class TimedRedis(redis.Redis):
    """redis-py's client; each command and each ``execute`` is reported to ``observer``."""

    def __init__(self, observer: RedisObserver, **options: Any) -> None:
        """``options`` are redis.Redis' own."""
        super().__init__(**options)
        self._observer = observer

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """As redis.Redis."""
        return timed(
            self._observer,
            str(args[0]),
            lambda: super(TimedRedis, self).execute_command(*args, **options),  # type: ignore[no-untyped-call]
        )

    def execute(self, pipe: Any) -> Any:
        """``pipe.execute()``: redis-py's pipelines are transactions by default, MULTI to EXEC."""
        return timed(self._observer, "EXEC", pipe.execute)


def timed(observer: RedisObserver, name: str, call: Callable[[], T]) -> T:
    """What ``call`` gives or raises, reported to ``observer`` as the command ``name``."""
    started = time.perf_counter()
    failure: Exception | None = None
    try:
        return call()
    except Exception as error:
        failure = error
        raise
    finally:
        observer.redis_call(name, time.perf_counter() - started, failure)


def server_info(client: Callable[[], Any]) -> Mapping[str, Any]:
    """What INFO answers; empty where Redis cannot be asked. ``client`` gives redis-py's, and may connect
    it."""
    try:
        return dict(client().info())
    except (redis.RedisError, OSError):
        return {}


def connect(settings: Settings, observer: RedisObserver, **options: Any) -> TimedRedis:
    """A client of the Redis that ``settings`` name, with more ``options``; it connects at first use."""
    return TimedRedis(observer, db=settings.redis_db, **entrance(settings), **options)


def entrance(settings: Settings) -> dict[str, Any]:
    """redis-py's options for the Redis that ``settings`` name, one server or a cluster's node.

    With REDIS_SSL the certificate is checked, against REDIS_CA_CERTS or the system's authorities, and that
    it is for REDIS_HOST: redis-py before 6.0 checks the name only when asked to.
    """
    tls: dict[str, Any] = {}
    if settings.redis_ssl:
        tls = {"ssl_ca_certs": settings.redis_ca_certs, "ssl_check_hostname": True}
    return {
        "host": settings.redis_host,
        "port": settings.redis_port,
        "username": settings.redis_username,
        "password": settings.password,
        "ssl": settings.redis_ssl,
        **tls,
        "socket_connect_timeout": settings.redis_timeout,
        "socket_timeout": settings.redis_timeout,
        "decode_responses": True,
    }
