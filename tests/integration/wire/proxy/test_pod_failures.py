"""Pods that are dead, slow or break in the middle of an answer; closing the proxy."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.wire.proxy.raw_http import GET, OK, POST, exchanges, read_request, reset
from tests.support import free_port, until


@pytest.fixture
def dead() -> Any:
    from devenv.wire.proxy import Upstream

    return Upstream("captcha-api-b", "127.0.0.1", free_port())


# -- dead pods


def test_a_dead_pod_is_skipped_and_no_request_is_lost(start_proxy: Any, pods: Any, dead: Any) -> None:
    front = start_proxy([pods[0].upstream, dead])
    with front.wire() as wire:
        for _ in range(6):
            wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
            status, headers, _ = wire.answer()
            assert (status, headers["x-served-by"]) == (200, "captcha-api-a")
    seen = front.pods()
    assert (seen["captcha-api-b"]["state"], seen["captcha-api-b"]["last_error"]) == (
        "down",
        "connection refused",
    )
    assert seen["captcha-api-a"]["served"] == 6


def test_all_dead_is_503_with_every_pod_and_reason(start_proxy: Any, dead: Any) -> None:
    from devenv.wire.proxy import Upstream

    other = Upstream("captcha-api-a", "127.0.0.1", free_port())
    front = start_proxy([other, dead])
    with front.wire() as wire:
        for _ in range(2):
            wire.send(GET)
            status, headers, body = wire.answer()
            assert status == 503 and "x-served-by" not in headers
            assert headers["server"] == "devenv-proxy"
            answer = json.loads(body)
            assert answer["pod"] is None
            for name in ("captcha-api-a", "captcha-api-b"):
                assert f"{name} (connection refused)" in answer["detail"]
    assert [one.status for one in front.do(front.proxy.exchanges)] == [503, 503]


def test_no_pods_at_all(start_proxy: Any) -> None:
    with start_proxy([]).wire() as wire:
        wire.send(GET)
        assert wire.json() == (
            503,
            {
                "detail": "no pod can be reached: there are no pods",
                "pod": None,
                "reason": "there are no pods",
            },
        )


@pytest.mark.parametrize("policy", ["round-robin", "pinned:b"])
def test_pinned_to_a_dead_pod_is_502_and_goes_nowhere_else(
    start_proxy: Any, pods: Any, dead: Any, policy: str
) -> None:
    pods[0].requests.clear()
    front = start_proxy([pods[0].upstream, dead], policy)
    with front.wire() as wire:
        wire.send(GET if policy.startswith("pinned") else GET[:-2] + b"X-Devenv-Pod: b\r\n\r\n")
        status, answer = wire.json()
    assert (status, answer["pod"]) == (502, "captcha-api-b")
    assert answer["detail"] == "pod captcha-api-b: connection refused"
    assert pods[0].requests == []


def test_an_unknown_pod_is_400_naming_the_pods(front: Any) -> None:
    with front.wire() as wire:
        wire.send(GET[:-2] + b"X-Devenv-Pod: z\r\n\r\n")
        status, answer = wire.json()
        assert status == 400
        assert answer["detail"] == "X-Devenv-Pod: unknown pod 'z'; pods: captcha-api-a, captcha-api-b"
        wire.send(GET)
        assert wire.json()[1]["pod"] == "captcha-api-a", "it has used up no turn"


def test_a_pod_that_comes_back_is_used_again_in_its_turn(start_proxy: Any, start_pod: Any) -> None:
    first, second = start_pod("captcha-api-a"), start_pod("captcha-api-b")
    front = start_proxy([first.upstream, second.upstream])

    def pods(count: int) -> str:
        with front.wire() as wire:
            seen = ""
            for _ in range(count):
                wire.send(GET)
                seen += wire.json()[1]["pod"][-1]
            return seen

    assert pods(4) == "abab"
    second.stop()
    assert pods(4) == "aaaa"
    start_pod("captcha-api-b", second.port)
    until(lambda: front.pods()["captcha-api-b"]["state"] == "up", "b is seen again")
    assert pods(4) == "baba"


def test_probe_tells_at_once(start_proxy: Any, start_pod: Any) -> None:
    first, second = start_pod("captcha-api-a"), start_pod("captcha-api-b")
    front = start_proxy([first.upstream, second.upstream], probe=3600.0)
    second.stop()
    front.loop.call(front.proxy.probe())
    assert front.pods()["captcha-api-b"]["state"] == "down"
    start_pod("captcha-api-b", second.port)
    front.loop.call(front.proxy.probe())
    assert front.pods()["captcha-api-b"]["state"] == "up"


def test_a_pod_that_does_not_accept_is_a_timeout(start_proxy: Any, pods: Any, start_pod: Any) -> None:
    from devenv.wire.proxy import Upstream

    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        upstream = Upstream("captcha-api-b", "127.0.0.1", full.getsockname()[1])
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        front = start_proxy([pods[0].upstream, upstream], connect=0.2)
        with front.wire() as wire:
            wire.send(GET[:-2] + b"X-Devenv-Pod: b\r\n\r\n")
            status, answer = wire.json()
            assert (status, answer["reason"]) == (504, "no connection within 0.2 s")
            wire.send(GET + GET)
            assert [wire.json()[1]["pod"] for _ in range(2)] == ["captcha-api-a"] * 2
        for filler in fillers:
            filler.close()


# -- pods that break in the middle


@pytest.mark.parametrize("request_", [GET, POST])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_fresh_connection_that_ends_before_an_answer_is_502_and_not_repeated(
    start_proxy: Any, scripted: Any, request_: bytes, how: str
) -> None:
    def script(connection: socket.socket, number: int) -> None:
        read_request(connection)
        if how == "reset":
            reset(connection)

    server = scripted(script)
    front = start_proxy([server.upstream])
    with front.wire() as wire:
        wire.send(request_)
        status, answer = wire.json()
    assert (status, answer["pod"]) == (502, "captcha-api-a")
    verb = "closed" if how == "close" else "reset"
    assert answer["reason"] == f"the connection was {verb} before an answer"
    assert server.connections == 1


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_kept_connection_that_ends_is_repeated_for_get_but_never_for_post(
    start_proxy: Any, scripted: Any, how: str
) -> None:
    seen: list[bytes] = []

    def script(connection: socket.socket, number: int) -> None:
        seen.append(read_request(connection))
        connection.sendall(OK)
        if number == 1 or number == 3:
            seen.append(read_request(connection))  # the next one on this connection dies
            if how == "reset":
                reset(connection)
            return
        read_request(connection)

    server = scripted(script)
    front = start_proxy([server.upstream], upstream_idle=60.0)
    with front.wire() as wire:
        for _ in range(2):
            wire.send(GET)
            assert wire.answer()[0] == 200
    assert server.connections == 2
    front.do(lambda: [pod.drop_idle() for pod in front.proxy._pods.by_name.values()])
    with front.wire() as wire:
        wire.send(POST)
        assert wire.answer()[0] == 200
        wire.send(POST)
        assert wire.answer()[0] == 502
    assert server.connections == 3
    assert sum(data.startswith(b"POST") for data in seen) == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "its answer is no HTTP: the response is not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "the connection was closed in the middle of the answer's head"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "its answer is no HTTP: the response has Content-Length together with Transfer-Encoding",
        ),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "it switched protocols without having been asked"),
    ],
)
def test_a_malformed_answer_is_502_with_the_reason(
    start_proxy: Any, scripted: Any, answer: bytes, reason: str
) -> None:
    def script(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(answer)

    front = start_proxy([scripted(script).upstream])
    with front.wire() as wire:
        wire.send(GET)
        status, body = wire.json()
    assert (status, body["pod"], body["reason"]) == (502, "captcha-api-a", reason)
    assert front.pods()["captcha-api-a"]["last_error"] == reason


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
            "the connection was closed in the middle of the answer",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nonly ",
            "the connection was closed in the middle of the answer",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nonly \r\nnonsense\r\n",
            "the pod's answer is no HTTP: a chunk size is malformed",
        ),
    ],
)
def test_a_cut_off_answer_never_looks_whole(
    start_proxy: Any, scripted: Any, answer: bytes, error: str
) -> None:
    def script(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(answer)

    front = start_proxy([scripted(script).upstream])
    for version in (b"1.1", b"1.0"):
        with front.wire() as wire:
            wire.send(GET.replace(b"1.1", version))
            with pytest.raises(ConnectionResetError):
                wire.rest()
    until(lambda: len(exchanges(front)) == 2, "both exchanges have ended")
    assert [one.error for one in exchanges(front)] == [error, error]


def test_an_answer_without_length_ends_with_its_connection(start_proxy: Any, scripted: Any) -> None:
    def script(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.0 200 OK\r\nA: 1\r\n\r\nhello ")
        connection.sendall(b"world")

    front = start_proxy([scripted(script).upstream])
    with front.wire() as wire:
        for _ in range(2):
            wire.send(GET)
            head = wire.until(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n") and b"Transfer-Encoding: chunked" in head
            text = b""
            while size := int(wire.until(b"\r\n"), 16):
                text += wire.exactly(size)
                wire.exactly(2)
            wire.exactly(2)
            assert text == b"hello world"
    with front.wire() as wire:
        wire.send(GET.replace(b"1.1", b"1.0"))
        wire.until(b"\r\n\r\n")
        assert wire.rest() == b"hello world"


def test_a_pod_that_does_not_answer_is_504(start_proxy: Any, start_pod: Any) -> None:
    pod = start_pod("captcha-api-a")
    front = start_proxy([pod.upstream], response=0.2)
    with front.wire() as wire:
        wire.send(b"POST /never HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
        status, answer = wire.json()
        assert (status, answer["pod"], answer["reason"]) == (504, "captcha-api-a", "no answer within 0.2 s")
        wire.send(GET)
        assert wire.answer()[0] == 200
    assert pod.requests == ["/never", "/who"]


def test_after_an_unannounced_close_behind_a_500_the_next_post_is_safe(front: Any, pods: Any) -> None:
    with front.wire() as wire:
        for _ in range(20):
            wire.send(b"GET /boom HTTP/1.1\r\nHost: h\r\n\r\n")
            assert wire.answer()[0] == 500
            wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            assert wire.answer()[0] == 200


def test_what_a_pod_sends_unasked_is_never_an_answer(start_proxy: Any, scripted: Any) -> None:
    def script(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
        connection.recv(1)

    server = scripted(script)
    front = start_proxy([server.upstream])
    with front.wire() as wire:
        for _ in range(3):
            wire.send(GET)
            assert wire.answer()[2] == b"ok"
    assert server.connections == 3


# -- the whole


def test_closing_lets_the_answer_on_its_way_end(start_proxy: Any, scripted: Any) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def script(connection: socket.socket, number: int) -> None:
        read_request(connection)
        asked.set()
        go_on.wait(10)
        connection.sendall(OK)
        connection.recv(1)

    import asyncio

    front = start_proxy([scripted(script).upstream])
    with front.wire() as wire, front.wire() as idle:
        wire.send(GET)
        assert asked.wait(10)
        closing = asyncio.run_coroutine_threadsafe(front.proxy.close(10.0), front.loop.loop)
        assert idle.rest() == b""
        go_on.set()
        status, headers, body = wire.answer()
        assert (status, headers["connection"], body) == (200, "close", b"ok")
        assert wire.rest() == b""
        closing.result(10)


def test_closing_breaks_off_what_does_not_end(start_proxy: Any, start_pod: Any) -> None:
    pod = start_pod("captcha-api-a")
    front = start_proxy([pod.upstream])
    with front.wire() as wire:
        wire.send(b"GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
        until(lambda: "/never" in pod.requests, "the pod has it")
        front.loop.call(front.proxy.close(grace=0.05))
        assert front.clients() == 0


def test_nothing_is_left_after_500_mixed_requests(start_proxy: Any, start_pod: Any, dead: Any) -> None:
    gone = replace(dead, name="captcha-api-c")
    # a close looks like a half-close, whose answer is still waited for: hence the short limit
    upstreams = [start_pod("captcha-api-a").upstream, start_pod("captcha-api-b").upstream, gone]
    front = start_proxy(upstreams, "random", probe=3600.0, response=0.5)
    kinds = [
        GET,
        b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
        GET[:-2] + b"X-Devenv-Pod: z\r\n\r\n",
        GET[:-2] + b"X-Devenv-Pod: c\r\n\r\n",
        b"GET /boom HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /big?size=100000 HTTP/1.0\r\n\r\n",
        b"POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\ncut",
        b"GET /never HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GE",
    ]
    for number in range(500):
        kind = kinds[number % len(kinds)]
        wire = front.wire()
        wire.send(kind)
        if number % len(kinds) < 6:
            wire.until(b"\r\n\r\n")
        wire.close()
    until(lambda: front.clients() == 0, "all clients are gone")
    until(lambda: all(pod["in_flight"] == 0 for pod in front.pods().values()), "nothing is in flight")
    background = 1  # the probe of the dead pod, which sleeps
    until(lambda: front.loop.tasks() <= background, "no tasks are left")
    held = front.do(lambda: sum(len(pod.idle) for pod in front.proxy._pods.by_name.values()))
    assert held <= 10
    front.loop.call(front.proxy.close())
    until(lambda: front.loop.tasks() == 0, "not even that")
