"""Other addresses in what a cluster's node says about the nodes: in redirections and the cluster's map.

Addresses occur in errors (``MOVED slot host:port``, ``ASK slot host:port``; also behind other words, as in
EXECABORT) and in the replies to CLUSTER SLOTS, SHARDS, NODES, REPLICAS and SLAVES. Sources: the Redis cluster
specification (redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec) and those commands' pages.
Everything else, and what does not have the form described there, stays byte for byte as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from devenv.core.resp.values import REDIRECTION, WireValue, parse_value

Address = tuple[str, int]
Relocate = Callable[[str, int], Address | None]
"""Gives the address to tell in place of a node's; "" is the host that is asked. None: leave it."""

MAPS = frozenset({"CLUSTER SLOTS", "CLUSTER SHARDS", "CLUSTER NODES", "CLUSTER REPLICAS", "CLUSTER SLAVES"})
"""The commands whose replies name nodes."""


def relocated(reply: bytes, names: Sequence[str], relocate: Relocate) -> bytes:
    """``reply``, one complete reply, with the addresses of nodes in it as ``relocate`` gives them.

    ``names`` is the command that it answers, in capitals ("CLUSTER SLOTS"), or for an EXEC the commands that
    it ran, in order. Never raises: what is no reply comes back as it is.
    """
    value, end = parse_value(reply)
    if not value.whole or end != len(reply):
        return reply
    _errors(value, relocate)
    answers = [value] if len(names) == 1 else (value.items or [])
    if len(answers) == len(names):
        for answer, name in zip(answers, names, strict=True):
            if name in MAPS:
                _map(answer, name, relocate)
    return value.wire()


def _errors(value: WireValue, relocate: Relocate) -> None:
    """Redirections in errors, wherever they are in a reply."""
    if value.kind in (b"-", b"!"):
        before = value.line if value.kind == b"-" else value.bulk or b""
        after = REDIRECTION.sub(lambda match: _redirection(match, relocate), before)
        if after != before:
            _set_text(value, after)
    for item in value.items or ():
        _errors(item, relocate)


def _redirection(match: re.Match[bytes], relocate: Relocate) -> bytes:
    there = _elsewhere(match[3], match[4], relocate)
    return match[0] if there is None else b"%s %s %s:%d" % (match[1], match[2], *there)


def _elsewhere(host: bytes, port: bytes, relocate: Relocate) -> tuple[bytes, int] | None:
    if not port.isdigit() or not 0 < int(port) <= 65535:
        return None
    there = relocate("" if host == b"?" else host.decode("utf-8", "surrogateescape"), int(port))
    return None if there is None else (there[0].encode("utf-8", "surrogateescape"), there[1])


def _map(value: WireValue, name: str, relocate: Relocate) -> None:
    if name == "CLUSTER SLOTS":
        for row in value.items or ():  # first slot, last slot, then the nodes
            for node in (row.items or ())[2:]:
                _slots_node(node, relocate)
    elif name == "CLUSTER SHARDS":
        for shard in value.items or ():
            for node in _field(shard, b"nodes", WireValue(b"*", b"0")).items or ():
                _shards_node(node, relocate)
    elif name == "CLUSTER NODES":
        _node_lines(value, relocate)
    else:
        for line in value.items or ():
            _node_lines(line, relocate)


def _slots_node(node: WireValue, relocate: Relocate) -> None:
    """Preferred endpoint, port, id, and since Redis 7 more about the endpoint, which is left out."""
    items = node.items or []
    if len(items) < 2:
        return
    there = _elsewhere(_text(items[0]) or b"", _text(items[1]) or b"", relocate)
    if there is None:
        return
    _set_text(items[0], there[0])
    _set_text(items[1], b"%d" % there[1])
    for more in items[3:]:
        if more.items is not None:
            more.items, more.line = [], b"0"


def _shards_node(node: WireValue, relocate: Relocate) -> None:
    nothing = WireValue(b"_", b"")
    ports = [port for port in (_field(node, name, nothing) for name in (b"port", b"tls-port")) if _text(port)]
    hosts = [_field(node, name, nothing) for name in (b"endpoint", b"ip", b"hostname")]
    host = next((text for text in (_text(host) for host in hosts) if text), b"")
    there = _elsewhere(host, _text(ports[0]) or b"", relocate) if ports else None
    if there is None:
        return
    for value in hosts:
        if value is not nothing:
            _set_text(value, there[0])
    for value in ports:
        _set_text(value, b"%d" % there[1])


def _field(value: WireValue, name: bytes, default: WireValue) -> WireValue:
    """Of a map, or in RESP2 of the flat list of its names and values."""
    items = value.items or []
    return next(
        (items[index + 1] for index in range(0, len(items) - 1, 2) if _text(items[index]) == name), default
    )


def _node_lines(value: WireValue, relocate: Relocate) -> None:
    """``id host:port@busport[,hostname[,name=value …]] flags …``, one line for each node."""
    if value.bulk is None:
        return
    start, lines = (4, value.bulk[4:]) if value.kind == b"=" else (0, value.bulk)  # "txt:"
    changed = b"\n".join(_node_line(line, relocate) for line in lines.split(b"\n"))
    if changed != lines:
        _set_text(value, value.bulk[:start] + changed)


def _node_line(line: bytes, relocate: Relocate) -> bytes:
    fields = line.split(b" ")
    address, separator, rest = fields[1].partition(b"@") if len(fields) > 2 else (b"", b"", b"")
    host, colon, port = address.rpartition(b":")
    there = _elsewhere(host, port, relocate) if colon and separator else None
    if there is None:
        return line
    bus, _, more = rest.partition(b",")
    _hostname, comma, aux = more.partition(b",")
    fields[1] = b"%s:%d@%s" % (*there, bus) + (b",," + aux if comma else b"")
    return b" ".join(fields)


def _text(value: WireValue) -> bytes | None:
    """Of a string or a number; None of anything else."""
    if value.bulk is not None:
        return value.bulk
    return value.line if value.kind in (b"+", b":") else None


def _set_text(value: WireValue, text: bytes) -> None:
    """Let the value be this text or number, of the same type; a null becomes a string."""
    if value.kind in (b"+", b":", b"-"):
        value.line = text
    else:
        value.kind, value.items = (value.kind if value.kind in (b"=", b"!") else b"$"), None
        value.bulk, value.line = text, b"%d" % len(text)
