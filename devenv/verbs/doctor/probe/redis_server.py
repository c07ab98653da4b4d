"""Looks at one server the way a pod reaches it, and writes at most one key, with a TTL, which it deletes."""

from __future__ import annotations

import contextlib
import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from devenv.core.doctor_rules.facts import (
    Info,
    Keyspace,
    Node,
    Reach,
    Server,
    Speech,
    Target,
    Tcp,
    Trial,
    Trust,
    WriteProbe,
)
from devenv.core.resp.values import redirection
from devenv.verbs.doctor.probe import keyspace
from devenv.verbs.doctor.probe import tls as handshake
from devenv.verbs.doctor.probe.resp_socket import Broken, Refused, Value, Wire, connect, open_wire
from devenv.verbs.doctor.probe.tls import TlsFiles

WELL_KNOWN = (6379, 6380, 6397, 7000)
"""Redis' own port, the usual one for TLS, a managed service's (the guide's), a cluster's first node."""
PROBE_TTL = 10
MAX_TIMEOUT = 5.0
_MAX_NODES = 32
_MOST_KEYS = 64
"""A master with a third of the slots owns none of so many keys once in 10^11."""
_FAILURES = (Broken, OSError)

_TRIALS = {
    "SET": ("SET", "{key}", "doctor", "EX", PROBE_TTL),
    "SETEX": ("SETEX", "{key}", PROBE_TTL, "doctor"),
    "SET KEEPTTL": ("SET", "{key}", "doctor", "KEEPTTL"),
    "GET": ("GET", "{key}"),
    "TTL": ("TTL", "{key}"),
    "PTTL": ("PTTL", "{key}"),
    "EXISTS": ("EXISTS", "{key}"),
    "EXPIRE": ("EXPIRE", "{key}", PROBE_TTL),
    "PEXPIRE": ("PEXPIRE", "{key}", PROBE_TTL * 1000),
    "EVAL": ("EVAL", "return 1", 1, "{key}"),
    "EVALSHA": ("EVALSHA", "0" * 40, 1, "{key}"),
    "HMGET": ("HMGET", "{key}", "field"),
    "HSET": ("HSET", "{key}", "field", "value"),
    "INCR": ("INCR", "{key}"),
    "WATCH": ("WATCH", "{key}"),
    "MULTI": ("MULTI",),
    "GETDEL": ("GETDEL", "{key}"),
    "DEL": ("DEL", "{key}"),
}
"""How each command is tried on the probe's key, a string: what fits no string answers WRONGTYPE and changes
nothing, as Redis asks for the permission first."""
_LAST = ("MULTI", "GETDEL", "DEL")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look at and how. ``timeout`` is in seconds. ``password`` and ``files`` are the pod's.

    ``commands`` are those that the services need, ``prefix`` that of the probe's key; ``write``: whether to
    write it. ``neighbours`` are other ports of the host to try where this one does not answer. ``may_touch``
    tells of another host, which a cluster announces, whether it may be connected to. ``nodes``: where a
    cluster's nodes ("host:port") are reached from here, where that is known; empty: as it announces them.
    """

    target: Target
    pods: tuple[str, ...]
    timeout: float
    password: str = field(repr=False, default="")
    files: TlsFiles = field(default_factory=TlsFiles)
    commands: tuple[str, ...] = ()
    prefix: str = "rcaptcha:"
    write: bool = True
    neighbours: Sequence[int] = WELL_KNOWN
    may_touch: Callable[[str], bool] = handshake.loopback
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A session's key, its database, and the seconds that it has left; None: no TTL."""

    key: str
    db: int
    ttl: float | None


def seek(
    plan: Plan, seen: Server, challenges: Sequence[str], prefixes: Sequence[str]
) -> dict[str, Found | None]:
    """Where the sessions of ``challenges`` lie: under ``prefixes``, else anywhere; None: nowhere.

    Those are left out of which it cannot be told: the server does not answer, or has too many keys.
    """
    try:
        return _Visit(plan, min(plan.timeout, MAX_TIMEOUT)).seek(seen, challenges, prefixes)
    except _FAILURES:
        return {}


