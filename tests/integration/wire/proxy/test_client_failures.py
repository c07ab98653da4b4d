"""Clients that send what is malformed, stop, or leave before the answer."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from tests.integration.wire.proxy.raw_http import GET, POST, exchanges, read_request, reset
from tests.support import until


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"NONSENSE\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: h\r\nA: " + b"a" * 40000 + b"\r\n\r\n", 431),
    ],
)
def test_a_malformed_request_reaches_no_pod_and_closes(
    front: Any, pods: Any, data: bytes, status: int
) -> None:
    with front.wire() as wire:
        wire.send(data + GET)
        got, headers, body = wire.answer()
        assert (got, headers["connection"]) == (status, "close")
        assert json.loads(body)["detail"]
        assert wire.rest() == b""
    assert pods[0].requests == pods[1].requests == []
    assert exchanges(front)[-1].status == status


def test_a_malformed_request_behind_a_good_one(front: Any) -> None:
    with front.wire() as wire:
        wire.send(GET + b"GET / HTTP/1.1\r\nBad Header: 1\r\n\r\n" + GET)
        assert [wire.answer()[0] for _ in range(2)] == [200, 400]
        assert wire.rest() == b""


def test_a_body_that_breaks_later_reaches_the_pod_cut_off(start_proxy: Any, start_pod: Any) -> None:
    front = start_proxy([start_pod("captcha-api-a").upstream])
    with front.wire() as wire:
        wire.send(b"POST /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        wire.send(b"zzz\r\n")
        status, headers, _ = wire.answer()
        assert (status, headers["connection"]) == (400, "close")
        assert wire.rest() == b""


def test_a_client_that_leaves_before_the_answer_is_499_in_the_log(front: Any, pods: Any) -> None:
    wire = front.wire()
    wire.send(b"GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
    until(lambda: "/never" in pods[0].requests, "the pod has it")
    reset(wire.socket)
    until(lambda: len(exchanges(front)) == 1, "the proxy notices")
    (exchange,) = exchanges(front)
    assert (exchange.status, exchange.error) == (499, "the client closed the connection")
    assert front.pods()["captcha-api-a"]["in_flight"] == 0


def test_a_client_that_stops_in_the_middle_is_408(start_proxy: Any, start_pod: Any) -> None:
    front = start_proxy([start_pod("captcha-api-a").upstream], client=0.2)
    for part in (GET[:20], POST[:-1].replace(b"/who", b"/upload")):
        with front.wire() as wire:
            wire.send(part)
            assert wire.answer()[0] == 408
            assert wire.rest() == b""


def test_an_idle_client_is_closed(start_proxy: Any, pods: Any) -> None:
    front = start_proxy([pods[0].upstream], keepalive=0.2)
    with front.wire() as wire:
        wire.send(GET)
        assert wire.answer()[0] == 200
        assert wire.rest() == b""


def test_an_answer_before_the_end_of_the_upload_arrives_whole(start_proxy: Any, scripted: Any) -> None:
    def script(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        connection.recv(1)

    front = start_proxy([scripted(script).upstream])
    with front.wire() as wire:
        wire.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1000)
        status, headers, body = wire.answer()
        assert (status, headers["connection"], body) == (413, "close", b"no")
        wire.send(b"x" * 1_000_000)  # still sending does not destroy the answer
        assert wire.rest() == b""
