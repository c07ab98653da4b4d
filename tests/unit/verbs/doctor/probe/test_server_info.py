"""What a server says of itself, read from replies as servers and proxies give them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from devenv.verbs.doctor.probe.resp_socket import Refused, Value
from devenv.verbs.doctor.probe.server_info import (
    announced_nodes,
    fields_of,
    info_of,
    role_of,
    unknown_commands,
)

INFO = (
    "# Server\r\nredis_version:7.2.4\r\nredis_mode:cluster\r\n# Memory\r\nmaxmemory:100\r\nused_memory:7\r\n"
    "maxmemory_policy:noeviction\r\nevicted_keys:x\r\nrole:slave\r\nmaster_link_status:down\r\n"
    "db0:keys=1,expires=0\r\ndb11:keys=2\r\ndbx:1\r\n"
)


class Replies:
    """Answers each command by its words."""

    def __init__(self, replies: Mapping[tuple[str | int, ...], Value]) -> None:
        self._replies = replies

    def call(self, *words: str | int) -> Value:
        return self._replies[words]


def test_info() -> None:
    info, refused = info_of(Replies({("INFO",): INFO}))
    assert refused is None and info is not None
    assert (info.engine, info.version, info.mode, info.role) == ("Redis", "7.2.4", "cluster", "slave")
    assert (info.maxmemory, info.used_memory, info.evicted) == (100, 7, 0)
    assert info.databases == (0, 11)


def test_valkey_says_its_own_name() -> None:
    info, _ = info_of(
        Replies({("INFO",): "redis_version:7.2.4\r\nvalkey_version:8.0\r\nserver_mode:standalone\r\n"})
    )
    assert info is not None and (info.engine, info.mode) == ("Valkey", "standalone")


def test_hello_where_info_is_refused() -> None:
    hello: Value = [
        "server",
        "redis",
        "version",
        "7.0.15",
        "proto",
        2,
        "mode",
        "standalone",
        "role",
        "replica",
    ]
    replies: dict[tuple[str | int, ...], Value] = {("INFO",): Refused("NOPERM no"), ("HELLO", 2): hello}
    info, refused = info_of(Replies(replies))
    assert refused == "NOPERM no" and info is not None
    assert (info.engine, info.version, info.mode, info.role) == ("Redis", "7.0.15", "standalone", "slave")
    assert info_of(Replies(replies | {("HELLO", 2): Refused("ERR")})) == (None, "NOPERM no")


def test_the_role_and_lines_without_a_colon() -> None:
    assert role_of(Replies({("INFO", "replication"): "# x\r\nrole:master\r\n"})) == "master"
    assert role_of(Replies({("INFO", "replication"): Refused("NOPERM")})) == ""
    assert fields_of("a\nb: c \nd:e:f") == {"b": "c", "d": "e:f"}


def test_the_nodes_of_a_cluster_each_once() -> None:
    slots: Value = [
        [0, 99, ["10.0.0.1", 7001, "id"], ["", 7002]],
        [100, 200, [None, 7003], ["10.0.0.1", 7001], ["?", 7004], ["short"], 5],
        "no list",
    ]
    assert announced_nodes(slots, "seed") == [
        ("10.0.0.1", 7001),
        ("seed", 7002),
        ("seed", 7003),
        ("seed", 7004),
    ]
    assert announced_nodes(Refused("ERR"), "seed") == []


@pytest.mark.parametrize(
    ("reply", "unknown"),
    [([["get"], None], ("GETDEL",)), ([["get"], []], ("GETDEL",)), (Refused("NOPERM"), ()), ([["get"]], ())],
)
def test_commands_that_the_server_does_not_have(reply: Value, unknown: tuple[str, ...]) -> None:
    replies = Replies({("COMMAND", "INFO", "GET", "GETDEL"): reply})
    assert unknown_commands(replies, ["GET a", "GETDEL", "GET b"]) == unknown
    assert unknown_commands(replies, []) == ()
