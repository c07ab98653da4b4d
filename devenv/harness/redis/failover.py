"""A failover that loses writes: a replica takes over before it has the last writes of its master.

Redis replicates asynchronously, so this is within what a cluster promises
(redis.io/docs/latest/operate/oss_and_stack/management/scaling, "consistency guarantees"). Here it happens
when wanted: a replica is given the master and takes over in one go, so that nothing was replicated yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.ids import SessionKey
from devenv.harness.redis.cluster_client import ClusterClient
from devenv.stack.waiting import wait_until

SECONDS = 60.0
"""How long nodes may take to agree; only a cluster that is broken, or a machine that hangs, takes longer."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Indexes among the cluster's nodes: who was the owner of the slots, and who is it now."""

    before: int
    after: int


def fail_over(client: ClusterClient, key: SessionKey) -> TakenOver:
    """Let a replica without the data take over the slots of the master that owns ``key``.

    Raises EnvironmentProblem where the cluster has no replica, or does not come to agree.
    """
    nodes = client.nodes
    owner = nodes.index(client.owner("EXISTS", key)[0])
    replicas = [index for index, node in enumerate(nodes) if _is_replica(node)]
    if not replicas:
        raise EnvironmentProblem("no node of the cluster is a replica: nothing can take over")
    spare = replicas[0]
    if _master_of(nodes[spare]) == _id(nodes[owner]):  # it has the data: let it have another master's
        other = next(index for index in range(len(nodes)) if index not in (owner, *replicas))
        _say(nodes[spare], "CLUSTER", "REPLICATE", _id(nodes[other]))
        _until(lambda: _is_synchronised(nodes[spare]), "the replica does not get another master's data")
    with nodes[spare].pipeline(transaction=False) as pipe:  # in one packet: no time to replicate anything
        pipe.execute_command("CLUSTER", "REPLICATE", _id(nodes[owner]))  # type: ignore[no-untyped-call]
        pipe.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")  # type: ignore[no-untyped-call]
        pipe.execute()
    _until(lambda: _settled(client, owner), "the nodes do not agree on who took over")
    return TakenOver(owner, spare)


def hand_back(client: ClusterClient, taken: TakenOver) -> None:
    """Let the former owner take its slots back. Raises as ``fail_over``."""
    if _is_replica(client.nodes[taken.before]):
        _say(client.nodes[taken.before], "CLUSTER", "FAILOVER", "TAKEOVER")
    _until(lambda: _settled(client, taken.after), "the nodes do not agree on who owns the slots again")


def until_they_agree(client: ClusterClient) -> None:
    """Wait until all nodes tell the same addresses of all nodes, and that all is well.

    Nodes tell each other with their pings, which come every few seconds; here they are hurried for a moment
    (a node is pinged after half of cluster-node-timeout). On a busy machine one may be taken for dead
    meanwhile: that is forgotten after two such time-outs, so it is waited for while these are short. Raises
    as ``fail_over``.
    """
    before: Any = client.nodes[0].config_get("cluster-node-timeout")
    _say(client, "CONFIG", "SET", "cluster-node-timeout", "500")
    try:
        _until(
            lambda: _tell_the_same(client) and _all_well(client), "the nodes do not agree on their addresses"
        )
    finally:
        _say(
            client,
            "CONFIG",
            "SET",
            "cluster-node-timeout",
            next(iter(_text(item) for item in before.values())),
        )


def _tell_the_same(client: ClusterClient) -> bool:
    maps = [_say(node, "CLUSTER", "SLOTS") for node in client.nodes]
    node_maps = [sorted((row[0], *((node[1], node[2]) for node in row[2:])) for row in rows) for rows in maps]
    return all(item == node_maps[0] for item in node_maps)


def _settled(client: ClusterClient, deposed: int) -> bool:
    """The deposed master follows, and all nodes tell the same of all slots, and that all is well."""
    if not _is_replica(client.nodes[deposed]) or not _is_synchronised(client.nodes[deposed]):
        return False
    maps = [_say(node, "CLUSTER", "SLOTS") for node in client.nodes]
    owners = [sorted((row[0], row[1], row[2][2]) for row in rows) for rows in maps]
    return all(owner == owners[0] for owner in owners) and _all_well(client)


def _all_well(client: ClusterClient) -> bool:
    return all("cluster_state:ok" in _text(_say(node, "CLUSTER", "INFO")) for node in client.nodes)


def _is_replica(node: redis.Redis) -> bool:
    return bool(_replication(node)["role"] == "slave")


def _is_synchronised(node: redis.Redis) -> bool:
    return bool(_replication(node).get("master_link_status") == "up")


def _replication(node: redis.Redis) -> Any:
    return node.info("replication")


def _id(node: redis.Redis) -> str:
    return _text(_say(node, "CLUSTER", "MYID"))


def _master_of(node: redis.Redis) -> str | None:
    lines = _text(_say(node, "CLUSTER", "NODES")).splitlines()
    return next((line.split()[3] for line in lines if "myself" in line), None)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _say(node: redis.Redis, *words: str) -> Any:
    return node.execute_command(*words)  # type: ignore[no-untyped-call]


def _until(condition: Callable[[], bool], problem: str) -> None:
    wait_until(condition, SECONDS, problem, "see the nodes' logs: `devenv logs`")
