"""Other addresses in what a cluster's node says about the nodes: in redirections and the cluster's map.

Addresses occur in errors (``MOVED slot host:port``, ``ASK slot host:port``; also behind other words, as in
EXECABORT) and in the replies to CLUSTER SLOTS, SHARDS, NODES, REPLICAS and SLAVES. Sources: the Redis cluster
specification (redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec) and those commands' pages.
All else, and whatever is not of the form described there, stays byte for byte as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devenv.core.resp.numbers import parse_length

Address = tuple[str, int]
Relocate = Callable[[str, int], Address | None]
"""Gives the address to tell in place of a node's; "" is the host that is asked. None: leave it."""

MAPS = frozenset({"CLUSTER SLOTS", "CLUSTER SHARDS", "CLUSTER NODES", "CLUSTER REPLICAS", "CLUSTER SLAVES"})
"""The commands whose replies name nodes."""

_REDIRECTION = re.compile(rb"\b(MOVED|ASK) (\d{1,5}) (\S*):(\d{1,5})(?!\d)")
_LINES, _BULKS, _AGGREGATES = b"+-:_#,(", b"$!=", b"*~>%|"
_MAX_DEPTH = 64


@dataclass(slots=True)
class _Value:
    """One value of a reply: its type byte, the line behind it, and the bulk or the values that follow."""

    kind: bytes
    line: bytes
    bulk: bytes | None = None
    items: list[_Value] | None = None

    def wire(self) -> bytes:
        head = self.kind + self.line + b"\r\n"
        if self.bulk is not None:
            return head + self.bulk + b"\r\n"
        return head + b"".join(item.wire() for item in self.items or ())

    def text(self) -> bytes | None:
        """Of a string or a number; None of anything else."""
        if self.bulk is not None:
            return self.bulk
        return self.line if self.kind in (b"+", b":") else None

    def say(self, text: bytes) -> None:
        """Be this text or number instead, of the same type."""
        if self.kind in (b"+", b":", b"-"):
            self.line = text
        else:  # a null, too, becomes a string
            self.kind, self.items = (self.kind if self.kind in (b"=", b"!") else b"$"), None
            self.bulk, self.line = text, b"%d" % len(text)


def relocated(reply: bytes, names: Sequence[str], relocate: Relocate) -> bytes:
    """``reply``, one complete reply, with the addresses of nodes in it as ``relocate`` gives them.

    ``names`` is the command that it answers, in capitals ("CLUSTER SLOTS"), or for an EXEC the commands that
    it ran, in order. Never raises: what is no reply comes back as it is.
    """
    parsed = _parse(reply, 0, 0)
    if parsed is None or parsed[1] != len(reply):
        return reply
    value = parsed[0]
    _errors(value, relocate)
    answers = [value] if len(names) == 1 else (value.items or [])
    if len(answers) == len(names):
        for answer, name in zip(answers, names, strict=True):
            if name in MAPS:
                _map(answer, name, relocate)
    return value.wire()


def _parse(data: bytes, pos: int, depth: int) -> tuple[_Value, int] | None:
    """The value at ``pos`` and where it ends; None for what is incomplete, streamed or no RESP."""
    end = data.find(b"\r\n", pos)
    if end <= pos or depth > _MAX_DEPTH:
        return None
    kind, line, pos = data[pos : pos + 1], data[pos + 1 : end], end + 2
    value = _Value(kind, line)
    if kind in _LINES or line == b"-1":
        return value, pos
    count = parse_length(line)
    if count is None or count < 0:
        return None
    if kind in _BULKS:
        if pos + count + 2 > len(data):
            return None
        value.bulk = data[pos : pos + count]
        return value, pos + count + 2
    if kind in _AGGREGATES:
        value.items = []
        # An attribute (|) comes before the value that it belongs to: both are kept as its items.
        for _ in range(count * (2 if kind in b"%|" else 1) + (kind == b"|")):
            item = _parse(data, pos, depth + 1)
            if item is None:
                return None
            value.items.append(item[0])
            pos = item[1]
        return value, pos
    return None


