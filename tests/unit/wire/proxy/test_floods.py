"""One connection's flood is bounded work in each turn of the event loop, counted in calls, not in time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from devenv.wire.http.heads import MAX_EMPTY_LINES
from devenv.wire.proxy.client import TURNS
from devenv.wire.proxy.limits import Limits
from tests.support import calls

READ = 256_000
"""Bytes that an event loop gives at once."""
CALLS = 30_000
"""Calls, of Python and of C, that one turn may make: some milliseconds."""

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
REFUSED = b"GET / HTTP/1.1\r\nHost: a\r\nX-Devenv-Pod: nobody\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def fill(unit: bytes, size: int = READ) -> bytes:
    return unit * (size // len(unit))


def turns_of(bench: Any, first: Callable[[], object]) -> list[int]:
    """The calls of the turn that ``first`` is, and of each that follows."""
    counted = [calls(first)]
    while bench.turns:
        counted.append(calls(bench.next_turn))
        assert len(counted) < 10_000, "the turns do not end"
    return counted


FLOODS = {
    "one-byte chunks": POST + fill(b"1\r\na\r\n"),
    "chunks with extensions": POST + fill(b"1;a=b\r\na\r\n"),
    "a long extension": POST + b"1;" + b"a" * READ,
    "short trailers": POST + b"0\r\n" + fill(b"a:\r\n"),
    "requests for no pod": fill(REFUSED),
    "requests": fill(GET),
    "empty lines": fill(b"\r\n"),
    "carriage returns": b"\r" * READ,
    "one long header line": b"GET / HTTP/1.1\r\na:" + b"a" * READ,
    "many header lines": b"GET / HTTP/1.1\r\n" + fill(b"a:b\r\n"),
    "a named header, often": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: "
    + b",".join(b"%x" % n for n in range(4000))
    + b"\r\n"
    + fill(b"z:\r\n", 12_000)
    + b"\r\n",
    "a long target": b"GET /" + b"a" * READ,
    "no line at all": b"a" * READ,
    "a form that is none": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60005\r\n\r\na=b&"
    + b"a" * 60_000
    + b"<",
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_client_s_flood_is_little_work_in_each_turn(bench: Any, flood: bytes) -> None:
    bench.idle()
    bench.idle("captcha-api-b")
    client = bench.client()
    for begin in range(0, len(flood), READ):
        turns = turns_of(bench, partial(client.data_received, flood[begin : begin + READ]))
        assert max(turns) < CALLS, turns


def test_tiny_chunks_reach_the_pod_whole_and_reading_rests_meanwhile(bench: Any) -> None:
    connection = bench.idle()
    bench.balancer.set_policy("pinned:a")
    client = bench.client()
    body = fill(b"1\r\na\r\n") + b"0\r\n\r\n"
    client.data_received(POST + body)
    assert client.transport.calls[-1] == "pause_reading"
    while bench.turns:
        bench.next_turn()
    assert connection.transport.written.endswith(b"\r\n\r\n" + body)
    assert client.transport.calls.count("pause_reading") == client.transport.calls.count("resume_reading")
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert client.transport.take().startswith(b"HTTP/1.1 200 OK")
    client.data_received(GET)
    assert bench.connector.asked or bench.in_flight() == 1, "the next request goes its way"


def test_requests_that_no_pod_gets_are_answered_in_turns_and_in_order(bench: Any) -> None:
    client = bench.client()
    client.data_received(REFUSED * 100 + GET)
    assert client.transport.written.count(b"HTTP/1.1 400") == TURNS
    while bench.turns:
        bench.next_turn()
    assert client.transport.written.count(b"HTTP/1.1 400") == 100
    assert len(bench.connector.asked) == 1


def test_a_turn_of_a_connection_that_was_lost_does_nothing(bench: Any) -> None:
    client = bench.client()
    client.data_received(REFUSED * 100)
    client.transport.closing = True
    client.connection_lost(None)
    bench.next_turn()
    assert client.transport.written.count(b"HTTP/1.1 400") == TURNS


@pytest.mark.parametrize("paused", [False, True])
def test_a_pod_s_flood_of_chunks_is_little_work_in_each_turn_and_arrives_whole(
    bench: Any, paused: bool
) -> None:
    connection = bench.idle()
    bench.balancer.set_policy("pinned:a")
    client = bench.client()
    client.data_received(GET)
    body = fill(b"1\r\na\r\n") + b"0\r\n\r\n"
    counted = [calls(lambda: connection.data_received(CHUNKED + body))]
    assert connection.transport.calls[-1] == "pause_reading"
    if paused:
        client.pause_writing()
    while bench.turns:
        counted.append(calls(bench.next_turn))
    assert max(counted) < CALLS
    assert client.transport.written.endswith(body)
    rested = connection.transport.calls
    assert rested.count("pause_reading") == rested.count("resume_reading"), (
        "the idle connection is read again"
    )
    assert connection in bench.pod().idle


def test_a_pod_lost_amid_a_flood_is_cut_off_once(bench: Any) -> None:
    connection = bench.idle()
    bench.balancer.set_policy("pinned:a")
    client = bench.client()
    client.data_received(GET)
    connection.data_received(CHUNKED + fill(b"1\r\na\r\n"))
    connection.connection_lost(ConnectionResetError())
    bench.next_turn()
    assert [outcome for outcome, _, _ in bench.recorded()] == ["cut-off"]


def test_endless_interim_answers_are_a_broken_answer(bench: Any) -> None:
    connection = bench.idle()
    bench.balancer.set_policy("pinned:a")
    client = bench.client()
    client.data_received(GET)
    limit = Limits().interim
    connection.data_received(b"HTTP/1.1 103 Early Hints\r\n\r\n" * limit)
    assert bench.recorded() == []
    assert calls(lambda: connection.data_received(fill(b"HTTP/1.1 103 Early Hints\r\n\r\n"))) < CALLS
    assert [(outcome, status) for outcome, status, _ in bench.recorded()] == [("broken-answer", 502)]
    assert f"more than {limit} interim" in bench.recorded()[0][2]


def test_a_few_empty_lines_before_a_request_are_skipped_and_more_are_refused(bench: Any) -> None:
    client = bench.client()
    client.data_received(b"\r\n" * MAX_EMPTY_LINES + GET)
    assert len(bench.connector.asked) == 1
    other = bench.client()
    for _ in range(MAX_EMPTY_LINES):
        other.data_received(b"\r\n")
    assert other.transport.written == b""
    other.data_received(b"\r\n")
    assert other.transport.written.startswith(b"HTTP/1.1 400")
