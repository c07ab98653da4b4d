"""A server that answers, by made-up facts: its kind, database and memory, and whether it takes writes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.doctor_rules.facts import Node, Reach, Server, Tcp, Trial, WriteProbe
from devenv.core.doctor_rules.settings import env_file
from devenv.core.doctor_rules.store_commands import NEEDS
from tests.unit.core.doctor_rules.made_up import INFO, OPEN, TEXT, WELL, kinds

CLUSTER = replace(
    WELL, info=replace(INFO, mode="cluster"), cluster_state="ok", nodes=(Node("redis.example:6379", OPEN),)
)
DENIED = "NOPERM User x has no permissions to run the 'set' command"
OOM = "OOM command not allowed when used memory > 'maxmemory'"
READONLY = "READONLY You can't write against a read only replica."


@pytest.mark.parametrize(
    ("server", "sentences"),
    [
        (replace(WELL, info=replace(INFO, mode="sentinel")), ["not-redis"]),
        (replace(CLUSTER, cluster_state="fail"), ["cluster-down"]),
        (replace(CLUSTER, nodes=(Node("10.0.0.7:6379", Tcp(Reach.TIMEOUT)),)), ["announce-unreachable"]),
        (replace(CLUSTER, nodes=(Node("10.0.0.7:6379", Tcp(Reach.NOT_TRIED)),)), []),
        (replace(WELL, select="ERR DB index is out of range"), ["database"]),
        (replace(CLUSTER, select="ERR SELECT is not allowed in cluster mode"), ["database-on-cluster"]),
        (replace(WELL, info=replace(INFO, maxmemory=100, policy="allkeys-lru")), ["eviction"]),
        (replace(WELL, info=replace(INFO, maxmemory=100, policy="volatile-ttl")), ["eviction"]),
        (replace(WELL, info=replace(INFO, maxmemory=100, policy="noeviction")), []),
        (replace(WELL, info=replace(INFO, maxmemory=0, policy="allkeys-lru")), []),
        (replace(WELL, info=replace(INFO, role="slave"), write=None), ["read-only-replica"]),
        (replace(WELL, write=WriteProbe("k", READONLY)), ["read-only-replica"]),
        (replace(WELL, write=WriteProbe("k", OOM)), ["writes-refused"]),
        (replace(WELL, write=WriteProbe("k", "MISCONF Redis is configured to save")), ["writes-refused"]),
        (replace(WELL, write=WriteProbe("k", "NOREPLICAS Not enough good replicas")), ["writes-refused"]),
        (replace(WELL, write=WriteProbe("k", DENIED)), ["permission"]),
        (replace(WELL, write=WriteProbe("k", ttl=10, trials=(Trial("GETDEL", DENIED),))), ["permission"]),
        (
            replace(WELL, write=WriteProbe("k", ttl=10, trials=(Trial("GETDEL", "ERR unknown command"),))),
            ["server-too-old"],
        ),
    ],
)
def test_what_an_answering_server_shows(server: Server, sentences: list[str]) -> None:
    assert kinds(server) == sentences


@pytest.mark.parametrize(
    ("setting", "server", "sentences"),
    [
        ("false", CLUSTER, ["plain-client-on-cluster"]),
        ("true", CLUSTER, []),
        ("true", WELL, ["cluster-client-on-standalone"]),
        ("false", WELL, []),
    ],
)
def test_the_client_fits_the_server(setting: str, server: Server, sentences: list[str]) -> None:
    pod = env_file(f"{TEXT}REDIS_CLUSTER={setting}\n", "f.env")
    assert kinds(server, pods=[pod]) == sentences


def test_a_server_without_a_command_of_the_store() -> None:
    old = replace(WELL, info=replace(INFO, version="5.0.7"))
    assert kinds(old, needs=NEEDS["atomic"]) == ["server-too-old"]
    assert kinds(old, needs=NEEDS["guide"]) == []
