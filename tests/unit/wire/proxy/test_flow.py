"""Who reads slowly makes the other end wait: in an exchange and in a tunnel."""

from __future__ import annotations

from typing import Any

import pytest

from devenv.wire.proxy.flow import FlowControl
from devenv.wire.proxy.tunnel import Tunnel
from tests.unit.wire.proxy.test_open_exchange import Play


@pytest.mark.parametrize("kind", ["exchange", "tunnel"])
def test_slow_ends_pause_each_other(bench: Any, kind: str) -> None:
    connection = bench.idle()
    play = Play(bench, "POST", "Content-Length: 4", body=b"ab")
    both: FlowControl = play.exchange
    if kind == "tunnel":
        both = tunnel = Tunnel(play.client, connection, lambda: None)
        connection.hand_over(tunnel)
    connection.pause_writing()
    connection.resume_writing()
    assert play.client.calls == ["pause_reading", "resume_reading"]
    both.client_write_paused()
    both.client_write_resumed()
    assert connection.transport.calls[-2:] == ["pause_reading", "resume_reading"]


def test_without_a_connection_nobody_waits(bench: Any) -> None:
    play = Play(bench)
    play.exchange.client_write_paused()
    play.exchange.client_write_resumed()
    assert play.client.calls == []
