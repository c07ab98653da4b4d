"""Requests whose client has given up: seen while they are under way, and recorded with how they ended."""

from __future__ import annotations

import json
import socket
import struct
import threading
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from devenv.wire.proxy.control import router
from tests.support import until

POST = b'POST /use HTTP/1.1\r\nHost: h\r\nX-Request-Id: r-1\r\nContent-Length: 13\r\n\r\n{"id": "c-1"}'


class WaitingPod:
    """Reads a request and answers 200 when it is let go."""

    def __init__(self, scripted: Any) -> None:
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self.upstream = scripted(self._script).upstream

    def _script(self, connection: socket.socket, number: int) -> None:
        data = b""
        while not data.endswith(b"}"):
            piece = connection.recv(65536)
            if not piece:
                return
            data += piece
        self.asked.set()
        self.go_on.wait(10)
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"right": true}')
        connection.recv(1)


@pytest.fixture
def waiting_pod(scripted: Any) -> Any:
    pod = WaitingPod(scripted)
    yield pod
    pod.go_on.set()


def open_exchanges(front: Any) -> list[Any]:
    listed: list[Any] = front.do(front.proxy.open_exchanges)
    return listed


def ended(front: Any) -> list[Any]:
    listed: list[Any] = front.do(front.proxy.exchanges)
    return listed


def test_an_exchange_under_way_is_listed_until_it_ends(start_proxy: Any, waiting_pod: Any) -> None:
    front = start_proxy([waiting_pod.upstream])
    assert open_exchanges(front) == []
    with front.wire() as wire:
        wire.send(POST)
        assert waiting_pod.asked.wait(10)
        (exchange,) = open_exchanges(front)
        assert (exchange.request_id, exchange.seq, exchange.status) == ("r-1", 0, 0)
        assert (exchange.outcome, exchange.client_closed) == ("open", None)
        assert (exchange.pod, exchange.request_body) == ("captcha-api-a", '{"id": "c-1"}')
        assert exchange.started > 0 and exchange.duration_ms >= 0
        assert ended(front) == []
        waiting_pod.go_on.set()
        assert wire.answer()[0] == 200
    assert open_exchanges(front) == []
    (exchange,) = ended(front)
    assert (exchange.outcome, exchange.status, exchange.client_closed) == ("answered", 200, None)


def test_a_client_that_closed_shows_while_the_pod_still_works_and_what_it_answered_later(
    start_proxy: Any, waiting_pod: Any
) -> None:
    front = start_proxy([waiting_pod.upstream])
    wire = front.wire()
    wire.send(POST)
    assert waiting_pod.asked.wait(10)
    wire.close()
    until(lambda: open_exchanges(front)[0].client_closed is not None, "the proxy notices")
    (exchange,) = open_exchanges(front)
    assert exchange.outcome == "open" and exchange.client_closed >= exchange.started
    waiting_pod.go_on.set()
    until(lambda: len(ended(front)) == 1, "the pod has answered")
    (last,) = ended(front)
    assert (last.outcome, last.status, last.response_body) == ("answered", 200, '{"right": true}')
    assert last.client_closed == pytest.approx(exchange.client_closed, abs=0.5)
    assert open_exchanges(front) == []


def test_a_client_that_closed_and_a_pod_that_never_answers(start_proxy: Any, waiting_pod: Any) -> None:
    front = start_proxy([waiting_pod.upstream], response=0.3)
    wire = front.wire()
    wire.send(POST)
    assert waiting_pod.asked.wait(10)
    wire.close()
    until(lambda: len(ended(front)) == 1, "the time limit")
    (exchange,) = ended(front)
    assert (exchange.outcome, exchange.status, exchange.pod) == ("no-answer", 504, "captcha-api-a")
    assert exchange.client_closed is not None


def test_a_client_that_resets_before_the_answer(start_proxy: Any, waiting_pod: Any) -> None:
    front = start_proxy([waiting_pod.upstream])
    wire = front.wire()
    wire.send(POST)
    assert waiting_pod.asked.wait(10)
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()
    until(lambda: len(ended(front)) == 1, "the proxy notices")
    (exchange,) = ended(front)
    assert (exchange.outcome, exchange.status) == ("client-closed", 499)
    assert exchange.client_closed is not None
    assert open_exchanges(front) == []


def test_a_tunnel_is_not_listed_as_open(start_proxy: Any, scripted: Any) -> None:
    def script(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
        connection.recv(1)

    front = start_proxy([scripted(script).upstream])
    with front.wire() as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
        wire.until(b"\r\n\r\n")
        assert open_exchanges(front) == []
        assert [exchange.outcome for exchange in ended(front)] == ["answered"]


def test_the_control_api_lists_them(start_proxy: Any, waiting_pod: Any) -> None:
    front = start_proxy([waiting_pod.upstream])
    app = FastAPI()
    app.include_router(router(front.proxy))

    async def ask() -> Any:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://control"
        ) as client:
            return (await client.get("/exchanges/open")).json()

    assert front.loop.call(ask())["exchanges"] == []
    with front.wire() as wire:
        wire.send(POST)
        assert waiting_pod.asked.wait(10)
        listing = front.loop.call(ask())
        (exchange,) = listing["exchanges"]
        assert (exchange["kind"], exchange["outcome"], exchange["seq"]) == ("exchange", "open", 0)
        assert listing["now"] >= exchange["started"]
        assert json.loads(exchange["request_body"]) == {"id": "c-1"}
        waiting_pod.go_on.set()
        wire.answer()
