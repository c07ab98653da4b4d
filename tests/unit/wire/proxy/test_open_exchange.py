"""One exchange with a fake client, a fake connector and connections on fake transports."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devenv.wire.http.bodies import Malformed
from devenv.wire.http.heads import parse_request_head
from devenv.wire.proxy.failures import ConnectFailure, Failure
from devenv.wire.proxy.open_exchange import OpenExchange
from devenv.wire.proxy.states import ExchangeState

A, B = "captcha-api-a", "captcha-api-b"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSED = ConnectFailure(Failure.CONNECTION_FAILED, "connection refused")
SLOW = ConnectFailure(Failure.CONNECTION_TIMEOUT, "no connection within 2 s")


def state_of(machine: Any) -> ExchangeState:
    """By a call, as it changes behind the type checker's back."""
    state: ExchangeState = machine.state
    return state


class Play:
    """An exchange that was started, and its ends."""

    def __init__(
        self, bench: Any, method: str = "GET", *fields: str, body: bytes = b"", version: str = "1.1"
    ) -> None:
        lines = [f"{method} /x HTTP/{version}", "Host: h", *fields, "", ""]
        parsed = parse_request_head("\r\n".join(lines).encode())
        assert parsed is not None
        head, _ = parsed
        framing = head.body()
        self.bench = bench
        self.client = bench.fake_client()
        self.exchange = OpenExchange(self.client, bench.shared, head, framing)
        if framing is not None:
            framing.feed(body)
        self.exchange.start(body)

    @property
    def state(self) -> ExchangeState:
        return self.exchange.state

    def answer(self) -> tuple[int, Any]:
        """Status and JSON of what the proxy answered itself."""
        head, _, body = self.client.written.partition(b"\r\n\r\n")
        assert b"Server: devenv-proxy" in head
        return int(head.split()[1]), json.loads(body)


# -- choosing and connecting


def test_an_idle_connection_is_used_at_once(bench: Any) -> None:
    connection = bench.idle(A)
    play = Play(bench)
    assert (play.state, play.exchange.pod) == (ExchangeState.AWAITING_RESPONSE, bench.pod(A))
    sent = connection.transport.take()
    assert sent.startswith(b"GET /x HTTP/1.1\r\nHost: h\r\nX-Request-Id: p") and sent.endswith(b"\r\n\r\n")
    assert bench.in_flight() == 1 and bench.connector.asked == []


def test_without_one_it_connects_and_sends_what_came_meanwhile(bench: Any) -> None:
    play = Play(bench, "POST", "Content-Length: 4", body=b"ab")
    assert state_of(play) is ExchangeState.CONNECTING
    assert play.exchange.feed_body(b"cd") == 2
    play.exchange.send_body(b"cd")
    connection = bench.connector.succeed()
    assert state_of(play) is ExchangeState.AWAITING_RESPONSE
    assert connection.transport.take().endswith(b"\r\n\r\nabcd")
    assert play.client.calls == ["resume_reading"]


def test_much_that_waits_for_a_connection_pauses_the_client(make_bench: Any) -> None:
    bench = make_bench(buffer=10)
    play = Play(bench, "POST", "Content-Length: 100", body=b"")
    play.exchange.feed_body(b"x" * 11)
    play.exchange.send_body(b"x" * 11)
    assert play.client.calls == ["pause_reading"]


def test_a_pod_out_of_reach_is_passed_over(bench: Any) -> None:
    play = Play(bench)
    bench.connector.fail(REFUSED)
    assert (play.state, play.exchange.pod) == (ExchangeState.CONNECTING, bench.pod(B))
    assert bench.balancer.in_flight == {A: 0, B: 1}
    bench.connector.succeed().data_received(OK)
    assert bench.recorded() == [("answered", 200, None)]


def test_all_out_of_reach_is_503_with_each_reason(bench: Any) -> None:
    play = Play(bench)
    bench.connector.fail(REFUSED)
    bench.connector.fail(SLOW)
    reason = f"{A} (connection refused), {B} (no connection within 2 s)"
    assert play.answer() == (
        503,
        {"detail": f"no pod can be reached: {reason}", "pod": None, "reason": reason},
    )
    assert (play.state, bench.recorded()) == (ExchangeState.ENDED, [("no-pod", 503, reason)])
    assert play.client.calls == ["ended"] and bench.in_flight() == 0


