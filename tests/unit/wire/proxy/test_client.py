"""A client's connection on a fake transport, with pods' connections on fake transports."""

from __future__ import annotations

import re
from typing import Any

import pytest

from devenv.wire.proxy.states import ClientState

A, B = "captcha-api-a", "captcha-api-b"
GET = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n"
UPGRADE = b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def state_of(machine: Any) -> ClientState:
    """By a call, as it changes behind the type checker's back."""
    state: ClientState = machine.state
    return state


def statuses(written: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", written)]


# -- each state


def test_it_begins_idle_and_registered(bench: Any) -> None:
    first, second = bench.client(), bench.client()
    assert (first.state, first.number, second.number) == (ClientState.IDLE, 1, 2)
    assert bench.registry.by_number == {1: first, 2: second}
    assert (first.peer, first.facts.client, second.facts.connection) == ("127.0.0.9:5000", "127.0.0.9", 2)


def test_a_head_in_pieces_then_an_exchange_then_idle_again(bench: Any) -> None:
    client, pod = bench.client(), bench.idle(A)
    client.data_received(GET[:9])
    assert state_of(client) is ClientState.RECEIVING_HEAD and pod.transport.written == b""
    client.data_received(GET[9:-1])
    assert state_of(client) is ClientState.RECEIVING_HEAD
    client.data_received(GET[-1:])
    assert state_of(client) is ClientState.EXCHANGE
    pod.data_received(OK)
    assert state_of(client) is ClientState.IDLE and statuses(client.transport.take()) == [200]


def test_the_last_answer_makes_it_linger_until_the_client_closes(bench: Any) -> None:
    client, pod = bench.client(), bench.idle(A)
    client.data_received(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    pod.data_received(OK)
    assert (client.state, client.transport.calls[-1]) == (ClientState.LINGERING, "write_eof")
    client.transport.take()
    client.data_received(GET)
    assert client.transport.take() == b"", "what comes now is dropped"
    assert client.eof_received() is False
    client.connection_lost(None)
    assert state_of(client) is ClientState.CLOSED and bench.registry.by_number == {}


def test_where_one_side_cannot_be_closed_alone_it_closes(bench: Any) -> None:
    client = bench.client(half_close=False)
    client.data_received(b"NONSENSE\r\n\r\n")
    assert (client.state, client.transport.calls[-1]) == (ClientState.CLOSED, "close")


def test_a_tunnel_takes_what_waited_and_all_that_comes(bench: Any) -> None:
    client, pod = bench.client(), bench.idle(A)
    client.data_received(UPGRADE + b"early")
    pod.transport.take()
    pod.data_received(SWITCH)
    assert state_of(client) is ClientState.TUNNEL and pod.transport.take() == b"early"
    client.data_received(GET)
    assert pod.transport.take() == GET
    client.pause_writing()
    assert pod.transport.calls[-1] == "pause_reading"
    client.resume_writing()
    assert client.eof_received() is True and pod.transport.calls[-1] == "write_eof"
    assert pod.eof_received() is False
    assert (client.state, client.transport.calls[-1]) == (ClientState.CLOSED, "close")
    assert bench.in_flight() == 0


def test_a_tunnel_whose_client_is_lost(bench: Any) -> None:
    client, pod = bench.client(), bench.idle(A)
    client.data_received(UPGRADE)
    pod.data_received(SWITCH)
    client.connection_lost(ConnectionResetError())
    assert (client.state, pod.transport.calls[-1], bench.in_flight()) == (ClientState.CLOSED, "abort", 0)
    assert [one.outcome for one in bench.log.since(0)] == ["answered"]


def test_a_lost_client_in_an_exchange_is_recorded(bench: Any) -> None:
    client, pod = bench.client(), bench.idle(A)
    client.data_received(GET)
    client.connection_lost(ConnectionResetError())
    assert (client.state, pod.transport.calls[-1]) == (ClientState.CLOSED, "abort")
    assert bench.recorded() == [("client-closed", 499, "the client closed the connection")]


# -- pipelining and bodies


def test_pipelined_requests_wait_and_are_answered_in_order(bench: Any) -> None:
    client, first, second = bench.client(), bench.idle(A), bench.idle(B)
    client.data_received(GET + GET + GET[:5])
    assert first.transport.written and not second.transport.written
    first.data_received(OK)
    assert second.transport.written and state_of(client) is ClientState.EXCHANGE
    second.data_received(OK.replace(b"200", b"201"))
    assert state_of(client) is ClientState.RECEIVING_HEAD
    assert statuses(client.transport.take()) == [200, 201]


def test_a_body_in_pieces_and_what_is_behind_it(bench: Any) -> None:
    client, first, second = bench.client(), bench.idle(A), bench.idle(B)
    client.data_received(POST + b"a")
    first.transport.take()
    client.data_received(b"bc")
    client.data_received(b"d" + GET)
    assert first.transport.take() == b"bcd"
    first.data_received(OK)
    assert second.transport.take().startswith(b"GET")


def test_many_waiting_bytes_pause_the_client_until_they_are_taken(make_bench: Any) -> None:
    bench = make_bench(buffer=100)
    client, pod = bench.client(), bench.idle(A)
    client.data_received(GET * 6)
    assert client.transport.calls[-1] == "pause_reading"
    pod.data_received(OK)
    assert "resume_reading" in client.transport.calls


def test_a_slow_reader_gets_no_further_answer_until_it_has_read(bench: Any) -> None:
    client, pod = bench.client(), bench.idle(A)
    client.data_received(GET + GET)
    client.pause_writing()
    assert pod.transport.calls[-1] == "pause_reading"
    pod.data_received(OK)
    assert state_of(client) is ClientState.IDLE, "the second waits"
    client.resume_writing()
    assert state_of(client) is ClientState.EXCHANGE


# -- the end of the client's side


def test_a_client_that_sends_no_more_gets_its_answers(bench: Any) -> None:
    client, first = bench.client(), bench.idle(A)
    client.data_received(GET + GET)
    bench.now += 3
    assert client.eof_received() is True
    assert client.open_exchange(bench.now).client_closed == 1003.0
    first.data_received(OK)
    bench.connector.succeed().data_received(OK)
    assert statuses(client.transport.written) == [200, 200]
    assert (client.state, client.transport.calls[-1]) == (ClientState.CLOSED, "close")
    assert {one.client_closed for one in bench.log.since(0)} == {1003.0}


def test_a_client_that_ends_in_the_middle_of_a_body_is_not_waited_for(bench: Any) -> None:
    client = bench.client()
    bench.idle(A)
    client.data_received(POST + b"a")
    assert client.eof_received() is False


def test_an_idle_client_that_ends_is_closed(bench: Any) -> None:
    assert bench.client().eof_received() is False


# -- refusals and limits


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n", 400),
        (b"GET / HTTP/3.0\r\n", 505),
    ],
)
def test_what_is_no_request_is_refused_and_nothing_behind_it_is_read(
    bench: Any, data: bytes, status: int
) -> None:
    client = bench.client()
    client.data_received(data + GET)
    assert statuses(client.transport.written) == [status] and state_of(client) is ClientState.LINGERING
    assert [(outcome, code) for outcome, code, _ in bench.recorded()] == [("refused", status)]
    assert bench.connector.asked == []


