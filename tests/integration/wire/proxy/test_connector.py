"""Connections to real listeners, and probes of one that is gone."""

from __future__ import annotations

import socket
from random import Random
from typing import Any

import pytest

from devenv.wire.proxy import Limits, Upstream
from devenv.wire.proxy.balancer import Balancer
from devenv.wire.proxy.connector import Connector
from devenv.wire.proxy.failures import ConnectFailure, Failure
from devenv.wire.proxy.pods import Pods
from devenv.wire.proxy.states import UpstreamState
from tests.support import free_port, until

A = "captcha-api-a"


class Waiter:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.connections: list[Any] = []
        self.failures: list[ConnectFailure] = []

    def connected(self, connection: Any) -> None:
        self.connections.append(connection)

    def connect_failed(self, failure: ConnectFailure) -> None:
        self.failures.append(failure)


class Waiting:
    """A connector for one pod at ``port``, in a loop of its own."""

    def __init__(self, loop: Any, port: int, **limits: float) -> None:
        chosen = Limits(**limits)  # type: ignore[arg-type]
        self.loop = loop
        self.balancer = Balancer("round-robin", Random(0))
        self.pods = Pods(self.balancer, chosen)
        self.pods.set_upstreams([Upstream(A, "127.0.0.1", port)])
        self.pod = self.pods.by_name[A]
        self.connector = Connector(self.pods, chosen)
        self.waiter = Waiter()

    def connect(self) -> None:
        async def ask() -> bool:
            self.connector.connect(self.pod, self.waiter)
            return bool(self.waiter.connections or self.waiter.failures)

        assert self.loop.call(ask()) is False, "the waiter is never told before the call returns"
        until(lambda: bool(self.waiter.connections or self.waiter.failures), "the waiter is told")

    def close(self) -> None:
        async def end() -> None:
            self.pod.retire()
            for connection in self.waiter.connections:
                connection.discard()
            await self.connector.close()

        self.loop.call(end())


@pytest.fixture
def listener() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_connection_is_handed_over_open(proxy_loop: Any, listener: socket.socket) -> None:
    room = Waiting(proxy_loop, listener.getsockname()[1])
    room.connect()
    (connection,) = room.waiter.connections
    assert (connection.state, connection.reused, connection.pod) == (UpstreamState.OPENING, False, room.pod)
    room.close()
    until(lambda: proxy_loop.tasks() == 0, "no task is left")


def test_a_refused_one_is_told_and_the_pod_is_probed_until_it_is_back(proxy_loop: Any) -> None:
    port = free_port()
    room = Waiting(proxy_loop, port, probe=0.02)
    room.connect()
    assert room.waiter.failures == [ConnectFailure(Failure.CONNECTION_FAILED, "connection refused")]
    assert (room.pod.up, room.balancer.alive) == (False, ())
    with socket.create_server(("127.0.0.1", port)):
        until(lambda: room.pod.up, "the pod is seen again")
        assert room.balancer.alive == (A,)
    until(lambda: proxy_loop.tasks() == 0, "the probe has ended")
    room.close()


def test_a_retired_pod_is_not_probed(proxy_loop: Any) -> None:
    room = Waiting(proxy_loop, free_port())
    room.pod.retire()
    room.connect()
    until(lambda: proxy_loop.tasks() == 0, "no task is left")
    assert not room.pod.up
    room.close()