@pytest.mark.parametrize(("failure", "status"), [(REFUSED, 502), (SLOW, 504)])
@pytest.mark.parametrize("pinned", ["header", "policy"])
def test_a_pinned_pod_out_of_reach_has_a_status_by_its_kind(
    make_bench: Any, failure: ConnectFailure, status: int, pinned: str
) -> None:
    bench = make_bench("pinned:b" if pinned == "policy" else "round-robin")
    play = Play(bench, "GET", *(["X-Devenv-Pod: b"] if pinned == "header" else []))
    bench.connector.fail(failure)
    assert play.answer() == (
        status,
        {"detail": f"pod {B}: {failure.reason}", "pod": B, "reason": failure.reason},
    )
    assert bench.recorded() == [("no-connection", status, failure.reason)]
    assert bench.connector.asked == [] and bench.in_flight() == 0


def test_an_unknown_pod_is_refused_before_a_choice(bench: Any) -> None:
    play = Play(bench, "GET", "X-Devenv-Pod: z")
    assert play.answer()[0] == 400 and bench.recorded() == [("refused", 400, "unknown pod")]
    assert bench.in_flight() == 0 and bench.connector.asked == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"220 smtp ready\r\n", "it sent data before it was sent a request"),
        (None, "the connection was closed before an answer"),
    ],
)
def test_a_connection_that_is_lost_before_it_is_used_is_502_at_once(
    bench: Any, transport: Any, data: bytes | None, reason: str
) -> None:
    from devenv.wire.proxy.upstream import UpstreamConnection

    Play(bench)
    pod, waiter = bench.connector.asked.pop()
    connection = UpstreamConnection(pod)
    connection.connection_made(transport)
    if data is None:
        connection.eof_received()
    else:
        connection.data_received(data)
    waiter.connected(connection)
    assert bench.recorded() == [("broken-answer", 502, reason)]
    assert bench.in_flight() == 0


# -- the response


@pytest.mark.parametrize("cut", range(1, len(OK)))
def test_a_response_in_two_pieces_is_passed_on_whole(bench: Any, cut: int) -> None:
    connection = bench.idle(A)
    play = Play(bench)
    connection.data_received(OK[:cut])
    connection.data_received(OK[cut:])
    head, _, body = play.client.written.partition(b"\r\n\r\n")
    assert body == b"ok" and b"X-Served-By: captcha-api-a" in head and head.count(b"HTTP/1.1") == 1
    assert (play.state, play.client.calls) == (ExchangeState.ENDED, ["ended"])
    assert bench.pod(A).idle == [connection] and bench.in_flight() == 0


def test_the_state_while_a_body_is_passed_on(bench: Any) -> None:
    connection = bench.idle(A)
    play = Play(bench)
    connection.data_received(OK[:-1])
    assert (play.state, play.exchange.status) == (ExchangeState.RESPONDING, 200)


