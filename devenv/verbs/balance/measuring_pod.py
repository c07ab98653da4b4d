"""A small pod that keeps sessions in its memory and fails when it is asked to.

It writes down every request that reaches it, so that what a balancer sent, and how often, is known.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from enum import StrEnum

import h11

REQUEST_ID = "x-measured-request"
"""The header that names a request: two arrivals with one name were one request of a client."""
CREATE, VERIFY, IMAGE, PAGE, COUNT = "/create", "/verify", "/image", "/page", "/count"
_PATHS = frozenset({CREATE, VERIFY, IMAGE, PAGE, COUNT})
HOST = "127.0.0.1"


class Behaviour(StrEnum):
    """What a pod does with a request that it has read."""

    SERVE = "serve"
    CLOSE = "close"
    """It closes the connection without an answer."""
    CLOSE_ONCE = "close once"
    """It does so with the next request, and then serves."""


@dataclass(slots=True)
class Arrivals:
    """Every request that reached a pod, in the order of arrival."""

    pods: list[str] = field(default_factory=list)
    by_request: dict[str, list[str]] = field(default_factory=dict)

    def add(self, pod: str, request: str) -> None:
        """Write one down."""
        self.pods.append(pod)
        if request:
            self.by_request.setdefault(request, []).append(pod)


class MeasuringPod:
    """An HTTP/1.1 server on a free port of 127.0.0.1, in the running event loop."""

    def __init__(self, name: str, arrivals: Arrivals) -> None:
        self.name = name
        self.port = 0
        self.arrivals = arrivals
        self.behaviour = Behaviour.SERVE
        self.idle_limit: float | None = None
        """Seconds after which an idle connection is closed; None: never."""
        self.sessions: set[str] = set()
        self.connections: set[_Exchange] = set()
        self._created = 0
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Accept connections, on the port that it had before where it had one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Exchange(self), HOST, self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and break off all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self.connections):
            connection.abort()

    def forget(self) -> None:
        """Lose all sessions, as a restart does."""
        self.sessions.clear()

    def serve(self, path: str, body: bytes) -> tuple[int, dict[str, str]]:
        """The status and the JSON body of the answer; to a health check it is 200."""
        if path == CREATE:
            self._created += 1
            session = f"{self.name}.{self._created}"
            self.sessions.add(session)
            return 200, {"id": session}
        if path == VERIFY:
            try:
                known = json.loads(body)["id"] in self.sessions
            except (ValueError, KeyError, TypeError):
                return 400, {"detail": "no id"}
            return (200, {}) if known else (404, {"detail": "not found"})
        return 200, {}

    def must_close(self, *, measured: bool) -> bool:
        """Whether the request that was just read is not to be answered; ``measured``: no health check."""
        if self.behaviour is Behaviour.CLOSE_ONCE and measured:
            self.behaviour = Behaviour.SERVE
            return True
        return self.behaviour is Behaviour.CLOSE


class _Exchange(asyncio.Protocol):
    """One connection of a pod."""

    def __init__(self, pod: MeasuringPod) -> None:
        self._pod = pod
        self._protocol = h11.Connection(h11.SERVER)
        self._transport: asyncio.Transport | None = None
        self._request: h11.Request | None = None
        self._body = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A balancer has connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._pod.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self._pod.connections.discard(self)
        self._no_longer_idle()

    def data_received(self, data: bytes) -> None:
        """Take what has come in; answer each whole request."""
        self._no_longer_idle()
        self._protocol.receive_data(data)
        try:
            self._take()
        except h11.RemoteProtocolError:
            self.abort()

    def abort(self) -> None:
        """Break the connection off."""
        if self._transport is not None:
            self._transport.abort()

    def _no_longer_idle(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _take(self) -> None:
        while True:
            event = self._protocol.next_event()
            if isinstance(event, h11.Request):
                self._request, self._body = event, b""
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage) and self._request is not None:
                if not self._answer(self._request):
                    return
            else:
                return  # more bytes are needed, or the other end has closed

    def _answer(self, request: h11.Request) -> bool:
        """Answer it; whether another request can come on this connection."""
        assert self._transport is not None
        pod = self._pod
        names = [value.decode("latin-1") for name, value in request.headers if name == REQUEST_ID.encode()]
        path = "/" + request.target.decode("latin-1").partition("?")[0].rpartition("/")[2]
        measured = path in _PATHS  # all else is a health check of the balancer, which counts for no turn
        if measured:
            pod.arrivals.add(pod.name, names[0] if names else "")
        if pod.must_close(measured=measured):
            self._transport.close()
            return False
        status, content = pod.serve(path, self._body)
        body = b"" if request.method == b"HEAD" else json.dumps(content).encode()
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("x-served-by", pod.name),
        ]
        parts = (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage())
        self._transport.write(b"".join(self._protocol.send(part) or b"" for part in parts))
        if self._protocol.our_state is h11.MUST_CLOSE:
            self._transport.close()
            return False
        self._protocol.start_next_cycle()
        if pod.idle_limit is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(pod.idle_limit, self._transport.close)
        return True
