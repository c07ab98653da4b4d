"""The policies through real sockets, with the bug's own arithmetic: sessions in pod memory."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devenv.core.model.vocabulary import pod_names
from devenv.wire.proxy.control import router
from tests.support import until

PAIRS = 1000
CHALLENGES = count()
GET = b"GET /who HTTP/1.1\r\nHost: h\r\n%b\r\n"


@pytest.fixture(scope="module")
def five(pod_loop: Any, make_pod: Any) -> Any:
    """Five pods that remember what they created, each on its own."""
    started = []
    for name in pod_names(5):
        memory: set[str] = set()

        async def create(request: Request, memory: set[str] = memory) -> Response:
            challenge = request.query_params["id"]
            memory.add(challenge)
            return JSONResponse({"challenge_id": challenge})

        async def verify(request: Request, memory: set[str] = memory) -> Response:
            return JSONResponse({"found": request.query_params["id"] in memory})

        routes = [Route("/create", create, methods=["POST"]), Route("/verify", verify, methods=["POST"])]
        started.append(make_pod(name, routes))
    return [pod.upstream for pod in started]


def not_found_share(front: Any, *, keep_alive: bool) -> float:
    missed = 0

    def call(wire: Any, path: str, number: int) -> Any:
        wire.send(
            b"POST /%b?id=%d HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n" % (path.encode(), number)
        )
        status, _, body = wire.answer()
        assert status == 200
        return json.loads(body)

    kept = front.wire()
    for _ in range(PAIRS):
        number = next(CHALLENGES)
        answers = []
        for path in ("create", "verify"):
            if keep_alive:
                answers.append(call(kept, path, number))
            else:
                with front.wire() as wire:
                    answers.append(call(wire, path, number))
        missed += not answers[1]["found"]
    kept.close()
    return missed / PAIRS


@pytest.mark.parametrize(
    ("policy", "keep_alive", "share"),
    [
        ("random", True, 0.8),
        ("source-hash", True, 0.0),
        ("pinned:d", True, 0.0),
        ("per-connection", True, 0.0),
        ("per-connection", False, 0.8),
    ],
)
def test_the_share_of_lost_sessions(
    five: Any, start_proxy: Any, policy: str, keep_alive: bool, share: float
) -> None:
    measured = not_found_share(start_proxy(five, policy), keep_alive=keep_alive)
    assert abs(measured - share) <= (0.04 if share else 0)


def ask(front: Any, fields: bytes = b"") -> tuple[str, dict[str, str]]:
    with front.wire() as wire:
        wire.send(GET % fields)
        status, headers, _ = wire.answer()
    assert status == 200
    return headers["x-served-by"][-1], headers


def test_the_cookie_is_set_followed_and_replaced(front: Any) -> None:
    front.do(lambda: front.proxy.set_policy("cookie-sticky"))
    pod, headers = ask(front)
    assert headers["set-cookie"] == f"devenv_pod=captcha-api-{pod}; Path=/; HttpOnly; SameSite=Lax"
    for _ in range(3):
        again, headers = ask(front, b"Cookie: x=y; devenv_pod=captcha-api-b\r\n")
        assert again == "b" and "set-cookie" not in headers
    again, headers = ask(front, b"Cookie: devenv_pod=gone\r\n")
    assert headers["set-cookie"].startswith(f"devenv_pod=captcha-api-{again};")


def test_source_hash_takes_the_first_hop(front: Any) -> None:
    front.do(lambda: front.proxy.set_policy("source-hash"))
    homes = {n: ask(front, b"X-Forwarded-For: 10.0.0.%d, 10.9.9.9\r\n" % n)[0] for n in range(12)}
    assert set(homes.values()) == {"a", "b"}
    assert all(ask(front, b"X-Forwarded-For: 10.0.0.%d\r\n" % n)[0] == pod for n, pod in homes.items())


def test_a_pin_by_header_does_not_move_a_connection(front: Any) -> None:
    front.do(lambda: front.proxy.set_policy("per-connection"))
    with front.wire() as wire:

        def served(fields: bytes = b"") -> str:
            wire.send(GET % fields)
            return str(wire.answer()[1]["x-served-by"][-1])

        home = served()
        other = "b" if home == "a" else "a"
        assert served(b"X-Devenv-Pod: %b\r\n" % other.encode()) == other
        assert served() + served() == home * 2


def test_least_in_flight_avoids_the_busy_pod(front: Any, pods: Any) -> None:
    front.do(lambda: front.proxy.set_policy("least-in-flight"))
    with front.wire() as busy:
        busy.send(b"GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
        until(lambda: "/never" in pods[0].requests, "a is busy")
        assert [ask(front)[0] for _ in range(3)] == ["b"] * 3


def test_pods_may_be_replaced_while_running(start_proxy: Any, pods: Any) -> None:
    front = start_proxy([pods[0].upstream])
    with front.wire() as wire:
        wire.send(GET % b"")
        assert wire.answer()[1]["x-served-by"] == "captcha-api-a"
        front.do(lambda: front.proxy.set_upstreams([pod.upstream for pod in pods]))
        seen = ""
        for _ in range(4):
            wire.send(GET % b"")
            seen += wire.answer()[1]["x-served-by"][-1]
    assert seen == "abab"


# -- the control API


@pytest.fixture
def control(front: Any) -> Any:
    """The control routes on an application of their own, called in the proxy's loop."""
    app = FastAPI()
    app.include_router(router(front.proxy))
    transport = httpx.ASGITransport(app=app)

    def call(method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
                return await client.request(method, path, **options)

        result: httpx.Response = front.loop.call(send())
        return result

    return call


def test_control_lists_pods_and_sets_the_policy(front: Any, control: Any) -> None:
    listed = control("GET", "/pods").json()
    assert listed["policy"] == "round-robin"
    assert [(pod["name"], pod["state"]) for pod in listed["pods"]] == [
        ("captcha-api-a", "up"),
        ("captcha-api-b", "up"),
    ]
    changed = control("PUT", "/policy", json={"policy": "weighted:a=3,b=1"})
    assert changed.json()["policy"] == "weighted:captcha-api-a=3,captcha-api-b=1"
    assert "".join(ask(front)[0] for _ in range(4)) == "aaba"
    assert "per-connection" in control("GET", "/policy").json()["policies"]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"policy": "fastest"}, 400, "unknown policy 'fastest' (known policies: round-robin"),
        ({"policy": "pinned:z"}, 400, "unknown pod 'z' (pods: captcha-api-a, captcha-api-b)"),
        ({}, 422, "policy"),
        ({"policy": 5}, 422, "policy"),
    ],
)
def test_a_wrong_policy_changes_nothing(
    front: Any, control: Any, body: dict[str, Any], status: int, text: str
) -> None:
    answer = control("PUT", "/policy", json=body)
    assert answer.status_code == status and text in answer.text
    assert front.proxy.policy == "round-robin"


def test_control_gives_exchanges_page_by_page(front: Any, control: Any) -> None:
    for _ in range(5):
        ask(front)
    first = control("GET", "/exchanges", params={"limit": 3}).json()
    assert ([one["seq"] for one in first["exchanges"]], first["last"]) == ([1, 2, 3], 3)
    rest = control("GET", "/exchanges", params={"since": 3}).json()
    assert [one["seq"] for one in rest["exchanges"]] == [4, 5]
    assert rest["exchanges"][0]["kind"] == "exchange"
    assert control("GET", "/exchanges", params={"since": 5}).json() == {
        "exchanges": [],
        "last": 5,
        "latest": 5,
    }
    assert control("GET", "/exchanges", params={"since": -1}).status_code == 422
