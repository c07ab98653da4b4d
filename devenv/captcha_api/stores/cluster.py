"""Redis Cluster: its client, and finding out whether the server is one (REDIS_CLUSTER)."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Mapping
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException, ResponseError
from redis.retry import Retry

from devenv.captcha_api import logs
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores.client import RedisObserver, TimedRedis, connect, entrance, timed
from devenv.captcha_api.stores.reasons import reason

SLOTS = 16384


class TimedRedisCluster(RedisCluster):
    """redis-py's cluster client; each command and each ``execute`` is reported to ``observer``."""

    def __init__(self, observer: RedisObserver, **options: Any) -> None:
        """``options`` are RedisCluster's own. Asks for the cluster's map at once; raises redis.RedisError."""
        self._observer = observer
        try:
            super().__init__(**options)
        except RedisClusterException as error:  # no RedisError, which it ought to be
            raise redis.ConnectionError(str(error)) from error

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """As RedisCluster."""
        return timed(self._observer, str(args[0]), lambda: self._execute_anywhere(*args, **options))

    def execute(self, pipe: Any) -> Any:
        """``pipe.execute()``: on a cluster one pipeline per node, and no transaction."""
        return timed(self._observer, "EXEC", pipe.execute)

    def _execute_anywhere(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except RedisClusterException as error:
            raise redis.ConnectionError(str(error)) from error


class PromptRedisCluster(TimedRedisCluster):
    """A cluster client that fails within one time-out.

    After a failed command redis-py asks node after node for the cluster's new map, inside that command, each
    for a whole time-out: with every node hanging, a request would take as many. Here a thread does it, and
    the failed command fails at once.
    """

    def __init__(self, observer: RedisObserver, settings: Settings, **options: Any) -> None:
        """As ``connect_cluster``, without retries."""
        self._home = (str(settings.redis_host), settings.redis_port)
        super().__init__(observer, **entrance(settings), retry=Retry(NoBackoff(), 0), **options)
        self.cluster_error_retry_attempts = 0  # redis-py before 6.0 has its count of retries here
        self._probes = itertools.count()
        self._learning = threading.Lock()
        self._learn = self.nodes_manager.initialize
        self.nodes_manager.initialize = self._learn_later  # type: ignore[method-assign]

    def ping(self, **_: Any) -> Any:
        """Ask another master each time: with one of three gone, no readiness probe fails twice in a row."""
        node = self.nodes_manager.get_node_from_slot(next(self._probes) * (SLOTS // 3) % SLOTS)
        return self.execute_command("PING", target_nodes=node)

    def _learn_later(self, *_: Any, **__: Any) -> None:
        if self._learning.acquire(blocking=False):
            threading.Thread(target=self._learn_now, name="cluster map", daemon=True).start()

    def _learn_now(self) -> None:
        try:
            # redis-py before 6.0 forgets nodes that failed, in the end all of them: name them anew.
            cached = list(self.nodes_manager.nodes_cache.values())
            known = {self._home, *((str(node.host), int(node.port)) for node in cached)}
            nodes = [ClusterNode(*address) for address in sorted(known)]  # type: ignore[no-untyped-call]
            self.nodes_manager.startup_nodes = {node.name: node for node in nodes}
            self._learn()
        except Exception as error:  # the old map stays, and the next failure asks again
            logs.emit(_logger(), logging.WARNING, "cluster map unknown", detail=str(error))
        finally:
            self._learning.release()


def connect_cluster(settings: Settings, observer: RedisObserver) -> TimedRedisCluster:
    """A client of the cluster that ``settings`` name, as redis-py makes it. Raises redis.RedisError."""
    return TimedRedisCluster(observer, **entrance(settings))


def say_client(client: str, why: str, settings: Settings) -> None:
    """One line in the log: which client talks to which Redis, and why this one."""
    server, tls = f"{settings.redis_host}:{settings.redis_port}", settings.redis_ssl
    logs.emit(_logger(), logging.INFO, "redis client", client=client, why=why, server=server, tls=tls)


class Connector:
    """Makes the client that REDIS_CLUSTER wants, at first use and once; says in the log which it took."""

    def __init__(self, settings: Settings, observer: RedisObserver, **options: Any) -> None:
        """``options`` are the client's own, plain and cluster alike."""
        self._settings = settings
        self._observer = observer
        self._options = options
        self._client: TimedRedis | PromptRedisCluster | None = None
        self._lock = threading.Lock()

    def client(self) -> TimedRedis | PromptRedisCluster:
        """The client. Making it raises redis.RedisError: Redis is out of reach, or ``WrongDatabase``."""
        if self._client is not None:
            return self._client
        made, why = self._make()  # not under the lock, where all would wait for each other's time-outs
        with self._lock:
            if self._client is None:
                self._client = made
                say_client("cluster" if isinstance(made, RedisCluster) else "plain", why, self._settings)
            return self._client

    def warm_up(self) -> TimedRedis | PromptRedisCluster | None:
        """The client at the service's start; None, and a line in the log, where it cannot be had yet."""
        try:
            return self.client()
        except (redis.RedisError, OSError) as error:
            why = f"asked again at the first request: {reason(error, self._settings)}"
            say_client("none yet", why, self._settings)
            return None

    def _make(self) -> tuple[TimedRedis | PromptRedisCluster, str]:
        settings = self._settings
        setting = f"REDIS_CLUSTER={settings.redis_cluster}"
        if settings.redis_cluster == "false":
            return self._plain(settings), setting
        if settings.redis_cluster == "true":
            return self._cluster(), setting
        # Database 0, as a cluster refuses to select any other.
        asking = self._plain(settings.model_copy(update={"redis_db": 0}))
        mode = server_mode(asking)
        why = f"{setting}: the server says mode={mode}"
        if mode != "cluster":
            if settings.redis_db == 0:
                return asking, why
            asking.close()
            return self._plain(settings), why
        asking.close()
        if settings.redis_db:
            raise WrongDatabase(settings)
        return self._cluster(), why

    def _plain(self, settings: Settings) -> TimedRedis:
        # redis-py's own retries (up to ten, since 6.0) multiply the time-out.
        return connect(settings, self._observer, retry=Retry(NoBackoff(), 0), **self._options)

    def _cluster(self) -> PromptRedisCluster:
        return PromptRedisCluster(self._observer, self._settings, **self._options)


class WrongDatabase(redis.RedisError):
    """REDIS_DB names a database that a cluster does not have."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            f"REDIS_DB={settings.redis_db}, but Redis at {settings.redis_host}:{settings.redis_port} is a "
            "cluster, which has database 0 only: set REDIS_DB=0"
        )


def server_mode(client: redis.Redis) -> str:
    """What HELLO says: standalone, cluster or sentinel; standalone of a server older than Redis 6."""
    try:
        reply: Any = client.execute_command("HELLO")  # type: ignore[no-untyped-call]
    except ResponseError as error:
        if "unknown command" in str(error).lower():
            return "standalone"
        raise
    fields = reply if isinstance(reply, Mapping) else dict(zip(reply[::2], reply[1::2], strict=False))
    named = {_text(name): _text(value) for name, value in fields.items()}
    return named.get("mode", "standalone")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _logger() -> logging.Logger:
    return logging.getLogger(logs.NAME)