def look(plan: Plan) -> Server:
    """Everything there is to see, up to the first step that fails. Raises nothing for a server's faults."""
    target, timeout = plan.target, min(plan.timeout, MAX_TIMEOUT)
    tcp, link = connect(target.host, target.port, timeout)
    seen = Server(target, plan.pods, tcp=tcp)
    if link is None:
        alone = tcp.reach is Reach.UNKNOWN_HOST or target.local
        others = {} if alone else _neighbours(plan, timeout)
        return replace(seen, elsewhere=others)
    link.close()
    speech = handshake.speech(target.host, target.port, timeout)
    seen = replace(seen, speech=speech)
    if speech is not (Speech.TLS if target.tls else Speech.REDIS):
        return seen
    if target.tls:
        tls = handshake.handshake(target.host, target.port, timeout, plan.files)
        seen = replace(seen, tls=tls)
        if tls.trust is not Trust.OK:
            return seen
    return _Visit(plan, timeout).of(seen)


def _neighbours(plan: Plan, timeout: float) -> dict[int, Speech]:
    """What answers on other ports of the same host; a silent host costs a short wait for each."""
    found = {}
    for port in plan.neighbours:
        if port == plan.target.port:
            continue
        reach = handshake.reachable(plan.target.host, port, min(timeout, 0.5))
        if reach is Reach.OPEN:
            found[port] = handshake.speech(plan.target.host, port, timeout)
    return found


