"""One key, written with a TTL, on which the commands that a store needs are tried; then it is deleted."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeGuard

from devenv.core.doctor_rules.facts import Trial, WriteProbe
from devenv.core.resp.values import redirection
from devenv.verbs.doctor.probe.resp_socket import Caller, HungUp, Refused, RespConnection, Value, error_of

PROBE_TTL = 10
"""Seconds that the key lives at most."""
_MOST_KEYS = 64
"""A master with a third of the slots owns none of this many keys once in 10^11."""

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
class Nodes:
    """How the other nodes of a cluster are reached."""

    host: str
    """The host of the first node, where a redirection names none."""
    connect: Callable[[str], AbstractContextManager[RespConnection]]
    """A connection to the node ("host:port"), logged in."""
    may_touch: Callable[[str], bool]
    """Whether a host may be connected to."""
    known: Sequence[str] = ()
    """Where all nodes are reached from here, where they announce other addresses."""


def write_probe(connection: Caller, prefix: str, commands: Sequence[str], nodes: Nodes) -> WriteProbe | None:
    """One key under ``prefix``, on the node that owns it; ``commands`` are tried there, and it is deleted.

    Where that node is not to be touched, another key: one of the node that was reached. None where it has
    none.
    """
    for _ in range(_MOST_KEYS):
        key = f"{prefix}doctor:{secrets.token_hex(8)}"
        reply = _set(connection, key)
        if not _moved(reply):
            return _tried(connection, key, reply, commands)
        address = reply.text.split()[-1]
        host = address.rpartition(":")[0] or nodes.host
        if nodes.known:
            return _anywhere(key, commands, nodes)
        if nodes.may_touch(host):
            try:
                with nodes.connect(f"{host}:{address.rpartition(':')[2]}") as owner:
                    return _tried(owner, key, _set(owner, key), commands)
            except OSError as error:
                return WriteProbe(key, f"its slot is on {address}, which cannot be reached: {error}")
    return None


def _set(connection: Caller, key: str) -> Value:
    return connection.call("SET", key, "doctor", "EX", PROBE_TTL)


def _anywhere(key: str, commands: Sequence[str], nodes: Nodes) -> WriteProbe | None:
    """On whichever node owns the key: they name themselves otherwise than they are reached."""
    for address in nodes.known:
        with nodes.connect(address) as other:
            reply = _set(other, key)
            if not _moved(reply):
                return _tried(other, key, reply, commands)
    return None


def _tried(connection: Caller, key: str, reply: Value, commands: Iterable[str]) -> WriteProbe:
    if isinstance(reply, Refused):
        return WriteProbe(key, reply.text, hung_up=isinstance(reply, HungUp))
    try:
        ttl = connection.call("TTL", key)
        trials = [Trial("SET")]
        trials += [_trial(connection, name, key) for name in _in_order(commands) if name != "SET"]
        return WriteProbe(key, None, ttl if isinstance(ttl, int) else None, tuple(trials))
    finally:
        connection.call("DEL", key)


def _in_order(commands: Iterable[str]) -> list[str]:
    """What ends the key last."""
    known = [word for word in dict.fromkeys(commands) if word in _TRIALS]
    return [item for item in known if item not in _LAST] + [item for item in _LAST if item in known]


def _trial(connection: Caller, name: str, key: str) -> Trial:
    """Run one command; a refusal of this key (WRONGTYPE, NOSCRIPT, no integer) means that it may be used."""
    arguments = [str(word).replace("{key}", key) for word in _TRIALS[name]]
    reply = connection.call(*arguments)
    if isinstance(reply, HungUp):
        return Trial(name, reply.text, hung_up=True)
    error = error_of(reply)
    if name == "MULTI" and error is None:
        connection.call("DISCARD")
    if name == "WATCH" and error is None:
        connection.call("UNWATCH")
    serious = error is not None and (error.startswith("NOPERM") or "unknown command" in error.lower())
    return Trial(name, error if serious else None)


def _moved(reply: Value) -> TypeGuard[Refused]:
    return isinstance(reply, Refused) and redirection(reply.text) is not None
