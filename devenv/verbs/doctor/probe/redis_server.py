"""Looks at one server the way a pod reaches it, and writes at most one key, with a TTL, which it deletes."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from devenv.core.doctor_rules.facts import (
    Keyspace,
    Node,
    Reach,
    Server,
    Speech,
    Target,
    Tcp,
    Trust,
)
from devenv.core.model.contract import REDIS_PREFIX
from devenv.verbs.doctor.probe import keyspace
from devenv.verbs.doctor.probe import tls as handshake
from devenv.verbs.doctor.probe.resp_socket import (
    Broken,
    Caller,
    HungUp,
    ReopenedConnection,
    RespConnection,
    connect,
    error_of,
    open_connection,
)
from devenv.verbs.doctor.probe.server_info import (
    announced_nodes,
    fields_of,
    info_of,
    role_of,
    unknown_commands,
)
from devenv.verbs.doctor.probe.tls import TlsFiles
from devenv.verbs.doctor.probe.write_probe import Nodes, write_probe

WELL_KNOWN = (6379, 6380, 6397, 7000)
"""Redis' own port, the usual one for TLS, a managed service's (the guide's), a cluster's first node."""
MAX_TIMEOUT = 5.0
"""Seconds that any step waits at most."""
_MAX_NODES = 32
_FAILURES = (Broken, OSError)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look at and how."""

    target: Target
    """The server."""
    pods: tuple[str, ...]
    """The names of the pods that use it."""
    timeout: float
    """Seconds that each step waits."""
    password: str = field(repr=False, default="")
    """The pods' password."""
    files: TlsFiles = field(default_factory=TlsFiles)
    """The files of the pods for TLS."""
    commands: tuple[str, ...] = ()
    """The commands that the services need."""
    prefix: str = REDIS_PREFIX
    """The prefix of the probe's key."""
    write: bool = True
    """Whether to write the key."""
    neighbours: Sequence[int] = WELL_KNOWN
    """Other ports of the host to try where this one does not answer."""
    may_touch: Callable[[str], bool] = handshake.loopback
    """Whether another host, which a cluster announces, may be connected to."""
    nodes: tuple[str, ...] = ()
    """Where a cluster's nodes ("host:port") are reached from here; empty: as the cluster announces them."""
    of_stack: bool = False
    """Whether it is the running stack's own."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a session lies."""

    key: str
    """Its key."""
    db: int
    """Its database."""
    ttl: float | None
    """The seconds that it has left; None where it has no TTL."""


def seek(
    plan: Plan, server: Server, challenges: Sequence[str], prefixes: Sequence[str]
) -> dict[str, Found | None]:
    """Where the sessions of ``challenges`` lie: under ``prefixes``, else anywhere; None: nowhere.

    Those of which it is not known are left out: the server does not answer, or has too many keys.
    """
    try:
        return _Visit(plan, min(plan.timeout, MAX_TIMEOUT)).seek(server, challenges, prefixes)
    except _FAILURES:
        return {}


def look(plan: Plan) -> Server:
    """Everything there is to see, up to the first step that fails. Raises nothing for a server's faults."""
    target, timeout = plan.target, min(plan.timeout, MAX_TIMEOUT)
    tcp, link = connect(target.host, target.port, timeout)
    server = Server(target, plan.pods, tcp=tcp, of_stack=plan.of_stack)
    if link is None:
        alone = tcp.reach is Reach.UNKNOWN_HOST or target.local
        others = {} if alone else _neighbours(plan, timeout)
        return replace(server, elsewhere=others)
    link.close()
    speech = handshake.speech(target.host, target.port, timeout)
    server = replace(server, speech=speech)
    if speech is not (Speech.TLS if target.tls else Speech.REDIS):
        return server
    if target.tls:
        tls = handshake.handshake(target.host, target.port, timeout, plan.files)
        server = replace(server, tls=tls)
        if tls.trust is not Trust.OK:
            return server
    return _Visit(plan, timeout).of(server)


def _neighbours(plan: Plan, timeout: float) -> dict[int, Speech]:
    """What answers on other ports of the same host; a silent host costs a short wait for each."""
    speeches = {}
    for port in plan.neighbours:
        if port == plan.target.port:
            continue
        reach = handshake.reachable(plan.target.host, port, min(timeout, 0.5))
        if reach is Reach.OPEN:
            speeches[port] = handshake.speech(plan.target.host, port, timeout)
    return speeches


class _Visit:
    """The way from the greeting on."""

    def __init__(self, plan: Plan, timeout: float) -> None:
        self._plan = plan
        self._timeout = timeout

    def of(self, server: Server) -> Server:
        """Greet, then look on; a connection that breaks ends the look where it was."""
        try:
            with self._reopened() as connection:
                started = time.perf_counter()
                error = self._greet(connection)
                server = replace(server, greeted=True, ping=error, seconds=time.perf_counter() - started)
                if error is None:
                    server = self._inside(server, connection)
                return replace(server, hung_up=tuple(connection.hung_up))
        except _FAILURES as error:
            if not server.greeted:
                return replace(server, greeted=True, ping=f"the connection broke: {error}")
            return replace(server, broke=str(error) or type(error).__name__)

    def _reopened(self) -> ReopenedConnection:
        target = self._plan.target
        return ReopenedConnection(partial(self._open, target.host, target.port), self._login)

    def _open(self, host: str, port: int) -> RespConnection:
        tls_context: ssl.SSLContext | None = (
            handshake.context(self._plan.files) if self._plan.target.tls else None
        )
        return open_connection(host, port, self._timeout, tls_context)

    def _login(self, connection: Caller) -> str | None:
        """The error of logging in; None where none is asked for."""
        target = self._plan.target
        if not target.login and not target.user:
            return None
        who = (target.user, self._plan.password) if target.user else (self._plan.password,)
        return error_of(connection.call("AUTH", *who))

    def _greet(self, connection: Caller) -> str | None:
        """Log in and say PING, as clients do; the first error. A proxy may hang up at PING."""
        if (error := self._login(connection)) is not None:
            return error
        reply = connection.call("PING")
        return None if isinstance(reply, HungUp) else error_of(reply)

    def _inside(self, server: Server, connection: Caller) -> Server:
        target = self._plan.target
        info, refused = info_of(connection)
        server = replace(server, info=info, info_error=refused)
        if info is not None and info.mode == "sentinel":
            return server
        if target.db:
            selected = connection.call("SELECT", target.db)
            if not isinstance(selected, HungUp):
                server = replace(server, select=error_of(selected))
            if server.select is not None:
                connection.call("SELECT", 0)
        if info is not None and info.mode == "cluster":
            server = self._cluster(server, connection)
        server = replace(server, unknown_commands=unknown_commands(connection, self._plan.commands))
        server = replace(server, keyspace=self._keys(server, connection))
        if self._plan.write and server.select is None:
            reached = [node.address for node in server.nodes if node.tcp.reach is Reach.OPEN]
            known = reached if self._plan.nodes else ()
            nodes = Nodes(target.host, self._at, self._plan.may_touch, known)
            probe = write_probe(connection, self._plan.prefix, self._plan.commands, nodes)
            server = replace(server, write=probe)
        return server

    # -- the cluster -------------------------------------------------------------------------------------

    def _cluster(self, server: Server, connection: Caller) -> Server:
        reply = connection.call("CLUSTER", "INFO")
        state = fields_of(reply).get("cluster_state") if isinstance(reply, str) else None
        nodes = []
        places = [_place(node) for node in self._plan.nodes]
        if not places:
            slots = connection.call("CLUSTER", "SLOTS")
            places = announced_nodes(slots, self._plan.target.host)[:_MAX_NODES]
        for host, port in places:
            if self._plan.nodes or self._plan.may_touch(host):
                tcp, link = connect(host, port, self._timeout)
                if link is not None:
                    link.close()
            else:
                tcp = Tcp(Reach.NOT_TRIED)
            nodes.append(Node(f"{host}:{port}", tcp))
        return replace(server, cluster_state=state, nodes=tuple(nodes))

    def _at(self, address: str) -> RespConnection:
        """A connection to another node, logged in."""
        host, _, port = address.rpartition(":")
        connection = self._open(host, int(port))
        try:
            self._greet(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    # -- keys --------------------------------------------------------------------------------------------

    def _keys(self, server: Server, connection: Caller) -> Keyspace:
        """All databases of a server, all reachable masters of a cluster."""
        if server.info is not None and server.info.mode == "cluster":
            keys = Keyspace()
            for node in server.nodes:
                if node.tcp.reach is Reach.OPEN:
                    with self._at(node.address) as other:
                        if role_of(other) != "slave":
                            keys = keyspace.merged(keys, keyspace.sessions(other, 0))
            return keys
        databases = server.info.databases if server.info is not None else ()
        home = self._plan.target.db if server.select is None else 0
        keys = keyspace.sessions(connection, home)
        for db in databases:
            if db != home and error_of(connection.call("SELECT", db)) is None:
                keys = keyspace.merged(keys, keyspace.sessions(connection, db))
        if any(db != home for db in databases):
            connection.call("SELECT", home)
        return keys

    # -- challenges --------------------------------------------------------------------------------------

    def seek(
        self, server: Server, challenges: Sequence[str], prefixes: Sequence[str]
    ) -> dict[str, Found | None]:
        """Where each challenge's session lies; None: nowhere. Left out where that is not known."""
        target = self._plan.target
        with self._reopened() as connection:
            if self._greet(connection) is not None:
                return {}
            if server.info is not None and server.info.mode == "cluster":
                places = [(node.address, 0) for node in server.nodes if node.tcp.reach is Reach.OPEN]
            else:
                others, _ = info_of(connection)
                places = [
                    ("", db) for db in dict.fromkeys([target.db, *(others.databases if others else ())])
                ]
            located: dict[str, Found | None] = {}
            whole = len(places) == len(server.nodes) or not server.nodes  # else some node was not looked at
            for address, db in places:
                with self._at(address) if address else contextlib.nullcontext(connection) as node:
                    node.call("SELECT", db)
                    missing = [challenge for challenge in challenges if challenge not in located]
                    there, complete = keyspace.find(node, missing, prefixes)
                    located |= {
                        challenge_id: Found(key, db, ttl) for challenge_id, (key, ttl) in there.items()
                    }
                    whole = whole and complete
        return located | (
            {challenge: None for challenge in challenges if challenge not in located} if whole else {}
        )


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
