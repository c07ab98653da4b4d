from __future__ import annotations

from typing import Any

import pytest

from devenv.wire.proxy.states import IllegalTransition, UpstreamState
from devenv.wire.proxy.upstream import MAX_IDLE, UpstreamConnection


class Receiver:
    """Remembers what the connection reports."""

    def __init__(self, *, half_close: bool = False) -> None:
        self.events: list[Any] = []
        self._half_close = half_close

    def from_upstream(self, data: bytes) -> None:
        self.events.append(data)

    def upstream_lost(self, *, was_reset: bool) -> None:
        self.events.append("reset" if was_reset else "closed")

    def upstream_half_closed(self) -> bool:
        self.events.append("half-closed")
        return self._half_close

    def upstream_write_paused(self) -> None:
        self.events.append("paused")

    def upstream_write_resumed(self) -> None:
        self.events.append("resumed")


@pytest.fixture
def connection(bench: Any) -> UpstreamConnection:
    idle: UpstreamConnection = bench.idle()
    return idle


def test_it_is_opened_used_kept_and_used_again(bench: Any, transport: Any) -> None:
    pod, receiver = bench.pod(), Receiver()
    connection = UpstreamConnection(pod)
    connection.connection_made(transport)
    assert (connection.state, connection.reused) == (UpstreamState.OPENING, False)
    connection.begin(receiver, b"one")
    assert (connection.state, transport.take()) == (UpstreamState.BUSY, b"one")
    connection.data_received(b"answer")
    connection.release(bench.now)
    assert (connection.state, connection.reused, pod.idle) == (UpstreamState.IDLE, True, [connection])
    assert pod.take(bench.now) is connection
    connection.begin(receiver, b"two")
    assert (transport.take(), receiver.events) == (b"two", [b"answer"])


def test_it_carries_one_exchange_at_a_time(connection: Any) -> None:
    connection.begin(Receiver(), b"one")
    with pytest.raises(IllegalTransition, match="BUSY is never followed by BUSY"):
        connection.begin(Receiver(), b"two")


@pytest.mark.parametrize("reused", [False, True])
def test_what_is_sent_unasked_closes_it(bench: Any, reused: bool) -> None:
    pod = bench.pod()
    connection: Any = bench.idle() if reused else UpstreamConnection(pod)
    if not reused:
        connection.connection_made(type(bench.idle().transport)())
        pod.drop_idle()
    connection.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert (connection.state, connection.transport.calls[-1]) == (UpstreamState.CLOSED, "abort")
    assert connection.why_closed == "it sent data before it was sent a request"
    assert connection not in pod.idle


@pytest.mark.parametrize(("exc", "event"), [(None, "closed"), (ConnectionResetError(), "reset")])
def test_its_loss_is_reported_once(connection: Any, exc: Exception | None, event: str) -> None:
    receiver = Receiver()
    connection.pod.idle.remove(connection)
    connection.begin(receiver, b"x")
    connection.connection_lost(exc)
    connection.connection_lost(exc)
    assert (receiver.events, connection.state) == ([event], UpstreamState.CLOSED)
    assert connection.why_closed is not None


def test_an_end_is_a_loss_unless_the_receiver_goes_on(connection: Any) -> None:
    connection.pod.idle.remove(connection)
    receiver = Receiver()
    connection.begin(receiver, b"x")
    assert connection.eof_received() is False
    assert receiver.events == ["half-closed", "closed"]


def test_in_a_tunnel_the_other_direction_stays_open(connection: Any) -> None:
    connection.pod.idle.remove(connection)
    first, tunnel = Receiver(), Receiver(half_close=True)
    connection.begin(first, b"x")
    connection.hand_over(tunnel)
    connection.data_received(b"y")
    assert connection.eof_received() is True
    assert (first.events, tunnel.events) == ([], [b"y", "half-closed"])
    assert connection.state is UpstreamState.BUSY


def test_an_idle_one_that_is_lost_is_forgotten(bench: Any, connection: Any) -> None:
    connection.connection_lost(None)
    assert bench.pod().idle == [] and bench.pod().take(bench.now) is None


def test_flow_control_reaches_the_receiver_and_the_transport(connection: Any) -> None:
    receiver = Receiver()
    connection.pause_writing()
    assert connection.write_paused
    connection.pod.idle.remove(connection)
    connection.begin(receiver, b"x")
    connection.resume_writing()
    connection.pause_writing()
    assert receiver.events == ["resumed", "paused"]
    connection.pause_reading()
    connection.pause_reading()
    assert connection.transport.calls.count("pause_reading") == 1
    connection.release(0.0)
    assert connection.transport.calls[-1] == "resume_reading", "the next exchange reads again"


def test_unsent_bytes_are_seen(connection: Any) -> None:
    assert not connection.unsent()
    connection.transport.buffered = 1
    assert connection.unsent()


def test_the_end_of_a_tunnel_sends_what_was_written(connection: Any) -> None:
    connection.pod.idle.remove(connection)
    receiver = Receiver()
    connection.begin(receiver, b"x")
    connection.half_close()
    connection.close_after_flush()
    assert connection.transport.calls[-2:] == ["write_eof", "close"]
    connection.connection_lost(None)
    assert receiver.events == []


def test_idle_connections_grow_old_and_are_bounded(bench: Any) -> None:
    pod = bench.pod()
    old, young = bench.idle(), None
    bench.now += bench.limits.upstream_idle / 2
    young = bench.idle()
    pod.expire(bench.now + bench.limits.upstream_idle / 2)
    assert (pod.idle, old.state) == ([young], UpstreamState.CLOSED)
    assert pod.take(bench.now + bench.limits.upstream_idle) is None and young.state is UpstreamState.CLOSED
    for _ in range(MAX_IDLE + 1):
        last = bench.idle()
    assert len(pod.idle) == MAX_IDLE and last.state is UpstreamState.CLOSED


def test_a_closing_transport_is_not_handed_out(bench: Any, connection: Any) -> None:
    connection.transport.closing = True
    assert bench.pod().take(bench.now) is None


def test_a_retired_pod_keeps_nothing(bench: Any, connection: Any) -> None:
    pod = bench.pod()
    pod.idle.remove(connection)
    connection.begin(Receiver(), b"x")
    pod.retire()
    connection.release(bench.now)
    assert (pod.idle, connection.state) == ([], UpstreamState.CLOSED)
