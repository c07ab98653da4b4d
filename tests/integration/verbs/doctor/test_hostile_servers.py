"""What answers may be anything: the doctor ends with a finding, never with a crash or a hang."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.doctor_rules.facts import Reach, Server, Speech, Target
from devenv.verbs.doctor.probe.redis_server import Plan, look
from devenv.verbs.doctor.probe.resp_socket import Broken, RespConnection, connect

DEEP = b"*1\r\n" * 5000


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


def looked(port: int) -> Server:
    return look(Plan(Target("127.0.0.1", port), ("p",), 0.5, neighbours=(), commands=("SET", "HSET")))


@pytest.mark.parametrize(
    ("answers", "speech", "facts"),
    [
        ((b"",), Speech.ENDED, {}),
        ((b"\x15\x03\x01\x00\x02\x02\x46",), Speech.OTHER, {}),
        ((b"+PONG\r\n",) * 3, Speech.REDIS, {"hung_up": ("SCAN", "DEL")}),
        (
            (b"+PONG\r\n", b"$99999999999999\r\n"),
            Speech.REDIS,
            {"broke": "not Redis: b'$99999999999999\\r\\n'"},
        ),
        (
            (b"+PONG\r\n", b"$10\r\nshort"),
            Speech.REDIS,
            {"broke": "the connection was closed in the middle of a reply"},
        ),
        (
            (b"+PONG\r\n", DEEP),
            Speech.REDIS,
            {"broke": f"not Redis: {DEEP[:40]!r}"},
        ),
        ((b"+PONG\r\n", b"*3\r\n:x\r\n"), Speech.REDIS, {"broke": "not Redis: b'*3\\r\\n:x\\r\\n'"}),
        (
            (b"+PONG\r\n", b"$-1\r\n", b"*-1\r\n", b":1\r\n", b"*2\r\n+0\r\n*-1\r\n", b"+OK\r\n", b"+x\r\n"),
            Speech.REDIS,
            {"hung_up": ("HSET",)},
        ),
        ((b"-ERR go away\r\n",) * 20, Speech.REDIS, {"ping": "ERR go away"}),
        ((b":1\r\n",) * 20, Speech.OTHER, {}),
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), Speech.HTTP, {}),
        ((b"$24\r\nredis_mode:cluster\r\na:b\r\n\r\n",) * 9, Speech.OTHER, {}),
    ],
)
def test_odd_answers(answers: tuple[bytes, ...], speech: Speech, facts: dict[str, Any]) -> None:
    """Each is one fact about the server; none looks like a Redis that answers all that it is asked."""
    with saying(*answers) as port:
        seen = looked(port)
    assert seen.tcp is not None
    assert (seen.tcp.reach, seen.speech) == (Reach.OPEN, speech)
    assert seen.greeted is (speech is Speech.REDIS)
    odd = {"broke": seen.broke, "ping": seen.ping, "hung_up": seen.hung_up}
    assert {name: fact for name, fact in odd.items() if fact} == facts


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"*2\r\n", b"$3\r\n", b":1\r\n"]), max_size=6))
def test_random_bytes_end_in_a_value_or_in_broken(answers: list[bytes]) -> None:
    """The shortest reply has three bytes: after so many values the bytes are used up, and that is Broken."""
    ours, theirs = socket.socketpair()
    sent = b"".join(answers)
    with theirs:
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        with RespConnection(ours) as connection, pytest.raises(Broken):
            for _ in range(len(sent) // 3 + 1):
                connection.call("PING")


@pytest.mark.parametrize("host", ["a..b", "x" * 64, "\u00e9" * 70])
def test_no_name_at_all_is_an_unknown_host(host: str) -> None:
    """None of these is asked of a name server: they are no names."""
    reached, link = connect(host, 6379, 0.5)
    assert link is None
    assert reached.reach is Reach.UNKNOWN_HOST
