"""The blocking connection to the control API, against a server whose connections the test ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.control_calls import ControlConnection
from tests.support import HANG_GUARD_S


class _Answers(BaseHTTPRequestHandler):
    """Answers JSON on kept connections, and notes each connection's socket."""

    protocol_version = "HTTP/1.1"
    accepted: list[socket.socket]

    def setup(self) -> None:
        super().setup()
        self.accepted.append(self.connection)

    def do_GET(self) -> None:
        body = b"not JSON" if self.path == "/text" else b'{"ok": true}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def server() -> Iterator[tuple[str, list[socket.socket]]]:
    accepted: list[socket.socket] = []
    listening = ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (_Answers,), {"accepted": accepted}))
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", accepted
    for connection in accepted:
        _end(connection)
    listening.shutdown()
    thread.join(HANG_GUARD_S)
    listening.server_close()


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # ended before
        connection.shutdown(socket.SHUT_RDWR)


def test_a_connection_is_kept_and_opened_again_where_the_server_ended_it(
    server: tuple[str, list[socket.socket]],
) -> None:
    control, accepted = server
    connection = ControlConnection(control, HANG_GUARD_S)
    try:
        assert connection.request("GET", "/a") == {"ok": True}
        assert connection.request("GET", "/b", params={"x": "1 2"}) == {"ok": True}
        assert len(accepted) == 1
        _end(accepted[0])
        assert connection.request("GET", "/c") == {"ok": True}
        assert len(accepted) == 2
    finally:
        connection.close()


def test_an_answer_without_json_names_the_address(server: tuple[str, list[socket.socket]]) -> None:
    connection = ControlConnection(server[0], HANG_GUARD_S)
    try:
        with pytest.raises(EnvironmentProblem, match=f"{server[0]} answers /text without JSON"):
            connection.request("GET", "/text")
    finally:
        connection.close()


def test_what_is_no_http_is_an_environment_problem() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"+PONG\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        control = ControlConnection(f"http://127.0.0.1:{listening.getsockname()[1]}", HANG_GUARD_S)
        with pytest.raises(EnvironmentProblem, match="does not answer: BadStatusLine"):
            control.request("GET", "/health")
        thread.join(HANG_GUARD_S)
