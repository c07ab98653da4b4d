"""Requests and answers as bytes, and sockets that are read and reset by hand."""

from __future__ import annotations

import socket
import struct
from typing import Any

GET = b"GET /who HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /who HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def read_request(connection: socket.socket) -> bytes:
    """One bodiless request, or one whose body comes with it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    return data


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def exchanges(front: Any) -> list[Any]:
    result: list[Any] = front.do(front.proxy.exchanges)
    return result
