"""What answers may be anything: the doctor ends with a finding, never with a crash or a hang."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.doctor_rules.facts import Reach, Target
from devenv.verbs.doctor.probe.redis_server import Plan, look
from devenv.verbs.doctor.probe.resp_socket import Broken, Wire, connect


@contextmanager
def saying(*answers: bytes) -> Iterator[int]:
    """A server that answers whatever it is sent with these, one after the other, then closes."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                link, _ = listener.accept()
            except OSError:
                continue
            with link:
                link.settimeout(0.5)
                try:
                    for answer in answers:
                        if not link.recv(4096):
                            break
                        link.sendall(answer)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        thread.join()
        listener.close()


def looked(port: int) -> object:
    return look(Plan(Target("127.0.0.1", port), ("p",), 0.5, neighbours=(), commands=("SET", "HSET")))


@pytest.mark.parametrize(
    "answers",
    [
        (b"",),
        (b"\x15\x03\x01\x00\x02\x02\x46",),
        (b"+PONG\r\n",) * 3,
        (b"+PONG\r\n", b"$99999999999999\r\n"),
        (b"+PONG\r\n", b"$10\r\nshort"),
        (b"+PONG\r\n", b"*1\r\n" * 5000),
        (b"+PONG\r\n", b"*3\r\n:x\r\n"),
        (b"+PONG\r\n", b"$-1\r\n", b"*-1\r\n", b":1\r\n", b"*2\r\n+0\r\n*-1\r\n", b"+OK\r\n", b"+x\r\n"),
        (b"-ERR go away\r\n",) * 20,
        (b":1\r\n",) * 20,
        (b"HTTP/1.1 400 Bad Request\r\n\r\n",),
        (b"$24\r\nredis_mode:cluster\r\na:b\r\n\r\n",) * 9,
    ],
)
def test_odd_answers(answers: tuple[bytes, ...]) -> None:
    with saying(*answers) as port:
        looked(port)


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"*2\r\n", b"$3\r\n", b":1\r\n"]), max_size=6))
def test_random_bytes_end_in_a_value_or_in_broken(answers: list[bytes]) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b"".join(answers))
        theirs.shutdown(socket.SHUT_WR)
        with Wire(ours) as wire:
            for _ in range(len(answers) + 1):
                try:
                    wire.call("PING")
                except Broken:
                    return


@pytest.mark.parametrize("host", ["a..b", "x" * 64, "\u00e9" * 70])
def test_no_name_at_all_is_an_unknown_host(host: str) -> None:
    """None of these is asked of a name server: they are no names."""
    reached, link = connect(host, 6379, 0.5)
    assert link is None
    assert reached.reach is Reach.UNKNOWN_HOST
