"""A pod's own port, for a balancer in front of the proxy: who connects to it has chosen the pod.

A connection to the port is one connection to the pod: it is made with it, carries the same requests and ends
with it, in the pod's way. So the balancer sees a pod that refuses, closes or is silent as it would without
the proxy in between, and each exchange is recorded all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from devenv.core.model.events import ExchangeOutcome
from devenv.wire.http.bodies import Body
from devenv.wire.http.heads import RequestHead
from devenv.wire.proxy.client import ClientConnection, ClientRegistry
from devenv.wire.proxy.ends import UpstreamEnd
from devenv.wire.proxy.exchanges import ExchangeRecord
from devenv.wire.proxy.failures import ConnectFailure, Failure
from devenv.wire.proxy.limits import Limits
from devenv.wire.proxy.open_exchange import OpenExchange
from devenv.wire.proxy.shared import Shared
from devenv.wire.proxy.states import ClientState
from devenv.wire.proxy.upstream import CLOSED_FIRST, Pod

LIMITS = Limits(response=inf, client=inf, keepalive=inf, upstream_idle=inf)
"""How long to wait is the balancer's business, and the pod's."""


class PodOfConnection(Pod):
    """A pod as one connection to its port sees it: with at most one idle connection, its own."""

    def __init__(self, pod: Pod, lost: Callable[[], None]) -> None:
        """``lost`` is called when the pod closes the idle connection. What is counted, ``pod`` counts."""
        self._pod = pod
        self._lost = lost
        self.upstream = pod.upstream
        self.name = pod.name
        self.served_by = pod.served_by
        self.buffer = pod.buffer
        self.retired = False
        self.idle = []
        self._idle_seconds = inf

    @property
    def up(self) -> bool:
        """As of the pod."""
        return self._pod.up

    @up.setter
    def up(self, value: bool) -> None:
        self._pod.up = value

    @property
    def served(self) -> int:
        """As of the pod."""
        return self._pod.served

    @served.setter
    def served(self, value: int) -> None:
        self._pod.served = value

    @property
    def last_error(self) -> str | None:
        """As of the pod."""
        return self._pod.last_error

    @last_error.setter
    def last_error(self, value: str | None) -> None:
        self._pod.last_error = value

    def idle_lost(self) -> None:
        """See ``Pod``."""
        self._lost()


class PodPortConnection(ClientConnection):
    """A balancer's connection to the port of ``pod``."""

    __slots__ = ("_chooser", "_early", "_main", "own_pod")

    own_pod: PodOfConnection

    def __init__(
        self, shared: Shared, registry: ClientRegistry, pod: Pod, chooser: Callable[[], str]
    ) -> None:
        """``chooser`` says who has chosen the pod: the balancer with its policy."""
        super().__init__(shared, registry)
        self._main = pod
        self._chooser = chooser
        self._early: bytes | None = b""
        """What came before the pod's connection was made; None from then on."""

    @property
    def chooser(self) -> str:
        """Who has chosen the pod."""
        return self._chooser()

    def connection_made(self, transport: Any) -> None:
        """The balancer has connected: so do we. No request is looked at before that has been done."""
        super().connection_made(transport)
        self.own_pod = PodOfConnection(self._main, self._pod_closed)
        self.pause_reading()
        self._shared.connector.connect(self.own_pod, self)

    def data_received(self, data: bytes) -> None:
        """See ``ClientConnection``; a loop that was told to pause may still have bytes at hand."""
        if self._early is None:
            super().data_received(data)
        else:
            self._early += data

    def connected(self, connection: UpstreamEnd) -> None:
        """See ``ConnectionWaiter``."""
        if self.state is ClientState.CLOSED:
            connection.discard()
            return
        connection.release(self._shared.clock())
        early, self._early = self._early, None
        if connection.why_closed is not None:
            self._pod_closed()
            return
        self.resume_reading()
        if early:
            super().data_received(early)

    def connect_failed(self, failure: ConnectFailure) -> None:
        """See ``ConnectionWaiter``: the nearest to a refused connection that is still possible."""
        if self.state is not ClientState.CLOSED:
            self.break_off()

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed by either side: the pod's connection goes with it."""
        super().connection_lost(exc)
        self.own_pod.retire()

    def _pod_closed(self) -> None:
        """The pod has closed a connection that carries no exchange: so do we."""
        if self.state is ClientState.IDLE or self.state is ClientState.RECEIVING_HEAD:
            self._close()
            self.transport.close()

    def open_exchange_of(self, head: RequestHead, body: Body | None) -> OpenExchange:
        """See ``ClientConnection``. A pin leads past the balancer also here: to the pod that it names."""
        if head.pin is not None:
            return OpenExchange(self, self._shared, head, body)
        return PodPortExchange(self, self._shared, head, body)


class PodPortExchange(OpenExchange):
    """An exchange with the pod whose port the balancer connected to."""

    one_to_one = True

    def __init__(
        self, client: PodPortConnection, shared: Shared, head: RequestHead, body: Body | None
    ) -> None:
        super().__init__(client, shared, head, body)
        self._balancers = client
        self._repeated = True  # whether a request is sent again is for the balancer to say

    def _decide(self) -> bool:
        self._policy = self._balancers.chooser
        self._pin = self._balancers.own_pod.name
        return True

    def _choose(self) -> None:
        self.pod = pod = self._balancers.own_pod
        self._shared.balancer.in_flight[pod.name] += 1
        connection = pod.take(self._started)
        if connection is None:
            self._pod_failed(Failure.BROKEN_ANSWER, CLOSED_FIRST)
        else:
            self._send(connection)

    def _answer_ourselves(
        self, status: int, outcome: ExchangeOutcome, detail: str, pod: str | None, reason: str
    ) -> None:
        """What the pod did not answer is not answered: the connection ends."""
        if outcome is ExchangeOutcome.REFUSED:
            super()._answer_ourselves(status, outcome, detail, pod, reason)
            return
        self._shared.log.add(self.record(outcome, reason, self._shared.clock()))
        self._leave()
        self._client.close_after_flush()

    def _complete(self, *, leftover: bool) -> None:
        self._close = self._close or leftover or not self._reusable
        super()._complete(leftover=leftover)

    def record(self, outcome: ExchangeOutcome, error: str | None, now: float) -> ExchangeRecord:
        """See ``OpenExchange``; the client is the balancer's, where the balancer has named it."""
        record = super().record(outcome, error, now)
        client = self._head.devenv_client
        return record if client is None else record._replace(client=client)
