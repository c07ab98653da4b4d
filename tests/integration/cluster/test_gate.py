"""The gate before a real Redis Cluster: whatever a pod's client is told leads through the gate again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.crc import key_slot

from devenv.core.model.ids import SessionKey
from devenv.harness.redis.failover import fail_over, hand_back
from tests.integration.cluster.conftest import POD, Cluster
from tests.support import HANG_GUARD_S, until


def parts(reply: Any) -> Iterator[str]:
    """All texts and numbers of a reply, those of lines and addresses one by one."""
    if isinstance(reply, dict):
        reply = [*reply.keys(), *reply.values()]
    if isinstance(reply, list):
        for item in reply:
            yield from parts(item)
    else:
        yield from str(reply).replace("@", " ").replace(":", " ").replace(",", " ").split()


def master_with_a_replica(node: Any) -> str | None:
    """By this node's own view."""
    lines = node.execute_command("CLUSTER", "NODES").decode().splitlines()
    return next((line.split()[3] for line in lines if "slave" in line.split()[2]), None)


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("words", [("SLOTS",), ("SHARDS",), ("NODES",), ("REPLICAS", "id")])
def test_the_map_names_ports_of_the_gate_only(
    cluster: Cluster, words: tuple[str, ...], protocol: int
) -> None:
    first: Any = cluster.nodes.nodes[0]
    # Nodes learn of changed roles a while after a failover.
    replicated = until(lambda: master_with_a_replica(first), "a master has a replica")
    asked = [*words[:1], *([replicated] if words[1:] else [])]
    client = cluster.client(protocol=protocol)
    values = set(parts(client.execute_command("CLUSTER", *asked)))
    client.close()
    real = {node.rpartition(":")[2] for node in cluster.status.endpoints.redis_nodes}
    ours = {str(port) for port in cluster.ports.values()}
    assert values & real == set()
    # One replica; the map of slots has it only once it has been told something to replicate.
    assert len(values & ours) in ({1} if words[1:] else {3, 4} if words == ("SLOTS",) else {4})


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_redirection_leads_through_the_gate(cluster: Cluster, protocol: int) -> None:
    key = cluster.owned_by(2)
    client = cluster.client(protocol=protocol)
    with pytest.raises(redis.ResponseError, match=rf"^(MOVED )?{key_slot(key.encode())} ") as moved:
        client.set(key, "1")
    port = int(str(moved.value).rpartition(":")[2])
    assert cluster.ports[cluster.status.endpoints.redis_nodes[2]] == port
    assert cluster.client(port).set(key, "1")
    one_service = cluster.owned_by(0)
    with client.pipeline(transaction=False) as pipe:  # one packet: among other replies
        replies = pipe.set(one_service, "1").get(key).get(one_service).execute(raise_on_error=False)
    assert replies[0] is True and replies[2] == "1" and str(replies[1]).endswith(f":{port}")
    with client.pipeline(transaction=True) as pipe, pytest.raises(redis.RedisError) as refused:
        pipe.set(one_service, "1").set(key, "2").execute()
    assert str(port) in str(refused.value)


def test_a_slot_on_its_way_is_asked_for_through_the_gate(cluster: Cluster) -> None:
    key = cluster.owned_by(0)
    nodes: Any = cluster.nodes.nodes
    slot = key_slot(key.encode())
    ids = [str(node.execute_command("CLUSTER", "MYID"), "ascii") for node in nodes]
    cluster.nodes.delete(key)
    nodes[1].execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
    nodes[0].execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
    try:
        with pytest.raises(redis.ResponseError) as asked:
            cluster.client().get(key)
        port = int(str(asked.value).rpartition(":")[2])
        assert cluster.ports[cluster.status.endpoints.redis_nodes[1]] == port
        with cluster.client(port).pipeline(transaction=False) as pipe:
            assert pipe.execute_command("ASKING").get(key).execute()[1] is None
    finally:
        for node in nodes[:2]:
            node.execute_command("CLUSTER", "SETSLOT", slot, "STABLE")


def test_a_cluster_client_never_leaves_the_gate_and_follows_a_failover(cluster: Cluster) -> None:
    client: Any = redis.RedisCluster(
        host="127.0.0.1", port=cluster.gate_port, decode_responses=True, socket_timeout=HANG_GUARD_S
    )
    keys = [cluster.owned_by(node) for node in range(3)]
    before = cluster.control("/commands", limit=10_000)["commands"]
    try:
        for key in keys:
            client.set(key, "1", ex=60)
        taken = fail_over(cluster.nodes, SessionKey(keys[2]))
        try:
            assert [client.get(key) for key in keys] == ["1", "1", None]
            client.set(keys[2], "new", ex=60)
            assert cluster.nodes.get(keys[2]) == b"new"
        finally:
            hand_back(cluster.nodes, taken)
        assert client.set(keys[2], "again", ex=60)
    finally:
        client.close()
    seen = cluster.control("/commands", since=before[-1]["seq"], limit=10_000)["commands"]
    ran = [
        (item["node"], item["command"])
        for item in seen
        if item["key"] in keys and not item["reply"].startswith("-")
    ]
    addresses = cluster.status.endpoints.redis_nodes
    assert ran[:6] == [
        *((addresses[node], "SET") for node in range(3)),
        (addresses[0], "GET"), (addresses[1], "GET"), (addresses[3], "GET"),
    ]  # fmt: skip
    assert {item["pod"] for item in seen} == {POD}
    nodes = set(cluster.ports.values())
    assert {node.port for node in client.get_nodes()} <= nodes
