"""Faults that a play causes, and their end: rules at the gate, settings of Redis, keys that expire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.ids import SessionKey
from devenv.core.model.key_events import KEY_EVENTS
from devenv.core.model.topology import Endpoints
from devenv.harness.redis.cluster_client import ClusterClient
from devenv.harness.redis.failover import TakenOver, fail_over, hand_back, until_they_agree
from devenv.harness.redis.keys import connected


class RedisSettings:
    """Sends a play's own commands to Redis, past the pods; ``undo`` takes back what they set up."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._undo: list[tuple[str, ...]] = []
        self._taken_over: list[TakenOver] = []

    def send(self, words: Sequence[str], db: int = 0) -> Any:
        """One command; gives its reply. RedisRefused where Redis refuses it."""
        with connected(self._endpoints, db) as connection:
            name, *rest = (word.upper() for word in words)
            if name == "CONFIG" and rest[:1] == ["SET"]:
                before: Any = connection.config_get(words[2])
                known = [
                    item[2] for item in self._undo if item[:2] == ("CONFIG", "SET")
                ]  # as it was at first
                settings = [(str(key), str(value)) for key, value in before.items()]
                self._undo += [("CONFIG", "SET", *setting) for setting in settings if setting[0] not in known]
            if name in ("REPLICAOF", "SLAVEOF"):
                self._undo.append(("REPLICAOF", "NO", "ONE"))
            reply = _execute(connection, words)
            _until_known(connection, words)
            return reply

    def happen(self, event: str, key: SessionKey, db: int = 0) -> bool:
        """``expire`` or ``age`` a key, or ``flush`` everything; whether there was anything to do.

        ``failover``: a replica takes over the key's slot on a cluster, and the key is not among its data.
        """
        if event == "failover":
            self._fail_over(key)
            return True
        words = ("FLUSHALL",) if event == "flush" else ("EVAL", KEY_EVENTS[event], "1", key)
        with connected(self._endpoints, db) as connection:
            return bool(_execute(connection, words))

    def node_of(self, key: SessionKey) -> int:
        """Which of a cluster's nodes owns ``key``, counted from 0: the one that pods are given first."""
        with self._nodes() as client:
            return client.nodes.index(client.owner("EXISTS", key)[0])

    def _fail_over(self, key: SessionKey) -> None:
        with self._nodes() as client:
            self._taken_over.append(fail_over(client, key))

    @contextmanager
    def _nodes(self) -> Iterator[ClusterClient]:
        with connected(self._endpoints) as client:
            if not isinstance(client, ClusterClient):
                raise EnvironmentProblem("the stack's Redis is no cluster", hint="devenv up --redis cluster")
            yield client

    def undo(self) -> None:
        """Set Redis as it was; idempotent. A Redis that was started anew has it already."""
        while self._taken_over:
            with self._nodes() as client:
                hand_back(client, self._taken_over[-1])
            self._taken_over.pop()
        while self._undo:
            with connected(self._endpoints) as connection:
                _execute(connection, self._undo[-1])
                _until_known(connection, self._undo[-1])
            self._undo.pop()


def _until_known(connection: redis.Redis, words: Sequence[str]) -> None:
    """Where the announced address of a cluster's nodes was changed: wait until all nodes have it."""
    if isinstance(connection, ClusterClient) and any("cluster-announce" in word.lower() for word in words):
        until_they_agree(connection)


def _execute(connection: redis.Redis, words: Sequence[str]) -> Any:
    return connection.execute_command(*words)  # type: ignore[no-untyped-call]
