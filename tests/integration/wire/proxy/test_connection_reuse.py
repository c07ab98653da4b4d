"""A pod's connection on which bytes may follow a response carries no other request (case 22 and its kin)."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from tests.support import until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SEEN = b"%b /seen HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
ADD = b"POST /add HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"


class LateBody:
    """Answers /seen with a head that names a body, and sends the body before its next answer."""

    def __init__(self, scripted: Any, head: bytes, body: bytes) -> None:
        self._head = head
        self._body = body
        self.upstream = scripted(self._script).upstream

    def _script(self, connection: socket.socket, number: int) -> None:
        pending = b""
        while data := self._request(connection):
            if data.split(b" ")[1] == b"/seen":
                connection.sendall(self._head)
                pending = self._body
            else:
                connection.sendall(pending + OK)
                pending = b""

    def _request(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data or (data.startswith(b"POST /add") and not data.endswith(b"{}")):
            piece = connection.recv(65536)
            if not piece:
                return b""
            data += piece
        return data


@pytest.mark.parametrize(
    ("method", "head", "body"),
    [
        (b"POST", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n"),
        (b"POST", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", b"hello"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"hello"),
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"hello"),
        (b"HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n"),
    ],
)
def test_after_a_response_that_names_a_body_it_must_not_have(
    scripted: Any, start_proxy: Any, method: bytes, head: bytes, body: bytes
) -> None:
    front = start_proxy([LateBody(scripted, head, body).upstream], upstream_idle=60.0)
    with front.wire() as wire:
        for _ in range(20):
            wire.send(SEEN % method)
            assert wire.until(b"\r\n\r\n").split()[1] == head.split()[1]
            wire.send(ADD)
            status, _, answer = wire.answer()
            assert (status, answer) == (200, b"ok")


def test_bytes_behind_a_response_are_never_the_next_one(scripted: Any, start_proxy: Any) -> None:
    go_on = threading.Event()

    def script(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        connection.sendall(OK)
        if number == 1:
            go_on.wait(10)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
        connection.recv(65536)

    front = start_proxy([scripted(script).upstream], upstream_idle=60.0)

    def idle() -> int:
        return sum(len(pod.idle) for pod in front.proxy._pods.by_name.values())

    with front.wire() as wire:
        wire.send(ADD)
        assert wire.answer()[2] == b"ok"
        assert front.do(idle) == 1
        go_on.set()
        until(lambda: front.do(idle) == 0, "the connection is dropped")
        wire.send(ADD)
        assert wire.answer()[2] == b"ok"


def test_a_server_that_speaks_first_is_502_at_once(scripted: Any, start_proxy: Any) -> None:
    def script(connection: socket.socket, number: int) -> None:
        connection.sendall(b"220 mail ready\r\n")
        connection.recv(65536)

    front = start_proxy([scripted(script).upstream])
    with front.wire() as wire:
        wire.send(ADD)
        assert wire.answer()[0] == 502