def _errors(value: _Value, relocate: Relocate) -> None:
    """Redirections in errors, wherever they are in a reply."""
    if value.kind in (b"-", b"!"):
        before = value.line if value.kind == b"-" else value.bulk or b""
        after = _REDIRECTION.sub(lambda found: _redirection(found, relocate), before)
        if after != before:
            value.say(after)
    for item in value.items or ():
        _errors(item, relocate)


def _redirection(found: re.Match[bytes], relocate: Relocate) -> bytes:
    there = _elsewhere(found[3], found[4], relocate)
    return found[0] if there is None else b"%s %s %s:%d" % (found[1], found[2], *there)


def _elsewhere(host: bytes, port: bytes, relocate: Relocate) -> tuple[bytes, int] | None:
    if not port.isdigit() or not 0 < int(port) <= 65535:
        return None
    there = relocate("" if host == b"?" else host.decode("utf-8", "surrogateescape"), int(port))
    return None if there is None else (there[0].encode("utf-8", "surrogateescape"), there[1])


def _map(value: _Value, name: str, relocate: Relocate) -> None:
    if name == "CLUSTER SLOTS":
        for row in value.items or ():  # first slot, last slot, then the nodes
            for node in (row.items or ())[2:]:
                _slots_node(node, relocate)
    elif name == "CLUSTER SHARDS":
        for shard in value.items or ():
            for node in _field(shard, b"nodes", _Value(b"*", b"0")).items or ():
                _shards_node(node, relocate)
    elif name == "CLUSTER NODES":
        _node_lines(value, relocate)
    else:
        for line in value.items or ():
            _node_lines(line, relocate)


def _slots_node(node: _Value, relocate: Relocate) -> None:
    """Preferred endpoint, port, id, and since Redis 7 more about the endpoint, which is left out."""
    items = node.items or []
    if len(items) < 2:
        return
    there = _elsewhere(items[0].text() or b"", items[1].text() or b"", relocate)
    if there is None:
        return
    items[0].say(there[0])
    items[1].say(b"%d" % there[1])
    for more in items[3:]:
        if more.items is not None:
            more.items, more.line = [], b"0"


def _shards_node(node: _Value, relocate: Relocate) -> None:
    nothing = _Value(b"_", b"")
    ports = [port for port in (_field(node, name, nothing) for name in (b"port", b"tls-port")) if port.text()]
    hosts = [_field(node, name, nothing) for name in (b"endpoint", b"ip", b"hostname")]
    host = next((text for text in (host.text() for host in hosts) if text), b"")
    there = _elsewhere(host, ports[0].text() or b"", relocate) if ports else None
    if there is None:
        return
    for value in hosts:
        if value is not nothing:
            value.say(there[0])
    for value in ports:
        value.say(b"%d" % there[1])


def _field(value: _Value, name: bytes, default: _Value) -> _Value:
    """Of a map, or in RESP2 of the flat list of its names and values."""
    items = value.items or []
    return next((items[at + 1] for at in range(0, len(items) - 1, 2) if items[at].text() == name), default)


def _node_lines(value: _Value, relocate: Relocate) -> None:
    """``id host:port@busport[,hostname[,name=value …]] flags …``, one line for each node."""
    if value.bulk is None:
        return
    start, lines = (4, value.bulk[4:]) if value.kind == b"=" else (0, value.bulk)  # "txt:"
    changed = b"\n".join(_node_line(line, relocate) for line in lines.split(b"\n"))
    if changed != lines:
        value.say(value.bulk[:start] + changed)


def _node_line(line: bytes, relocate: Relocate) -> bytes:
    words = line.split(b" ")
    address, at, rest = words[1].partition(b"@") if len(words) > 2 else (b"", b"", b"")
    host, colon, port = address.rpartition(b":")
    there = _elsewhere(host, port, relocate) if colon and at else None
    if there is None:
        return line
    bus, _, more = rest.partition(b",")
    _hostname, comma, aux = more.partition(b",")
    words[1] = b"%s:%d@%s" % (*there, bus) + (b",," + aux if comma else b"")
    return b" ".join(words)