def test_interim_responses_go_on_and_the_final_one_ends_it(bench: Any) -> None:
    connection = bench.idle(A)
    play = Play(bench)
    connection.data_received(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
    assert play.client.written == b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert state_of(play) is ExchangeState.AWAITING_RESPONSE
    connection.data_received(OK)
    assert state_of(play) is ExchangeState.ENDED and bench.pod(A).idle == [connection]


def test_an_http_1_0_client_gets_no_interim_response(bench: Any) -> None:
    connection = bench.idle(A)
    play = Play(bench, version="1.0")
    connection.data_received(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert play.client.written == b""


# -- when a connection to a pod may carry another request


@pytest.mark.parametrize(
    ("method", "response"),
    [
        ("POST", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("POST", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
        ("POST", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("POST", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
        ("POST", b"HTTP/1.1 204 No Content\r\nContent-Length: none\r\n\r\n"),
        ("POST", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: gzip\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("GET", b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n" + OK),
        ("GET", b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + OK),
        ("GET", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("GET", OK + b"more"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\nmore"),
        ("GET", b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        ("GET", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
def test_a_connection_that_may_hold_more_bytes_is_not_used_again(
    bench: Any, method: str, response: bytes
) -> None:
    connection = bench.idle(A)
    play = Play(bench, method)
    connection.data_received(response)
    assert state_of(play) is ExchangeState.ENDED and bench.recorded()[0][0] == "answered"
    assert bench.pod(A).idle == [] and connection.transport.calls[-1] == "abort"
    final = play.client.written.rpartition(b"HTTP/1.1 ")[2].lower()
    if final.startswith(b"204"):
        assert b"content-length" not in final and b"transfer-encoding" not in final
    assert play.client.calls == ["ended"], "the client's own connection goes on"


@pytest.mark.parametrize(
    ("method", "response"),
    [
        ("POST", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("POST", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
        ("GET", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
    ],
)
def test_a_connection_that_is_clean_is_used_again(bench: Any, method: str, response: bytes) -> None:
    connection = bench.idle(A)
    Play(bench, method)
    connection.data_received(response)
    assert bench.pod(A).idle == [connection]


@pytest.mark.parametrize("where", ["the rest has not come", "the rest was not sent"])
def test_nor_is_one_that_answered_before_it_had_the_whole_request(bench: Any, where: str) -> None:
    connection = bench.idle(A)
    partial = where == "the rest has not come"
    play = Play(bench, "POST", "Content-Length: 4", body=b"ab" if partial else b"abcd")
    connection.transport.buffered = 2
    connection.data_received(OK)
    assert bench.pod(A).idle == []
    assert play.client.calls == ["ended, close" if partial else "ended"]
    assert (b"Connection: close" in play.client.written) is partial


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (b"SSH-2.0-x\r\n", "its answer is no HTTP: the response is not HTTP/1.1"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "its answer is no HTTP: the response has Content-Length together with Transfer-Encoding",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "its answer is no HTTP: two different Content-Length",
        ),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "it switched protocols without having been asked"),
    ],
)
def test_an_ambiguous_response_is_502_and_closes_the_pods_connection(
    bench: Any, response: bytes, reason: str
) -> None:
    connection = bench.idle(A)
    play = Play(bench)
    connection.data_received(response)
    assert play.answer() == (502, {"detail": f"pod {A}: {reason}", "pod": A, "reason": reason})
    assert bench.recorded() == [("broken-answer", 502, reason)]
    assert connection.transport.calls[-1] == "abort" and bench.pod(A).last_error == reason


# -- losses


def test_a_get_on_a_kept_connection_is_sent_once_more(bench: Any) -> None:
    connection = bench.idle(A)
    play = Play(bench)
    connection.connection_lost(None)
    assert (play.state, [pod.name for pod, _ in bench.connector.asked]) == (ExchangeState.CONNECTING, [A])
    again = bench.connector.succeed()
    assert again.transport.take().startswith(b"GET /x ")
    again.connection_lost(None)
    assert bench.recorded() == [("broken-answer", 502, "the connection was closed before an answer")]
    assert bench.in_flight() == 0


@pytest.mark.parametrize("exc", [None, ConnectionResetError()])
def test_a_post_is_never_sent_again(bench: Any, exc: Exception | None) -> None:
    connection = bench.idle(A)
    Play(bench, "POST", "Content-Length: 2", body=b"hi")
    connection.connection_lost(exc)
    verb = "closed" if exc is None else "reset"
    assert bench.recorded() == [("broken-answer", 502, f"the connection was {verb} before an answer")]
    assert bench.connector.asked == []


@pytest.mark.parametrize(
    ("sent", "client", "recorded"),
    [
        (
            b"HTTP/1.1 200 O",
            "ended",
            ("broken-answer", 502, "the connection was closed in the middle of the answer's head"),
        ),
        (OK[:-1], "break_off", ("cut-off", 200, "the connection was closed in the middle of the answer")),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokXX",
            "break_off",
            ("cut-off", 200, "the pod's answer is no HTTP: a chunk is longer than its size says"),
        ),
    ],
)
def test_a_response_that_breaks_off(
    bench: Any, sent: bytes, client: str, recorded: tuple[str, int, str]
) -> None:
    connection = bench.idle(A)
    play = Play(bench)
    connection.data_received(sent)
    connection.data_received(b"\n") if b"chunked" in sent else connection.connection_lost(None)
    assert (play.client.calls, bench.recorded()) == ([client], [recorded])
    assert bench.in_flight() == 0


def test_a_body_without_length_ends_with_its_connection(bench: Any) -> None:
    connection = bench.idle(A)
    play = Play(bench)
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\nhello")
    connection.eof_received()
    assert play.client.written.endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    assert bench.recorded() == [("answered", 200, None)] and bench.pod(A).idle == []


def test_a_broken_request_body_is_refused_or_cuts_the_response_off(bench: Any) -> None:
    for begun in (b"", OK[:-1]):
        connection = bench.idle(A)
        play = Play(bench, "POST", "Content-Length: 4", "X-Devenv-Pod: a", body=b"ab")
        connection.data_received(begun) if begun else None
        play.exchange.broken_body(Malformed("a chunk size is malformed"))
        assert connection.transport.calls[-1] == "abort"
    assert bench.recorded() == [
        ("refused", 400, "a chunk size is malformed"),
        ("cut-off", 200, "a chunk size is malformed"),
    ]


# -- a client that leaves


@pytest.mark.parametrize("when", ["connecting", "waiting", "responding"])
def test_a_client_that_is_gone_ends_it_in_every_state(bench: Any, when: str) -> None:
    connection = None if when == "connecting" else bench.idle(A)
    play = Play(bench)
    if connection is not None and when == "responding":
        connection.data_received(OK[:-1])
    play.client.closed_at = bench.now = bench.now + 2
    play.exchange.client_gone(None)
    play.exchange.client_gone(None)
    status = 200 if when == "responding" else 499
    assert bench.recorded() == [("client-closed", status, "the client closed the connection")]
    assert bench.log.since(0)[0].client_closed == 1002.0
    assert bench.in_flight() == 0 and state_of(play) is ExchangeState.ENDED
    if connection is not None:
        assert connection.transport.calls[-1] == "abort"
    else:
        unused = bench.connector.succeed()
        assert bench.pod(A).idle == [unused] and unused.transport.written == b""


def test_a_connection_that_fails_after_the_client_has_gone_changes_nothing(bench: Any) -> None:
    play = Play(bench)
    play.exchange.client_gone(None)
    bench.connector.fail(REFUSED)
    assert len(bench.recorded()) == 1 and bench.in_flight() == 0


# -- time limits


def test_a_pod_that_does_not_answer_in_time_is_504(make_bench: Any) -> None:
    bench = make_bench(response=60.0)
    connection = bench.idle(A)
    play = Play(bench)
    play.exchange.check(bench.now + 60)
    assert state_of(play) is ExchangeState.AWAITING_RESPONSE
    bench.now += 61
    play.exchange.check(bench.now)
    assert bench.recorded() == [("no-answer", 504, "no answer within 60 s")]
    assert play.answer()[0] == 504 and connection.transport.calls[-1] == "abort"


def test_a_client_that_does_not_send_the_rest_in_time_is_408(make_bench: Any) -> None:
    bench = make_bench(client=10.0)
    bench.idle(A)
    play = Play(bench, "POST", "Content-Length: 4", body=b"ab")
    play.exchange.check(bench.now + 11)
    assert bench.recorded() == [("refused", 408, "the rest of the request did not come within 10 s")]
    assert play.client.calls == ["ended, close"]


def test_neither_limit_counts_while_connecting_or_responding(make_bench: Any) -> None:
    bench = make_bench(response=1.0)
    play = Play(bench)
    play.exchange.check(bench.now + 100)
    connection = bench.connector.succeed()
    connection.data_received(OK[:-1])
    play.exchange.check(bench.now + 100)
    assert state_of(play) is ExchangeState.RESPONDING


# -- switching protocols


def test_101_hands_both_ends_to_a_tunnel(bench: Any) -> None:
    connection = bench.idle(A)
    play = Play(bench, "GET", "Connection: Upgrade", "Upgrade: x")
    connection.data_received(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nfirst"
    )
    assert play.client.written.endswith(b"\r\n\r\nfirst") and b"Upgrade: x\r\n" in play.client.written
    assert (play.state, play.client.calls) == (ExchangeState.ENDED, ["tunnel"])
    assert bench.recorded() == [("answered", 101, None)] and bench.in_flight() == 1
    connection.data_received(b"second")
    assert play.client.written.endswith(b"firstsecond")
    bench.pods.set_upstreams([])
    play.client.tunnel.client_gone()
    assert bench.in_flight() == 0, "also where the pods were replaced meanwhile"


# -- the record


def test_what_is_recorded_of_an_open_one(bench: Any) -> None:
    from devenv.core.model.events import ExchangeOutcome

    bench.shared.epoch_minus_clock = 5000.0
    bench.idle(A)
    play = Play(bench, "POST", "Content-Length: 8", "X-Request-Id: r-1", body=b'{"a": 1}')
    play.client.closed_at = bench.now + 1
    exchange = play.exchange.record(ExchangeOutcome.OPEN, None, bench.now + 2.5).exchange(0)
    assert (exchange.request_id, exchange.pod, exchange.status, exchange.outcome) == ("r-1", A, 0, "open")
    assert (exchange.started, exchange.duration_ms, exchange.client_closed) == (6000.0, 2500.0, 6001.0)
    assert exchange.request_body == '{"a": 1}' and exchange.response_body is None