class _Visit:
    """The way from the greeting on."""

    def __init__(self, plan: Plan, timeout: float) -> None:
        self._plan = plan
        self._timeout = timeout

    def of(self, seen: Server) -> Server:
        """Greet, then look on; a connection that breaks ends the look where it was."""
        target = self._plan.target
        try:
            with self._open(target.host, target.port) as wire:
                started = time.perf_counter()
                error = self._greet(wire)
                seen = replace(seen, greeted=True, ping=error, seconds=time.perf_counter() - started)
                return seen if error is not None else self._inside(seen, wire)
        except _FAILURES as error:
            if not seen.greeted:
                return replace(seen, greeted=True, ping=f"the connection broke: {error}")
            return seen

    def _open(self, host: str, port: int) -> Wire:
        made: ssl.SSLContext | None = handshake.context(self._plan.files) if self._plan.target.tls else None
        return open_wire(host, port, self._timeout, made)

    def _greet(self, wire: Wire) -> str | None:
        """Log in and say PING, as clients do; the first error."""
        target = self._plan.target
        if target.login or target.user:
            who = (target.user, self._plan.password) if target.user else (self._plan.password,)
            if (error := error_of(wire.call("AUTH", *who))) is not None:
                return error
        return error_of(wire.call("PING"))

    def _inside(self, seen: Server, wire: Wire) -> Server:
        target = self._plan.target
        info = _info(wire)
        seen = replace(seen, info=info)
        if info is not None and info.mode == "sentinel":
            return seen
        if target.db:
            seen = replace(seen, select=error_of(wire.call("SELECT", target.db)))
            if seen.select is not None:
                wire.call("SELECT", 0)
        if info is not None and info.mode == "cluster":
            seen = self._cluster(seen, wire)
        seen = replace(seen, unknown_commands=_unknown(wire, self._plan.commands))
        seen = replace(seen, keyspace=self._keys(seen, wire))
        if self._plan.write and seen.select is None:
            seen = replace(seen, write=self._write(seen, wire))
        return seen

    # -- the cluster -------------------------------------------------------------------------------------

    def _cluster(self, seen: Server, wire: Wire) -> Server:
        said = wire.call("CLUSTER", "INFO")
        state = _fields(said).get("cluster_state") if isinstance(said, str) else None
        nodes = []
        places = [_place(node) for node in self._plan.nodes]
        places = places or _announced(wire.call("CLUSTER", "SLOTS"), self._plan.target.host)[:_MAX_NODES]
        for host, port in places:
            if self._plan.nodes or self._plan.may_touch(host):
                tcp, link = connect(host, port, self._timeout)
                if link is not None:
                    link.close()
            else:
                tcp = Tcp(Reach.NOT_TRIED)
            nodes.append(Node(f"{host}:{port}", tcp))
        return replace(seen, cluster_state=state, nodes=tuple(nodes))

    def _at(self, address: str) -> Wire:
        """A connection to another node, logged in."""
        host, _, port = address.rpartition(":")
        wire = self._open(host, int(port))
        try:
            self._greet(wire)
        except BaseException:
            wire.close()
            raise
        return wire

    # -- keys --------------------------------------------------------------------------------------------

    def _keys(self, seen: Server, wire: Wire) -> Keyspace:
        """All databases of a server, all reachable masters of a cluster."""
        if seen.info is not None and seen.info.mode == "cluster":
            found = Keyspace()
            for node in seen.nodes:
                if node.tcp.reach is Reach.OPEN:
                    with self._at(node.address) as other:
                        if _role(other) != "slave":
                            found = keyspace.merged(found, keyspace.sessions(other, 0))
            return found
        databases = seen.info.databases if seen.info is not None else ()
        home = self._plan.target.db if seen.select is None else 0
        found = keyspace.sessions(wire, home)
        for db in databases:
            if db != home and error_of(wire.call("SELECT", db)) is None:
                found = keyspace.merged(found, keyspace.sessions(wire, db))
        if any(db != home for db in databases):
            wire.call("SELECT", home)
        return found

    # -- challenges --------------------------------------------------------------------------------------

    def seek(
        self, seen: Server, challenges: Sequence[str], prefixes: Sequence[str]
    ) -> dict[str, Found | None]:
        """Where each challenge's session lies; None: nowhere. Left out where that could not be told."""
        target = self._plan.target
        with self._open(target.host, target.port) as wire:
            if self._greet(wire) is not None:
                return {}
            if seen.info is not None and seen.info.mode == "cluster":
                places = [(node.address, 0) for node in seen.nodes if node.tcp.reach is Reach.OPEN]
            else:
                others = _info(wire)
                places = [
                    ("", db) for db in dict.fromkeys([target.db, *(others.databases if others else ())])
                ]
            found: dict[str, Found | None] = {}
            whole = len(places) == len(seen.nodes) or not seen.nodes  # else some node was not looked at
            for address, db in places:
                with self._at(address) if address else contextlib.nullcontext(wire) as at:
                    at.call("SELECT", db)
                    missing = [challenge for challenge in challenges if challenge not in found]
                    there, complete = keyspace.find(at, missing, prefixes)
                    found |= {challenge_id: Found(key, db, ttl) for challenge_id, (key, ttl) in there.items()}
                    whole = whole and complete
        return found | (
            {challenge: None for challenge in challenges if challenge not in found} if whole else {}
        )

    # -- writing -----------------------------------------------------------------------------------------

    def _write(self, seen: Server, wire: Wire) -> WriteProbe | None:
        """One key, on the node that owns it; tried there, and deleted.

        Where that node is not to be touched, another key: one of the node that was reached. None where it
        has none.
        """
        for _ in range(_MOST_KEYS):
            key = f"{self._plan.prefix}doctor:{secrets.token_hex(8)}"
            said = wire.call("SET", key, "doctor", "EX", PROBE_TTL)
            if not _moved(said):
                return self._tried(wire, key, said)
            address = said.text.split()[-1]
            host = address.rpartition(":")[0] or self._plan.target.host
            if self._plan.nodes:
                return self._anywhere(seen, key)
            if self._plan.may_touch(host):
                try:
                    with self._at(f"{host}:{address.rpartition(':')[2]}") as owner:
                        return self._tried(owner, key, owner.call("SET", key, "doctor", "EX", PROBE_TTL))
                except OSError as error:
                    return WriteProbe(key, f"its slot is on {address}, which cannot be reached: {error}")
        return None

    def _anywhere(self, seen: Server, key: str) -> WriteProbe | None:
        """On whichever node owns the key: they name themselves otherwise than they are reached."""
        for node in seen.nodes:
            if node.tcp.reach is Reach.OPEN:
                with self._at(node.address) as other:
                    said = other.call("SET", key, "doctor", "EX", PROBE_TTL)
                    if not _moved(said):
                        return self._tried(other, key, said)
        return None

    def _tried(self, wire: Wire, key: str, said: Value) -> WriteProbe:
        if isinstance(said, Refused):
            return WriteProbe(key, said.text)
        try:
            ttl = wire.call("TTL", key)
            trials = [Trial("SET")]
            trials += [_trial(wire, name, key) for name in _in_order(self._plan.commands) if name != "SET"]
            return WriteProbe(key, None, ttl if isinstance(ttl, int) else None, tuple(trials))
        finally:
            wire.call("DEL", key)


