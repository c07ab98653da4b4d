"""Making one Redis Cluster of nodes that run: three masters with all slots, and a replica of the first.

``python -m devenv.stack.embedded.redis_cluster HOST:PORT …`` does it for nodes in containers (names are
looked up, as nodes know each other by address only) and waits until the cluster serves.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.files import write_atomically
from devenv.stack.waiting import wait_until

SLOTS = 16384
MASTERS = 3
BUS_OFFSET = 10_000
"""The default of a node's bus port, counted from its port."""
FORM_SECONDS = 60.0
_ANSWER_SECONDS = 10.0

CONFIG_FILE = "nodes.conf"
OPTIONS = {
    "--cluster-enabled": "yes",
    "--cluster-config-file": CONFIG_FILE,
    # Who takes over is decided by scenarios and tests, never by how busy this machine is.
    "--cluster-replica-no-failover": "yes",
    "--repl-diskless-sync-delay": "0",
}
"""Of every node, beside its ports and what it announces."""


@dataclass(frozen=True, slots=True)
class Node:
    """Where a node listens for clients and for other nodes."""

    host: str
    port: int
    bus_port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def options(bus_port: int) -> dict[str, str]:
    """The options of a node on this machine, reached at 127.0.0.1."""
    return {**OPTIONS, "--cluster-port": str(bus_port), "--cluster-announce-ip": "127.0.0.1"}


def write_config(nodes: Sequence[Node], number: int, directory: Path, *, shards: bool) -> None:
    """Let node ``number`` know the whole cluster from its start on: its own file, where it has none.

    Meeting each other takes nodes 2 to 3 s; this is what they would then have written into their file
    (clusterSaveConfig in Redis' cluster.c). ``shards``: the server knows shards by name, as Redis from 7.2 on
    and every Valkey does.
    """
    path = directory / CONFIG_FILE
    if path.exists():
        return
    names = [_name("node", n) for n in range(len(nodes))]
    lines = []
    for n, (node, name) in enumerate(zip(nodes, names, strict=True)):
        role, master, epoch, slots, shard = "slave", names[0], 1, "", _name("shard", 0)
        if n < MASTERS:
            role, master, epoch, slots = "master", "-", n + 1, " {}-{}".format(*_slots(n))
            shard = _name("shard", n)
        flags = f"myself,{role}" if n == number else role
        address = f"{node}@{node.bus_port}" + (f",,shard-id={shard}" if shards else "")
        lines.append(f"{name} {address} {flags} {master} 0 0 {epoch} connected{slots}")
    lines.append(f"vars currentEpoch {MASTERS} lastVoteEpoch 0")
    write_atomically(path, [f"{line}\n" for line in lines])


def _name(what: str, number: int) -> str:
    """40 hex digits, as nodes and shards are called."""
    return sha1(f"{what} {number} of devenv".encode(), usedforsecurity=False).hexdigest()


def form(nodes: Sequence[Node]) -> None:
    """Give the first ``MASTERS`` nodes all slots and make the nodes know each other; those behind replicate.

    Nodes that know each other from before (they were started anew) are left as they are. Returns when every
    node knows every slot's owner: the cluster serves a little later (``wait_until_it_serves``).
    Raises EnvironmentProblem where it does not come about in ``FORM_SECONDS``.
    """
    clients = [_client(node) for node in nodes]
    try:
        _until(lambda: all(_answers(client) for client in clients), "its nodes do not answer")
        if all(_info(client)["cluster_known_nodes"] == "1" for client in clients):
            _introduce(nodes, clients)
        _until(lambda: all(_knows_all(client, len(nodes)) for client in clients), "its nodes do not meet")
        _replicate(clients)
    finally:
        for client in clients:
            client.close()


def wait_until_it_serves(nodes: Sequence[Node]) -> None:
    """Wait until every node says that the cluster is well, and replicas have caught up.

    A master that was started waits 2 s (CLUSTER_WRITABLE_DELAY in Redis' cluster.c) before it says so.
    Raises as ``form``.
    """
    clients = [_client(node) for node in nodes]
    try:
        _until(lambda: all(_is_well(client) for client in clients), "its state does not become ok")
    finally:
        for client in clients:
            client.close()


def _introduce(nodes: Sequence[Node], clients: Sequence[redis.Redis]) -> None:
    """Give slots and epochs, then let the nodes meet: a node that knows another one takes no epoch."""
    for number, client in enumerate(clients):
        if number < MASTERS:
            _say(client, "CLUSTER", "ADDSLOTSRANGE", *_slots(number))
        _say(client, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    for number, client in enumerate(clients):
        for other in nodes[number + 1 :]:
            _say(client, "CLUSTER", "MEET", other.host, other.port, other.bus_port)


def _slots(number: int) -> tuple[int, int]:
    """The first and the last slot of the master at index ``number``."""
    return SLOTS * number // MASTERS, SLOTS * (number + 1) // MASTERS - 1


def _replicate(clients: Sequence[redis.Redis]) -> None:
    """Let a node without slots that is no replica yet be one of the first master."""
    masters = [client for client in clients if "master" in _line(client)[2].split(",")]
    if len(masters) > MASTERS:
        owner = next(_line(client)[0] for client in masters if _has_slots(client))
        for client in masters:
            if not _has_slots(client):
                _say(client, "CLUSTER", "REPLICATE", owner)


def _line(client: redis.Redis) -> list[str]:
    """What a node says of itself in CLUSTER NODES: id, address, flags, …"""
    lines = str(_say(client, "CLUSTER", "NODES")).splitlines()
    return next(line.split() for line in lines if "myself" in line)


def _has_slots(client: redis.Redis) -> bool:
    return len(_line(client)) > 8


def _knows_all(client: redis.Redis, count: int) -> bool:
    info = _info(client)
    return info["cluster_known_nodes"] == str(count) and info["cluster_slots_assigned"] == str(SLOTS)


def _is_well(client: redis.Redis) -> bool:
    try:
        if _info(client)["cluster_state"] != "ok":
            return False
        replication: Any = client.info("replication")
    except redis.RedisError:
        return False
    return bool(replication["role"] == "master" or replication.get("master_link_status") == "up")


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.TimeoutError):
        return False


def _info(client: redis.Redis) -> dict[str, str]:
    lines = str(_say(client, "CLUSTER", "INFO")).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _say(client: redis.Redis, *words: str | int) -> Any:
    """One command; its reply as the server wrote it: redis-py parses only what is sent as "CLUSTER INFO"."""
    return client.execute_command(*words)  # type: ignore[no-untyped-call]


def _client(node: Node) -> redis.Redis:
    return redis.Redis(
        host=node.host,
        port=node.port,
        socket_timeout=_ANSWER_SECONDS,
        socket_connect_timeout=_ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def _until(condition: Callable[[], bool], problem: str) -> None:
    wait_until(
        condition,
        FORM_SECONDS,
        f"{problem}: the Redis Cluster did not come about",
        "see the nodes' logs: `devenv logs`",
    )


def main(arguments: Sequence[str]) -> int:
    """Form the cluster of the nodes that ``arguments`` name (host:port), and wait until it serves."""
    nodes = []
    for word in arguments:
        host, _, port = word.rpartition(":")
        nodes.append(Node(socket.gethostbyname(host), int(port), int(port) + BUS_OFFSET))
    try:
        form(nodes)
        wait_until_it_serves(nodes)
    except EnvironmentProblem as problem:
        print(f"error: {problem.message}", file=sys.stderr)  # noqa: T201
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
