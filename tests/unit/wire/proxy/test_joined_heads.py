"""A response's head that waits for its body, so that both go out in one write."""

from __future__ import annotations

from typing import Any

import pytest

from devenv.wire.proxy.states import ExchangeState
from tests.unit.wire.proxy.test_open_exchange import OK, Play, state_of

HEAD_ALONE = OK[: -len(b"ok")]


def test_a_head_waits_a_little_for_its_body_and_goes_out_with_it_in_one_write(bench: Any) -> None:
    connection = bench.idle()
    play = Play(bench)
    connection.data_received(HEAD_ALONE)
    assert (play.client.written, state_of(play)) == (b"", ExchangeState.AWAITING_RESPONSE)
    connection.data_received(b"ok")
    assert play.client.written.endswith(b"\r\n\r\nok") and state_of(play) is ExchangeState.ENDED
    assert bench.timers == []


def test_a_head_whose_body_does_not_come_goes_out_alone(bench: Any) -> None:
    connection = bench.idle()
    play = Play(bench)
    connection.data_received(HEAD_ALONE)
    bench.pass_time(bench.limits.join)
    assert play.client.written.endswith(b"\r\n\r\n") and state_of(play) is ExchangeState.RESPONDING
    connection.data_received(b"ok")
    assert play.client.written.endswith(b"\r\n\r\nok") and bench.recorded() == [("answered", 200, None)]


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("HEAD", b"Content-Length: 2"),
        ("GET", b"Content-Length: 0"),
        ("GET", b"Transfer-Encoding: chunked"),
        ("GET", b"X: a body that ends with its connection"),
    ],
)
def test_a_head_without_a_body_of_known_length_waits_for_nothing(
    bench: Any, method: str, fields: bytes
) -> None:
    connection = bench.idle()
    play = Play(bench, method)
    connection.data_received(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n")
    assert b"200 OK" in play.client.written and bench.timers == []


def test_a_head_that_waited_goes_out_before_its_answer_is_cut_off(bench: Any) -> None:
    connection = bench.idle()
    play = Play(bench)
    connection.data_received(HEAD_ALONE)
    connection.connection_lost(None)
    assert play.client.written.startswith(b"HTTP/1.1 200 OK") and play.client.calls == ["break_off"]
    reason = "the connection was closed in the middle of the answer"
    assert bench.recorded() == [("cut-off", 200, reason)] and bench.in_flight() == 0


def test_a_head_that_waits_is_forgotten_with_its_client(bench: Any) -> None:
    connection = bench.idle()
    play = Play(bench)
    connection.data_received(HEAD_ALONE)
    play.exchange.client_gone(None)
    assert (
        bench.timers == []
        and play.client.written == b""
        and [one[0] for one in bench.recorded()] == ["client-closed"]
    )
