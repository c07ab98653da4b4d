"""What passes through, against real uvicorn pods."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.sync.client import connect

from tests.support import HANG_GUARD_S, until

GET = b"GET /who HTTP/1.1\r\nHost: h\r\n\r\n"


def post(path: bytes, body: bytes, *fields: bytes) -> bytes:
    head = b"\r\n".join([b"POST %b HTTP/1.1" % path, b"Host: h", b"Content-Length: %d" % len(body), *fields])
    return head + b"\r\n\r\n" + body


def who(wire: Any, data: bytes = GET) -> str:
    wire.send(data)
    status, headers, body = wire.answer()
    assert status == 200
    pod = json.loads(body)["pod"]
    assert headers["x-served-by"] == pod
    return str(pod)[-1]


def test_round_robin_is_exact_over_connections_and_requests(front: Any) -> None:
    seen = ""
    for _ in range(3):
        with front.wire() as wire:
            seen += who(wire) + who(wire) + who(wire)
    assert seen == "ababababa"


def test_connections_to_pods_are_kept_and_clients_may_close(front: Any) -> None:
    for _ in range(5):
        with front.wire() as wire:
            wire.send(b"GET /who HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            _, headers, _ = wire.answer()
            assert headers["connection"] == "close"
            assert wire.rest() == b""
    idle = front.do(lambda: sum(len(pod.idle) for pod in front.proxy._pods.by_name.values()))
    assert idle == 2


def test_the_fields_that_are_added(front: Any) -> None:
    with front.wire() as wire:
        wire.send(
            b"GET /echo HTTP/1.1\r\nHost: my.host:81\r\nX-Request-Id: mine-1\r\nX-Forwarded-For: 10.0.0.9\r\n"
            b"X-Devenv-Pod: B\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Kept: 1\r\n\r\n"
        )
        _, headers, body = wire.answer()
    sent = dict(json.loads(body)["headers"])
    assert sent == {
        "host": "my.host:81",
        "x-request-id": "mine-1",
        "x-forwarded-for": "10.0.0.9, 127.0.0.1",
        "x-forwarded-proto": "http",
        "x-kept": "1",
    }
    assert (headers["x-request-id"], headers["x-served-by"]) == ("mine-1", "captcha-api-b")


def test_request_ids_are_made_and_differ(front: Any) -> None:
    with front.wire() as wire:
        made = []
        for _ in range(2):
            wire.send(GET)
            made.append(wire.answer()[1]["x-request-id"])
    assert len(set(made)) == 2 and all(len(one) == 32 for one in made)
    logged = [one.request_id for one in front.do(front.proxy.exchanges)]
    assert logged == made


def test_every_byte_alone(front: Any) -> None:
    body = b'{"a": 1}'
    with front.wire() as wire:
        for byte in post(b"/echo", body) + GET:
            wire.send(bytes((byte,)))
        assert json.loads(wire.answer()[2])["body"] == body.decode()
        assert wire.answer()[0] == 200


def test_pipelined_requests_are_answered_in_order(front: Any) -> None:
    with front.wire() as wire:
        wire.send(
            post(b"/echo", b"1") + GET + post(b"/echo", b"2") + b"GET /status/204 HTTP/1.1\r\nHost: h\r\n\r\n"
        )
        assert json.loads(wire.answer()[2])["body"] == "1"
        assert json.loads(wire.answer()[2])["pod"] == "captcha-api-b"
        assert json.loads(wire.answer()[2])["body"] == "2"
        assert wire.answer()[0] == 204


def as_length(body: bytes) -> bytes:
    return post(b"/echo", body)


def as_chunks(body: bytes) -> bytes:
    middle = len(body) // 2
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in (body[:middle], body[middle:]) if one)
    return b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(
    st.lists(
        st.tuples(st.sampled_from([as_length, as_chunks]), st.binary(max_size=60)), min_size=1, max_size=8
    ),
    st.lists(st.integers(0, 2000), max_size=12),
)
def test_any_requests_in_any_pieces_are_answered_in_order(
    front: Any, requests: list[tuple[Any, bytes]], cuts: list[int]
) -> None:
    data = b"".join(write(body) for write, body in requests)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    with front.wire() as wire:
        for begin, end in pairwise(places):
            wire.send(data[begin:end])
        for _, body in requests:
            assert json.loads(wire.answer()[2])["body"] == body.decode("latin-1")


def test_many_pipelined_requests_and_a_half_close(front: Any) -> None:
    with front.wire() as wire:
        wire.send(b"".join(post(b"/echo", b"%d" % number) for number in range(60)))
        wire.send_eof()
        bodies = [json.loads(wire.answer()[2])["body"] for _ in range(60)]
        assert bodies == [str(number) for number in range(60)]
        assert wire.rest() == b""


@pytest.mark.parametrize("size", [0, 1, 65_535, 3_000_000])
def test_bodies_with_a_length_both_ways(front: Any, size: int) -> None:
    with httpx.Client(base_url=front.url) as client:
        assert client.post("/upload", content=b"y" * size).json() == {"size": size}
        assert len(client.get("/big", params={"size": size}).content) == size


def test_chunked_bodies_both_ways_unchanged(front: Any) -> None:
    pieces = [b"%d-" % number * (number % 50 + 1) for number in range(200)]
    with httpx.Client(base_url=front.url) as client:
        answer = client.post("/stream", content=iter(pieces))
    assert answer.content == b"".join(pieces)
    assert answer.headers["transfer-encoding"] == "chunked"


def test_chunked_upload_byte_by_byte_with_a_pipelined_request_behind(front: Any) -> None:
    data = (
        b"POST /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;ext=1\r\nhello\r\n3\r\n\r\n0\r\n0\r\nX-Sum: 1\r\n\r\n"
    )
    with front.wire() as wire:
        for byte in data + GET:
            wire.send(bytes((byte,)))
        assert wire.json() == (200, {"size": 8})
        assert wire.json()[0] == 200


def test_an_http_1_0_client_gets_a_close_delimited_body(front: Any) -> None:
    with front.wire() as wire:
        wire.send(b"POST /stream HTTP/1.0\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello")
        head = wire.until(b"\r\n\r\n").lower()
        assert b"transfer-encoding" not in head and b"connection: close" in head
        assert wire.rest() == b"hello"


def test_an_http_1_0_client_may_keep_alive(front: Any) -> None:
    with front.wire() as wire:
        for _ in range(2):
            wire.send(b"GET /who HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            status, headers, _ = wire.answer()
            assert (status, headers["connection"]) == (200, "keep-alive")
        wire.send(b"GET /who HTTP/1.0\r\n\r\n")
        assert wire.answer()[0] == 200
        assert wire.rest() == b""


@pytest.mark.parametrize("code", [204, 304])
def test_answers_without_a_body(front: Any, code: int) -> None:
    with front.wire() as wire:
        wire.send(b"GET /status/%d HTTP/1.1\r\nHost: h\r\n\r\n" % code)
        assert wire.answer()[0] == code
        assert who(wire) == "b"


def test_head_has_the_length_but_no_body(front: Any) -> None:
    with front.wire() as wire:
        wire.send(b"HEAD /big?size=5000 HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b"content-length: 5000" in wire.until(b"\r\n\r\n").lower()
        assert who(wire) == "b"


def test_expect_100_continue(front: Any) -> None:
    with front.wire() as wire:
        wire.send(b"POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(b"hello")
        assert wire.json() == (200, {"size": 5})
        assert who(wire) == "b"


def test_a_final_answer_instead_of_100_continue_closes(front: Any) -> None:
    with front.wire() as wire:
        wire.send(b"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        status, headers, _ = wire.answer()
        assert (status, headers["connection"]) == (404, "close")
        assert wire.rest() == b""


def test_server_sent_events_come_one_by_one(front: Any, pods: Any) -> None:
    with front.wire() as wire:
        wire.send(b"GET /sse?events=3 HTTP/1.1\r\nHost: h\r\nX-Devenv-Pod: a\r\n\r\n")
        assert b"text/event-stream" in wire.until(b"\r\n\r\n")
        for number in range(3):
            pods[0].let_event_out(number)
            wire.until(b"data: %d\n\n" % number)
        wire.until(b"0\r\n\r\n")
        assert who(wire) == "a", "the connection goes on"


def test_a_client_that_leaves_a_stream_frees_the_pod(front: Any, pods: Any) -> None:
    wire = front.wire()
    wire.send(b"GET /sse?events=2000 HTTP/1.1\r\nHost: h\r\nX-Devenv-Pod: a\r\n\r\n")
    wire.until(b"\r\n\r\n")
    assert front.pods()["captcha-api-a"]["in_flight"] == 1
    wire.close()
    numbers = iter(range(2000))

    def freed() -> bool:
        pods[0].let_event_out(next(numbers))
        return bool(front.pods()["captcha-api-a"]["in_flight"] == 0)

    until(freed, "the stream ends")
    (exchange,) = front.do(front.proxy.exchanges)
    assert exchange.error == "the client closed the connection"


def test_websocket(front: Any) -> None:
    with connect(f"ws://127.0.0.1:{front.port}/ws") as socket:
        for number in range(50):
            socket.send(f"{number}")
            assert socket.recv() == f"echo {number}"
        assert front.pods()["captcha-api-a"]["in_flight"] == 1
        socket.send("x" * 500_000)
        assert len(socket.recv()) == 500_005
    (exchange,) = front.do(front.proxy.exchanges)
    assert (exchange.status, exchange.pod) == (101, "captcha-api-a")


def test_a_closed_websocket_frees_its_pod(front: Any) -> None:
    with connect(f"ws://127.0.0.1:{front.port}/ws"):
        pass
    until(lambda: front.pods()["captcha-api-a"]["in_flight"] == 0, "the tunnel ends")
    until(lambda: front.clients() == 0, "the client's connection ends")


def test_a_slow_reader_slows_the_pod_and_memory_stays_bounded(front: Any) -> None:
    size = 30_000_000
    with front.wire(receive_buffer=16_384) as wire:
        wire.send(b"GET /big?size=%d HTTP/1.1\r\nHost: h\r\nX-Devenv-Pod: a\r\n\r\n" % size)
        head = wire.until(b"\r\n\r\n")

        def held() -> int:
            (client,) = front.proxy._clients.by_number.values()
            return int(client.transport.get_write_buffer_size())

        def paused() -> bool:
            (client,) = front.proxy._clients.by_number.values()
            exchange = client._exchange
            return bool(exchange and exchange._upstream and exchange._upstream.read_paused)

        until(lambda: front.do(paused), "the pod is paused")
        assert front.do(held) < 1_000_000
        assert b"%d" % size in head
        assert wire.exactly(size) == b"x" * size
        assert who(wire) == "a", "the pod's connection reads again"


def test_a_slow_pod_slows_the_uploading_client(front: Any, scripted: Any, start_proxy: Any) -> None:
    import threading

    go_on = threading.Event()

    def script(connection: Any, number: int) -> None:
        connection.recv(1000)
        go_on.wait(10)
        received = 0
        while received < 20_000_000 - 100_000:
            received += len(connection.recv(1_000_000))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.recv(1_000_000)

    front = start_proxy([scripted(script).upstream])
    with front.wire() as wire:
        sending = threading.Thread(target=wire.send, args=(post(b"/upload", b"z" * 20_000_000),), daemon=True)
        sending.start()

        def paused() -> bool:
            return any(client._reading_paused for client in front.proxy._clients.by_number.values())

        until(lambda: front.do(paused), "the client is paused")
        go_on.set()
        assert wire.answer()[0] == 200
        sending.join(HANG_GUARD_S)
        assert not sending.is_alive()


def test_exchanges_tell_what_happened(front: Any) -> None:
    with front.wire() as wire:
        wire.send(post(b"/echo?x=1", b'{"challenge_id": "c1"}', b"Content-Type: application/json"))
        wire.answer()
        wire.send(b"GET /status/404 HTTP/1.1\r\nHost: h\r\nX-Devenv-Pod: a\r\n\r\n")
        wire.answer()
    first, second = front.do(front.proxy.exchanges)
    assert (first.seq, first.method, first.path, first.policy) == (1, "POST", "/echo?x=1", "round-robin")
    assert (first.pod, first.status, first.error) == ("captcha-api-a", 200, None)
    assert json.loads(first.request_body or "") == {"challenge_id": "c1"}
    assert json.loads(first.response_body or "")["method"] == "POST"
    assert first.client.startswith("127.0.0.1:") and first.duration_ms > 0
    assert (second.seq, second.policy, second.status) == (2, "pinned:captcha-api-a", 404)
    assert second.request_body is None
    assert [one.seq for one in front.do(lambda: front.proxy.exchanges(1))] == [2]


def test_bodies_in_pieces_are_in_the_exchange_too(front: Any) -> None:
    body = b'{"challenge_id": "c1"}'
    with front.wire() as wire:
        wire.send(b"POST /stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        for byte in body:
            wire.send(b"1\r\n%c\r\n" % byte)
        wire.send(b"0\r\n\r\n")
        wire.until(b"\r\n0\r\n\r\n")
    (exchange,) = front.do(front.proxy.exchanges)
    assert exchange.request_body == exchange.response_body == body.decode()
