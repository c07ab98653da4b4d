"""The proxy's machines with fake ends: a clock that is set, transports that remember, no socket, no loop."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from devenv.core.routing import RequestFacts
from devenv.wire.proxy import Limits, Upstream
from devenv.wire.proxy.balancer import Balancer
from devenv.wire.proxy.client import ClientConnection, ClientRegistry
from devenv.wire.proxy.ends import ConnectionWaiter
from devenv.wire.proxy.exchanges import ExchangeLog
from devenv.wire.proxy.failures import ConnectFailure
from devenv.wire.proxy.pods import Pods
from devenv.wire.proxy.shared import Shared
from devenv.wire.proxy.upstream import Pod, UpstreamConnection

A, B = "captcha-api-a", "captcha-api-b"


class FakeTransport:
    """Remembers what was written and done; ``buffered`` is what it says waits to be sent."""

    def __init__(self, *, half_close: bool = True) -> None:
        self.written = b""
        self.calls: list[str] = []
        self.closing = False
        self.buffered = 0
        self._half_close = half_close

    def write(self, data: bytes) -> None:
        assert not self.closing, "written to a closed transport"
        self.written += data

    def take(self) -> bytes:
        """What was written since the last call."""
        written, self.written = self.written, b""
        return written

    def write_eof(self) -> None:
        self.calls.append("write_eof")

    def can_write_eof(self) -> bool:
        return self._half_close

    def pause_reading(self) -> None:
        self.calls.append("pause_reading")

    def resume_reading(self) -> None:
        self.calls.append("resume_reading")

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.calls.append("close")
        self.closing = True

    def abort(self) -> None:
        self.calls.append("abort")
        self.closing = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.9", 5000) if name == "peername" else default

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.calls.append(f"limits {high}")


class FakeConnector:
    """Remembers who asked for a connection; a test makes it or lets it fail."""

    def __init__(self) -> None:
        self.asked: list[tuple[Pod, ConnectionWaiter]] = []

    def connect(self, pod: Pod, waiter: ConnectionWaiter) -> None:
        self.asked.append((pod, waiter))

    def succeed(self) -> UpstreamConnection:
        """Make the connection that was asked for first."""
        pod, waiter = self.asked.pop(0)
        connection = opened(pod)
        waiter.connected(connection)
        return connection

    def fail(self, failure: ConnectFailure) -> None:
        """Let the connection that was asked for first fail."""
        _, waiter = self.asked.pop(0)
        waiter.connect_failed(failure)


class FakeClient:
    """A client's end that remembers what the exchange did with it."""

    def __init__(self) -> None:
        self.facts = RequestFacts("127.0.0.9", 1)
        self.peer = "127.0.0.9:5000"
        self.peer_host = b"127.0.0.9"
        self.forwarded = b"\r\nX-Forwarded-For: 127.0.0.9\r\nX-Forwarded-Proto: http\r\n\r\n"
        self.ending = False
        self.closed_at: float | None = None
        self.written = b""
        self.calls: list[str] = []
        self.tunnel: Any = None

    def write(self, data: bytes) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.calls.append("pause_reading")

    def resume_reading(self) -> None:
        self.calls.append("resume_reading")

    def half_close(self) -> None:
        self.calls.append("half_close")

    def exchange_ended(self, now: float, *, close: bool) -> None:
        self.calls.append("ended, close" if close else "ended")

    def start_tunnel(self, tunnel: Any) -> None:
        self.calls.append("tunnel")
        self.tunnel = tunnel

    def close_after_flush(self) -> None:
        self.calls.append("close_after_flush")

    def break_off(self) -> None:
        self.calls.append("break_off")


def opened(pod: Pod) -> UpstreamConnection:
    """A fresh connection to ``pod`` on a fake transport."""
    connection = UpstreamConnection(pod)
    connection.connection_made(FakeTransport())
    return connection


class FakeTimer:
    """What is to be called at ``due``; one of ``timers`` until then, or until it is cancelled."""

    def __init__(self, due: float, work: Any, timers: list[FakeTimer]) -> None:
        self.due = due
        self.work = work
        self._timers = timers

    def cancel(self) -> None:
        if self in self._timers:
            self._timers.remove(self)


class Bench:
    """What a proxy shares, with two pods, a clock at 1000 s and no event loop."""

    def __init__(self, policy: str = "round-robin", **limits: float) -> None:
        self.now = 1000.0
        self.turns: list[Any] = []
        """What waits for the next turn of the event loop."""
        self.timers: list[FakeTimer] = []
        """What is to be called later."""
        self.limits = Limits(**limits)  # type: ignore[arg-type]
        self.balancer = Balancer(policy, Random(0))
        self.pods = Pods(self.balancer, self.limits)
        self.pods.set_upstreams([Upstream(A, "host-a", 1), Upstream(B, "host-b", 2)])
        self.connector = FakeConnector()
        self.log = ExchangeLog(100)
        self.shared = Shared(
            self.balancer,
            self.pods,
            self.connector,
            self.log,
            self.limits,
            clock=lambda: self.now,
            later=self.turns.append,
            call_later=self.call_later,
            request_prefix=b"p",
        )
        self.registry = ClientRegistry()

    def pod(self, name: str = A) -> Pod:
        return self.pods.by_name[name]

    def idle(self, name: str = A) -> UpstreamConnection:
        """An idle connection to a pod, which has carried an exchange before."""
        connection = opened(self.pod(name))
        connection.release(self.now)
        return connection

    def client(self, *, half_close: bool = True) -> ClientConnection:
        """A client's connection on a fake transport."""
        client = ClientConnection(self.shared, self.registry)
        client.connection_made(FakeTransport(half_close=half_close))
        return client

    def fake_client(self) -> FakeClient:
        return FakeClient()

    def call_later(self, seconds: float, work: Any) -> FakeTimer:
        timer = FakeTimer(self.now + seconds, work, self.timers)
        self.timers.append(timer)
        return timer

    def pass_time(self, seconds: float) -> None:
        """The clock goes on, and what was to be called by then is called."""
        self.now += seconds
        for timer in [timer for timer in self.timers if timer.due <= self.now]:
            timer.cancel()
            timer.work()

    def next_turn(self) -> None:
        """What waits for its turn has it."""
        work, self.turns[:] = list(self.turns), []
        for each in work:
            each()

    def recorded(self) -> list[tuple[str, int, str | None]]:
        """Outcome, status and error of the exchanges so far."""
        return [(str(one.outcome), one.status, one.error) for one in self.log.since(0)]

    def in_flight(self) -> int:
        return sum(self.balancer.in_flight.values())


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def make_bench() -> type[Bench]:
    return Bench


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()
