"""A pod's own port: a connection to it is a connection to the pod, in everything that happens to it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from devenv.core.model.events import ExchangeOutcome
from devenv.wire.proxy.client import ClientRegistry
from devenv.wire.proxy.failures import ConnectFailure, Failure
from devenv.wire.proxy.pod_port import LIMITS, PodPortConnection
from devenv.wire.proxy.states import ClientState
from devenv.wire.proxy.upstream import UpstreamConnection
from tests.unit.wire.proxy.conftest import A, B, Bench, FakeTransport

GET = b"GET /x HTTP/1.1\r\nHost: pods\r\nX-Devenv-Client: 10.0.0.9:4711\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: pods\r\nContent-Length: 2\r\n\r\n{}"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Port:
    """A balancer's connection to the port of pod A."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.transport = FakeTransport()
        self.client = PodPortConnection(
            bench.shared, ClientRegistry(), bench.pods.by_name[A], lambda: "nginx:round_robin"
        )
        self.client.connection_made(self.transport)

    def connected(self) -> UpstreamConnection:
        return self.bench.connector.succeed()

    def records(self) -> list[Any]:
        return self.bench.shared.log.since(0)


@pytest.fixture
def port() -> Port:
    return Port(Bench(policy=f"pinned:{B}", **asdict(LIMITS)))


def sent(connection: UpstreamConnection) -> bytes:
    transport = connection.transport
    assert isinstance(transport, FakeTransport)
    return transport.take()


def test_the_pod_is_connected_to_at_once_and_the_request_goes_to_it(port: Port) -> None:
    port.client.data_received(GET)
    pod = port.connected()
    assert b"X-Devenv-Client" not in sent(pod)
    pod.data_received(OK)
    assert port.transport.take().endswith(b"\r\n\r\nok")
    (record,) = port.records()
    assert (record.pod, record.policy, record.client) == (A, "nginx:round_robin", "10.0.0.9:4711")
    assert port.bench.pods.by_name[A].served == 1


def test_its_requests_use_one_connection(port: Port) -> None:
    pod = port.connected()
    for _ in range(3):
        port.client.data_received(GET)
        assert sent(pod)
        pod.data_received(OK)
    assert port.bench.connector.asked == []
    assert port.bench.pods.by_name[A].idle == []


def test_a_pin_leads_to_another_pod(port: Port) -> None:
    port.connected()
    port.client.data_received(b"GET /x HTTP/1.1\r\nHost: pods\r\nX-Devenv-Pod: b\r\n\r\n")
    pod = port.bench.connector.succeed()
    assert pod.pod.name == B
    pod.data_received(OK)
    (record,) = port.records()
    assert (record.pod, record.policy) == (B, f"pinned:{B}")


def test_a_pod_that_closes_an_idle_connection_closes_the_balancers(port: Port) -> None:
    pod = port.connected()
    port.client.data_received(GET)
    pod.data_received(OK)
    assert not port.transport.closing
    pod.eof_received()
    assert port.transport.calls[-1] == "close"
    assert port.client.state is ClientState.CLOSED


def test_a_pod_that_announces_its_close_has_it_announced(port: Port) -> None:
    pod = port.connected()
    port.client.data_received(GET)
    pod.data_received(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert b"\r\nConnection: close\r\n" in port.transport.take()
    assert port.transport.calls[-1] == "write_eof"


@pytest.mark.parametrize("request_bytes", [GET, POST])
def test_what_the_pod_does_not_answer_is_not_answered(port: Port, request_bytes: bytes) -> None:
    pod = port.connected()
    port.client.data_received(request_bytes)
    pod.data_received(OK)
    port.client.data_received(request_bytes)
    port.transport.take()
    pod.eof_received()
    assert port.transport.written == b""
    assert port.transport.calls[-1] == "close"
    assert port.bench.connector.asked == []  # never sent again
    record = port.records()[-1]
    assert (record.outcome, record.status) == (ExchangeOutcome.BROKEN_ANSWER, 0)


def test_a_pod_that_cannot_be_reached_resets_the_connection(port: Port) -> None:
    port.client.data_received(GET)
    port.bench.connector.fail(ConnectFailure(Failure.CONNECTION_FAILED, "connection refused"))
    assert port.transport.written == b""
    assert port.transport.calls[-1] == "abort"


def test_the_balancers_close_closes_the_pods(port: Port) -> None:
    pod = port.connected()
    port.client.connection_lost(None)
    assert isinstance(pod.transport, FakeTransport)
    assert pod.transport.calls[-1] == "abort"


def test_one_that_left_before_the_pod_was_connected(port: Port) -> None:
    port.client.connection_lost(None)
    pod = port.connected()
    assert isinstance(pod.transport, FakeTransport)
    assert pod.transport.calls[-1] == "abort"


def test_no_time_limit_of_the_proxy_holds(port: Port) -> None:
    pod = port.connected()
    port.client.data_received(GET)
    port.bench.now += 1e6
    port.client.check(port.bench.now)
    pod.data_received(OK)
    assert port.transport.take().startswith(b"HTTP/1.1 200")
