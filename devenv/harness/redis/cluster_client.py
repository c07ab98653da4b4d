"""A client of all nodes of a stack's Redis Cluster, past pods and gate.

Nodes are named as this machine reaches them (``Endpoints.redis_nodes``), which of containers is not as they
name each other: so redirections are not followed, the nodes are asked in turn until one owns the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import MovedError, ReadOnlyError, ResponseError
from redis.retry import Retry

from devenv.core.model.redis_access import OPEN, RedisAccess
from devenv.core.resp.command_shapes import key_of
from devenv.core.resp.values import redirection

SECONDS = 2.0
"""For connecting, and for an answer."""


def plain_client(host: str, port: int, db: int = 0, access: RedisAccess = OPEN) -> redis.Redis:
    """A client of one server that gives up soon."""
    return redis.Redis(
        host=host,
        port=port,
        db=db,
        username=access.username or None,
        password=access.password or None,
        ssl=access.tls,
        ssl_ca_certs=access.ca or None,
        socket_connect_timeout=SECONDS,
        socket_timeout=SECONDS,
        retry=Retry(NoBackoff(), 0),  # redis-py's own ten retries would make a person wait for seconds
    )


class ClusterClient(redis.Redis):
    """redis-py's plain client, whose commands go to the node that owns their key; without one, to every node.

    Of every node's replies the first's is given; replicas that refuse a write are left out. ``scan`` is to be
    asked of each of ``nodes`` in turn.
    """

    def __init__(self, nodes: Sequence[str]) -> None:
        """``nodes``: host:port of each."""
        addresses = [node.rpartition(":") for node in nodes]
        self.nodes = tuple(plain_client(host, int(port)) for host, _, port in addresses)
        super().__init__(connection_pool=self.nodes[0].connection_pool)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """As redis.Redis."""
        if key_of([_bytes(word) for word in _words(args)]) is not None:
            return self.owner(*args, **options)[1]
        replies = []
        for node in self.nodes:
            try:
                replies.append(node.execute_command(*args, **options))  # type: ignore[no-untyped-call]
            except ReadOnlyError:
                continue
        if not replies:
            raise ReadOnlyError("no node of the cluster takes writes")
        return replies[0]

    def owner(self, *args: Any, **options: Any) -> tuple[redis.Redis, Any]:
        """The node that owns the command's key, and its reply."""
        moved: ResponseError | None = None
        for node in self.nodes:
            try:
                return node, node.execute_command(*args, **options)  # type: ignore[no-untyped-call]
            except ResponseError as error:
                if not _is_redirection(error):
                    raise
                moved = error
        raise moved or redis.ConnectionError("the cluster has no nodes")

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Any:
        """One command after the other, each where its key is."""
        return _OneByOne(self)

    def close(self) -> None:
        """Close the connections to all nodes."""
        for node in self.nodes:
            node.close()


class _OneByOne(redis.client.Pipeline):
    def __init__(self, client: ClusterClient) -> None:
        super().__init__(client.connection_pool, {}, False, None)
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands: list[tuple[Sequence[Any], dict[str, Any]]] = list(self.command_stack)
        self.command_stack = []
        return [self._client.execute_command(*args, **options) for args, options in commands]


def each_node(client: redis.Redis) -> Iterator[redis.Redis]:
    """The client itself, or of a cluster's each node's own."""
    yield from client.nodes if isinstance(client, ClusterClient) else (client,)


def _is_redirection(error: ResponseError) -> bool:
    """redis-py's plain client has an error of its own for MOVED only since 5.1."""
    return isinstance(error, MovedError) or redirection(str(error)) is not None


def _words(args: Sequence[Any]) -> list[Any]:
    """redis-py writes some names as one word ("CLUSTER INFO")."""
    return [*str(args[0]).split(), *args[1:]]


def _bytes(word: Any) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()
