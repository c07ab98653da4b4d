"""What a server says of itself: INFO, HELLO, the nodes of a cluster, the commands that it knows."""

from __future__ import annotations

from collections.abc import Sequence

from devenv.core.doctor_rules.facts import Info
from devenv.verbs.doctor.probe.resp_socket import Caller, Value, error_of


def fields_of(text: str) -> dict[str, str]:
    """``name:value`` lines."""
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name: value.strip() for name, _, value in pairs}


def info_of(connection: Caller) -> tuple[Info | None, str | None]:
    """INFO; where it is refused, the little that HELLO says, and the words of the refusal."""
    reply = connection.call("INFO")
    refused = error_of(reply)
    if isinstance(reply, str):
        return _parsed_info(reply), None
    hello = connection.call("HELLO", 2)
    if not isinstance(hello, list):
        return None, refused
    properties = dict(zip(map(str, hello[::2]), hello[1::2], strict=False))
    role = {"replica": "slave"}.get(str(properties.get("role")), str(properties.get("role")))
    engine, version = str(properties.get("server", "redis")).capitalize(), str(properties.get("version", ""))
    return Info(engine, version, str(properties.get("mode", "")), role, policy=""), refused


def _parsed_info(text: str) -> Info:
    fields = fields_of(text)
    return Info(
        "Valkey" if "valkey_version" in fields else "Redis",
        fields.get("redis_version", ""),
        fields.get("server_mode") or fields.get("redis_mode", "standalone"),
        fields.get("role", ""),
        _number(fields, "maxmemory"),
        _number(fields, "used_memory"),
        fields.get("maxmemory_policy", ""),
        _number(fields, "evicted_keys"),
        fields.get("master_link_status", ""),
        tuple(sorted(int(name[2:]) for name in fields if name[:2] == "db" and name[2:].isdecimal())),
        fields.get("run_id", ""),
    )


def _number(fields: dict[str, str], name: str) -> int:
    value = fields.get(name, "")
    return int(value) if value.isdecimal() else 0


def role_of(connection: Caller) -> str:
    """``master`` or ``slave``; empty where INFO is refused."""
    reply = connection.call("INFO", "replication")
    return fields_of(reply).get("role", "") if isinstance(reply, str) else ""


def announced_nodes(slots: Value, seed_host: str) -> list[tuple[str, int]]:
    """Every node of CLUSTER SLOTS, each once; an empty host means the one that was asked."""
    nodes: dict[tuple[str, int], None] = {}
    for entry in slots if isinstance(slots, list) else []:
        for node in entry[2:] if isinstance(entry, list) else []:
            if isinstance(node, list) and len(node) >= 2 and isinstance(node[1], int):
                host = str(node[0]) if node[0] not in (None, "", "?") else seed_host
                nodes[host, node[1]] = None
    return list(nodes)


def unknown_commands(connection: Caller, commands: Sequence[str]) -> tuple[str, ...]:
    """Those commands that the server does not have; none where it may not be asked."""
    names = list(dict.fromkeys(command.split()[0] for command in commands))
    if not names:
        return ()
    reply = connection.call("COMMAND", "INFO", *names)
    if not isinstance(reply, list) or len(reply) != len(names):
        return ()
    return tuple(name for name, one in zip(names, reply, strict=True) if not one)