def _in_order(commands: Sequence[str]) -> list[str]:
    """What ends the key last."""
    known = [word for word in dict.fromkeys(commands) if word in _TRIALS]
    return [item for item in known if item not in _LAST] + [item for item in _LAST if item in known]


def _trial(wire: Wire, name: str, key: str) -> Trial:
    """Run one command; a refusal of this key (WRONGTYPE, NOSCRIPT, no integer) means that it may be used."""
    words = [str(word).replace("{key}", key) for word in _TRIALS[name]]
    error = error_of(wire.call(*words))
    if name == "MULTI" and error is None:
        wire.call("DISCARD")
    if name == "WATCH" and error is None:
        wire.call("UNWATCH")
    serious = error is not None and (error.startswith("NOPERM") or "unknown command" in error.lower())
    return Trial(name, error if serious else None)


def _moved(said: Value) -> TypeGuard[Refused]:
    return isinstance(said, Refused) and redirection(said.text) is not None


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def error_of(value: Value) -> str | None:
    """The server's words where the reply is an error."""
    return value.text if isinstance(value, Refused) else None


def _fields(text: str) -> dict[str, str]:
    """``name:value`` lines."""
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name: value.strip() for name, _, value in pairs}


def _info(wire: Wire) -> Info | None:
    """INFO; where that is not permitted, the little that HELLO says; else None."""
    said = wire.call("INFO")
    if isinstance(said, str):
        fields = _fields(said)
        valkey = "valkey_version" in fields
        return Info(
            "Valkey" if valkey else "Redis",
            fields.get("redis_version", ""),
            fields.get("server_mode") or fields.get("redis_mode", "standalone"),
            fields.get("role", ""),
            _number(fields, "maxmemory"),
            _number(fields, "used_memory"),
            fields.get("maxmemory_policy", ""),
            _number(fields, "evicted_keys"),
            fields.get("master_link_status", ""),
            tuple(sorted(int(name[2:]) for name in fields if name[:2] == "db" and name[2:].isdecimal())),
        )
    hello = wire.call("HELLO", 2)
    if not isinstance(hello, list):
        return None
    told = dict(zip(map(str, hello[::2]), hello[1::2], strict=False))
    role = {"replica": "slave"}.get(str(told.get("role")), str(told.get("role")))
    return Info(
        str(told.get("server", "redis")).capitalize(),
        str(told.get("version", "")),
        str(told.get("mode", "")),
        role,
        policy="",
    )


def _number(fields: dict[str, str], name: str) -> int:
    value = fields.get(name, "")
    return int(value) if value.isdecimal() else 0


def _role(wire: Wire) -> str:
    said = wire.call("INFO", "replication")
    return _fields(said).get("role", "") if isinstance(said, str) else ""


def _announced(slots: Value, seed_host: str) -> list[tuple[str, int]]:
    """Every node of CLUSTER SLOTS, each once; an empty host means the one that was asked."""
    found: dict[tuple[str, int], None] = {}
    for entry in slots if isinstance(slots, list) else []:
        for node in entry[2:] if isinstance(entry, list) else []:
            if isinstance(node, list) and len(node) >= 2 and isinstance(node[1], int):
                host = str(node[0]) if node[0] not in (None, "", "?") else seed_host
                found[host, node[1]] = None
    return list(found)


def _unknown(wire: Wire, commands: Sequence[str]) -> tuple[str, ...]:
    """Those commands that the server does not have; none where it may not be asked."""
    names = list(dict.fromkeys(command.split()[0] for command in commands))
    if not names:
        return ()
    told = wire.call("COMMAND", "INFO", *names)
    if not isinstance(told, list) or len(told) != len(names):
        return ()
    return tuple(name for name, one in zip(names, told, strict=True) if not one)
