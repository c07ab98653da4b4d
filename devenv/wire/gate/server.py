"""The gate: one port per pod, all of them relayed to one Redis; before a cluster, one per pod and node."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from devenv.core.model.events import RedisCommand
from devenv.core.model.vocabulary import POD_PREFIX
from devenv.core.resp.relocation import Address
from devenv.wire.gate.conversation import Conversation
from devenv.wire.gate.holds import Held, Holds, Then
from devenv.wire.gate.link import ClientSide, Link, Reach
from devenv.wire.gate.nodes import BACKLOG, NodePorts, Relocation
from devenv.wire.gate.record import Recorder, TraceSink
from devenv.wire.gate.rules import Armed, Rule, RuleSet

FLUSH_SECONDS = 0.2
KEPT_CHANGES = 200
"""This many changes of whether Redis can be reached are remembered."""
CLOSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Tls:
    """How the gate speaks TLS."""

    pods: ssl.SSLContext
    """To pods, with a certificate of its own."""
    redis: ssl.SSLContext
    """To Redis."""


@dataclass(frozen=True, slots=True)
class Severed:
    """A connection on which a rule has lost a message, and with it all that followed."""

    pod: str
    connection: int
    rule: str
    """The id of the rule."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Ended:
    """What the end of rules did."""

    released: tuple[Held, ...]
    """What was held, and goes on."""
    closed: tuple[Severed, ...]
    """Connections that were closed: on an open one, a client without a time-out would wait for ever."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {name: [one.to_json() for one in getattr(self, name)] for name in ("released", "closed")}


class Gate:
    """A Redis-aware TCP relay in the running event loop.

    ``capacity`` commands are remembered; ``sink`` is given each of them once, in batches, when it is over.
    ``rules`` are in force before the first connection. Change rules through the methods here, which also
    let go what a rule held that is no longer in force. ``cluster``: the upstream is a node of a Redis
    Cluster, and the pods get the gate's own addresses of all nodes: they never go round it. ``tls``:
    both sides speak it, and the gate sees what is said all the same.
    """

    def __init__(
        self,
        upstream_host: str,
        upstream_port: int,
        *,
        capacity: int = 20_000,
        clock: Callable[[], float] = time.time,
        sink: TraceSink | None = None,
        rules: Sequence[Rule] = (),
        cluster: bool = False,
        tls: Tls | None = None,
    ) -> None:
        self.upstream_host = upstream_host
        self.upstream_port = upstream_port
        self.clock = clock
        self.rules = RuleSet(rules)
        self.holds = Holds()
        self.recorder = Recorder(capacity, sink)
        self._servers: dict[str, asyncio.Server] = {}
        self._nodes = NodePorts(self._accept) if cluster else None
        self._tls = tls
        self._links: dict[int, Link] = {}
        self._totals: dict[str, _Totals] = {}
        self._reach: deque[tuple[float, Reach]] = deque(maxlen=KEPT_CHANGES)
        self._numbers = 0
        self._flush_timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def cluster(self) -> bool:
        """Whether it stands before a Redis Cluster."""
        return self._nodes is not None

    async def listen(self, pod: str, host: str = "127.0.0.1", port: int = 0) -> int:
        """Accept ``pod``'s connections; gives the port. OSError where it cannot be opened.

        A pod that is listened for already moves to the new address; its connections stay.
        """
        if self._closed:
            raise RuntimeError("the gate is closed")
        loop = asyncio.get_running_loop()
        upstream = (self.upstream_host, self.upstream_port)
        server = await loop.create_server(
            lambda: self._accept(pod, upstream),
            host,
            port,
            backlog=BACKLOG,
            ssl=self._tls.pods if self._tls is not None else None,
        )
        if (old := self._servers.pop(pod, None)) is not None:
            old.close()
        self._servers[pod] = server
        self._totals.setdefault(pod, _Totals())
        if self._flush_timer is None:
            self._flush_timer = loop.call_later(FLUSH_SECONDS, self._flush_now_and_then)
        given = int(server.sockets[0].getsockname()[1])
        if self._nodes is not None:
            self._nodes.first(pod, host, given, upstream)
        return given

    def forget(self, pod: str) -> None:
        """Close the ports and connections of ``pod``, which has ended; its commands stay in the record."""
        servers = [self._servers.pop(pod)] if pod in self._servers else []
        if self._nodes is not None:
            servers += self._nodes.forget(pod)
        for server in servers:
            server.close()
        for link in [link for link in self._links.values() if link.pod == pod]:
            link.abort()

    async def close(self) -> None:
        """Close all ports and connections and hand the last commands to the sink; idempotent."""
        self._closed = True
        self.holds.close()
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        servers = [*self._servers.values()]
        if self._nodes is not None:
            await self._nodes.settle()
            servers += self._nodes.close()
        for server in servers:
            server.close()
        links = [*self._links.values()]
        for link in links:
            link.abort()
        # Bounded: asyncio may have asked for a protocol and then never have made its connection.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                for link in links:
                    await link.closed.wait()
        for server in servers:
            await server.wait_closed()
        self._servers.clear()
        self.recorder.flush()

    def commands(self, since: int = 0, limit: int = 1000) -> list[RedisCommand]:
        """Commands numbered above ``since``, oldest first, as they are now: late ones may lack a reply."""
        return self.recorder.since(since, limit)

    def flush(self) -> None:
        """Hand all commands that are over to the sink now."""
        self.recorder.flush()

    def add_rule(self, rule: Rule) -> Armed:
        """Put a rule in force, in place of the one with the same id."""
        armed = self.rules.add(rule)
        self._ended(armed.rule.id)
        return armed

    def remove_rule(self, rule_id: str) -> bool:
        """Take a rule out of force, let go what it holds, close what it severed; whether there was one."""
        removed = self.rules.remove(rule_id)
        self._ended(rule_id)
        return removed

    def populate(self, rules: Sequence[Rule]) -> Ended:
        """Exactly these rules from now on, counting from zero; what others held is let go."""
        self.rules.populate(rules)
        return self._ended(None)

    def reset(self) -> Ended:
        """No rules, nothing held, no connection severed: as after the start, but for the record."""
        return self.populate(())

    def _ended(self, rule_id: str | None) -> Ended:
        """A rule (None: every rule there was) has ended: undo what is left of it."""
        released = self.holds.release_orphans()
        closed = []
        for number, link in list(self._links.items()):
            severed_by = link.conversation.severed_by
            if severed_by is not None and rule_id in (None, severed_by):
                closed.append(Severed(link.pod, number, severed_by))
                link.hang_up()
        return Ended(tuple(released), tuple(closed))

    def release(
        self,
        *,
        seq: int | None = None,
        pod: str | None = None,
        command: str | None = None,
        rule: str | None = None,
        then: Then = Then.PASS,
        answer: bytes = b"",
    ) -> list[Held]:
        """Let go what is held and fits all that is given, oldest first; which it was.

        ``answer`` is one reply in RESP, for ``Then.ANSWER``.
        """

        def wanted(held: Held) -> bool:
            return (
                (seq is None or held.seq == seq)
                and (pod is None or held.pod in (pod, POD_PREFIX + pod.lower()))
                and (command is None or held.command == command.upper())
                and (rule is None or held.rule == rule)
            )

        return self.holds.release(wanted, then, answer)

    def status(self) -> dict[str, Any]:
        """Ports, upstream, and per pod its connections: open, severed by a rule, ever, refused by Redis.

        ``seen`` counts the commands by pod and name. ``reach`` tells when it changed whether Redis could be
        reached (``Reach``, seconds since the epoch), oldest first. ``answered``: when the pod was last sent a
        reply that is no error. Before a cluster also each pod's ports by the node that they lead to.
        """
        answered = self.recorder.last_delivered()
        return {
            "upstream": f"{self.upstream_host}:{self.upstream_port}",
            "commands": self.recorder.last,
            "oldest": self.recorder.oldest,
            "trace_error": self.recorder.sink_error,
            "seen": self.recorder.names(),
            "reach": [{"time": when, "what": str(reach)} for when, reach in self._reach],
            "pods": [
                {
                    "pod": pod,
                    "port": server.sockets[0].getsockname()[1] if server.sockets else None,
                    "open": sum(1 for link in self._links.values() if link.pod == pod),
                    "severed": sum(
                        1
                        for link in self._links.values()
                        if link.pod == pod and link.conversation.severed_by is not None
                    ),
                    "connections": self._totals[pod].connections,
                    "refused": self._totals[pod].refused,
                    "answered": answered.get(pod),
                    **({} if self._nodes is None else {"nodes": self._nodes.of(pod)}),
                }
                for pod, server in self._servers.items()
            ],
        }

    def _accept(self, pod: str, upstream: Address) -> ClientSide:
        """The protocol of a pod's next connection."""
        self._numbers += 1
        number, nodes = self._numbers, self._nodes
        self._totals[pod].connections += 1

        def converse(wires: Link) -> Conversation:
            relocation = None
            if nodes is not None:
                relocation = Relocation(nodes, pod, upstream, lambda: wires.local_host)
            return Conversation(
                pod, number, self.rules, self.recorder, self.holds, self.clock, wires, relocation
            )

        tls = self._tls.redis if self._tls is not None else None
        link = Link(
            pod, upstream, converse, lambda refused: self._gone(pod, number, refused), tls, self._reached
        )
        self._links[number] = link
        return link.client_side

    def _gone(self, pod: str, number: int, refused: bool) -> None:
        self._links.pop(number, None)
        if refused:
            self._totals[pod].refused += 1

    def _reached(self, reach: Reach) -> None:
        """Note when it changes whether Redis can be reached, but for a cluster: it has several servers."""
        if self._nodes is not None:
            return
        if reach is Reach.LOST and self._reach and self._reach[-1][1] is reach:
            self._reach.pop()  # the latest loss tells when it was away: one before may be another's
        if not self._reach or self._reach[-1][1] is not reach:
            self._reach.append((self.clock(), reach))

    def _flush_now_and_then(self) -> None:
        self.recorder.flush()
        self._flush_timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush_now_and_then)


@dataclass(slots=True)
class _Totals:
    connections: int = 0
    refused: int = 0
