from __future__ import annotations

from typing import Any

import pytest

from devenv.wire.proxy.states import IllegalTransition, TunnelState
from devenv.wire.proxy.tunnel import Tunnel


class Open:
    """A tunnel between a fake client and a connection on a fake transport."""

    def __init__(self, bench: Any) -> None:
        self.connection = bench.idle()
        bench.pod().idle.clear()
        self.client = bench.fake_client()
        self.ends = 0
        self.tunnel = Tunnel(self.client, self.connection, self._ended)
        self.connection.begin(self.tunnel, b"")

    def _ended(self) -> None:
        self.ends += 1


@pytest.fixture
def tunnel(bench: Any) -> Open:
    return Open(bench)


def test_bytes_pass_both_ways(tunnel: Open) -> None:
    tunnel.tunnel.from_client(b"up")
    tunnel.connection.data_received(b"down")
    assert (tunnel.connection.transport.take(), tunnel.client.written) == (b"up", b"down")


@pytest.mark.parametrize("first", ["client", "pod"])
def test_it_ends_when_both_sides_have_closed(tunnel: Open, first: str) -> None:
    sides = [tunnel.tunnel.client_half_closed, tunnel.connection.eof_received]
    one, other = sides if first == "client" else reversed(sides)
    one()
    assert (tunnel.tunnel.state, tunnel.ends) == (TunnelState.HALF_CLOSED, 0)
    other()
    assert (tunnel.tunnel.state, tunnel.ends) == (TunnelState.ENDED, 1)
    assert tunnel.client.calls[-1] == "close_after_flush"
    assert tunnel.connection.transport.calls[-1] == "close"
    tunnel.connection.connection_lost(None)
    tunnel.tunnel.client_gone()
    assert tunnel.ends == 1


def test_a_lost_pod_closes_the_client(tunnel: Open) -> None:
    tunnel.connection.connection_lost(ConnectionResetError())
    assert (tunnel.client.calls, tunnel.ends) == (["close_after_flush"], 1)
    tunnel.tunnel.from_client(b"late")
    assert tunnel.connection.transport.take() == b""


def test_a_lost_client_closes_the_pod(tunnel: Open) -> None:
    tunnel.tunnel.client_gone()
    assert (tunnel.connection.transport.calls[-1], tunnel.ends) == ("abort", 1)


def test_an_ended_one_ends_no_more(tunnel: Open) -> None:
    tunnel.tunnel.client_gone()
    with pytest.raises(IllegalTransition):
        tunnel.tunnel.client_half_closed()