def test_a_body_that_breaks_is_refused_once(bench: Any) -> None:
    client = bench.client()
    bench.idle(A)
    client.data_received(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
    client.data_received(b"zzz\r\n" + GET)
    assert statuses(client.transport.written) == [400] and state_of(client) is ClientState.LINGERING


def test_the_time_limit_of_each_state(make_bench: Any) -> None:
    bench = make_bench(client=10.0, keepalive=20.0, linger=2.0)
    idle, partial, slow = bench.client(), bench.client(), bench.client()
    partial.data_received(GET[:5])
    slow.pause_writing()
    for client in (idle, partial, slow):
        client.check(bench.now + 9)
    assert [client.state for client in (idle, partial)] == [ClientState.IDLE, ClientState.RECEIVING_HEAD]
    bench.now += 11
    for client in (idle, partial, slow):
        client.check(bench.now)
    assert statuses(partial.transport.written) == [408] and state_of(partial) is ClientState.LINGERING
    assert slow.transport.calls[-1] == "abort" and state_of(idle) is ClientState.IDLE
    for client in (idle, partial):
        client.check(bench.now + 10)
    assert state_of(idle) is ClientState.CLOSED and idle.transport.calls[-1] == "close"
    assert partial.transport.calls[-1] == "abort", "it has lingered long enough"


def test_an_exchange_has_its_own_time_limit(make_bench: Any) -> None:
    bench = make_bench(response=5.0, keepalive=1.0)
    client = bench.client()
    bench.idle(A)
    client.data_received(GET)
    client.check(bench.now + 4)
    assert state_of(client) is ClientState.EXCHANGE
    bench.now += 6
    client.check(bench.now)
    assert statuses(client.transport.written) == [504] and state_of(client) is ClientState.IDLE


def test_an_open_tunnel_has_none(make_bench: Any) -> None:
    bench = make_bench(response=1.0, keepalive=1.0)
    client, pod = bench.client(), bench.idle(A)
    client.data_received(UPGRADE)
    pod.data_received(SWITCH)
    client.check(bench.now + 1000)
    assert state_of(client) is ClientState.TUNNEL and client.open_exchange(bench.now) is None


# -- the proxy closes


def test_shutting_down_ends_an_idle_one_and_lets_an_exchange_end(bench: Any) -> None:
    empty = []
    bench.registry.when_empty = lambda: empty.append(True)
    idle, busy, pod = bench.client(), bench.client(), bench.idle(A)
    busy.data_received(GET)
    for client in (idle, busy):
        client.shut_down()
    assert (idle.state, busy.state) == (ClientState.CLOSED, ClientState.EXCHANGE)
    pod.data_received(OK)
    assert b"Connection: close" in busy.transport.written and state_of(busy) is ClientState.LINGERING
    idle.connection_lost(None)
    assert empty == []
    busy.connection_lost(None)
    assert empty == [True]


def test_a_cut_off_answer_resets_the_client(bench: Any) -> None:
    client, pod = bench.client(), bench.idle(A)
    client.data_received(GET)
    pod.data_received(OK[:-1])
    pod.connection_lost(None)
    assert (client.state, client.transport.calls[-1]) == (ClientState.CLOSED, "abort")
    client.data_received(GET)
    client.check(bench.now + 1000)
    assert state_of(client) is ClientState.CLOSED


@pytest.mark.parametrize("begun", [False, True])
def test_what_the_proxy_itself_resets_is_no_client_that_closed(make_bench: Any, begun: bool) -> None:
    bench = make_bench(client=10.0)
    client, pod = bench.client(), bench.idle(A)
    client.data_received(GET)
    if begun:
        pod.data_received(OK[:-1])
        client.pause_writing()
        client.check(bench.now + 11)
    else:
        client.abort("the proxy was closed")
    assert client.transport.calls[-1] == "abort"
    client.connection_lost(None)
    reason = "the client read nothing for 10 s" if begun else "the proxy was closed"
    assert bench.recorded() == [("cut-off", 200 if begun else 0, reason)]
    assert bench.log.since(0)[0].client_closed is None and bench.in_flight() == 0
