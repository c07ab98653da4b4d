"""Faults that a play causes, and their end: rules at the gate, settings of Redis, keys that expire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import redis

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.topology import Endpoints
from devenv.harness.redis.cluster_client import ClusterClient
from devenv.harness.redis.failover import TakenOver, fail_over, hand_back, until_they_agree
from devenv.harness.redis.keys import connected
from devenv.stack.loopback import local_client

AGED_MS = 400
"""Left to live after ``age``: less than half a second, which TTL rounds to 0."""

KEY_EVENTS = {
    "expire": "if redis.call('PTTL', KEYS[1]) >= 0 then return redis.call('DEL', KEYS[1]) end return 0",
    "age": f"if redis.call('PTTL', KEYS[1]) > {AGED_MS} then "
    f"return redis.call('PEXPIRE', KEYS[1], {AGED_MS}) end return 0",
}
"""What time does to a key. A plain DEL would wrongly end keys that never expire."""


class GateRules:
    """The rules that a play has put in force at the gate, taken out again by ``lift``."""

    def __init__(self, control: str) -> None:
        self._http = local_client(control, 10.0)
        self._ids: list[str] = []

    def put(self, rules: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """Put rules in force; gives their ids. EnvironmentProblem where there is no gate."""
        ids = [str(self._call("POST", "/rules", json=dict(rule))["id"]) for rule in rules]
        self._ids += [rule_id for rule_id in ids if rule_id not in self._ids]
        return tuple(ids)

    def lift(self) -> dict[str, int]:
        """Take them out of force; to how many commands each was applied."""
        if not self._ids:
            return {}
        applied = {rule["id"]: int(rule["applied"]) for rule in self._call("GET", "/rules")["rules"]}
        ours = {rule_id: applied.get(rule_id, 0) for rule_id in self._ids}
        for rule_id in ours:
            self._call("DELETE", "/rules", params={"id": rule_id})
        self._ids.clear()
        return ours

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            response = self._http.request(method, path, **arguments)
            response.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise EnvironmentProblem(
                f"the control API refuses {method} {path}: {error.response.text[:300]}",
                hint="a stack without a gate cannot disturb what its pods say to Redis",
            ) from error
        except httpx.HTTPError as error:
            raise EnvironmentProblem(
                f"the control API at {self._http.base_url} does not answer ({type(error).__name__})",
                hint="'devenv status' says whether the stack runs",
            ) from error
        return response.json()


class RedisSettings:
    """Sends a play's own commands to Redis, past the pods; ``undo`` takes back what they set up."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._undo: list[tuple[str, ...]] = []
        self._taken_over: list[TakenOver] = []

    def send(self, words: Sequence[str], db: int = 0) -> Any:
        """One command; gives its reply. redis.ResponseError where Redis refuses it."""
        with connected(self._endpoints, db) as connection:
            name, *rest = (word.upper() for word in words)
            if name == "CONFIG" and rest[:1] == ["SET"]:
                before: Any = connection.config_get(words[2])
                known = [it[2] for it in self._undo if it[:2] == ("CONFIG", "SET")]  # as it was at first
                settings = [(str(key), str(value)) for key, value in before.items()]
                self._undo += [("CONFIG", "SET", *it) for it in settings if it[0] not in known]
            if name in ("REPLICAOF", "SLAVEOF"):
                self._undo.append(("REPLICAOF", "NO", "ONE"))
            reply = _execute(connection, words)
            _until_known(connection, words)
            return reply

    def happen(self, event: str, key: str, db: int = 0) -> bool:
        """``expire`` or ``age`` a key, or ``flush`` everything; whether there was anything to do.

        ``failover``: a replica takes over the key's slot on a cluster, and the key is not among its data.
        """
        if event == "failover":
            self._fail_over(key)
            return True
        words = ("FLUSHALL",) if event == "flush" else ("EVAL", KEY_EVENTS[event], "1", key)
        with connected(self._endpoints, db) as connection:
            return bool(_execute(connection, words))

    def node_of(self, key: str) -> int:
        """Which of a cluster's nodes owns ``key``, counted from 0: the one that pods are given first."""
        with self._nodes() as client:
            return client.nodes.index(client.owner("EXISTS", key)[0])

    def _fail_over(self, key: str) -> None:
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
    """Where a cluster's nodes were told to announce something else: wait until they know it of each other."""
    if isinstance(connection, ClusterClient) and any("cluster-announce" in word.lower() for word in words):
        until_they_agree(connection)


def _execute(connection: redis.Redis, words: Sequence[str]) -> Any:
    return connection.execute_command(*words)  # type: ignore[no-untyped-call]
