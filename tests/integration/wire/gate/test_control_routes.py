"""The control API on a running gate."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from devenv.wire.gate.control import router
from tests.support import HANG_GUARD_S

Ask = Callable[..., Any]


@pytest.fixture
def api(gate: Any) -> Ask:
    """Ask the gate's routes, in the gate's loop: (method, path, body or parameters) -> the answer's JSON."""
    app = FastAPI()
    app.include_router(router(gate.gate))

    def ask(method: str, path: str, status: int = 200, **what: Any) -> Any:
        async def go() -> Any:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
                response = await http.request(method, path, **what)
                assert response.status_code == status, response.text
                return response.json()

        return gate.wait(go())

    return ask


def test_rules_are_put_and_taken_idempotently(api: Ask) -> None:
    rule = {"action": "hold", "command": "get", "pod": "b"}
    first = api("POST", "/rules", json=rule)
    assert first["id"] == "hold:GET:pod=b:10s"
    assert first["command"] == "GET"
    assert api("POST", "/rules", json=rule) == first
    assert api("GET", "/rules") == {"rules": [first]}
    assert api("POST", "/rules", json={**rule, "id": "mine", "nth": 2})["id"] == "mine"
    for _ in range(2):
        left = api("DELETE", "/rules", params={"id": "mine"})
        assert [one["id"] for one in left["rules"]] == [first["id"]]
    assert api("DELETE", "/rules") == {"rules": []}
    assert api("POST", "/rules", json=first | {"matched": 1}, status=400)["detail"].startswith("rule.matched")


def test_populate_is_all_or_nothing(api: Ask) -> None:
    rules = [{"action": "drop-reply", "id": "x"}, {"action": "delay", "seconds": 1, "id": "y"}]
    for _ in range(2):
        populated = api("POST", "/populate", json={"rules": rules})
        assert [rule["id"] for rule in populated["rules"]] == ["x", "y"]
    wrong = api("POST", "/populate", json={"rules": [rules[0], {"action": "boom"}]}, status=400)
    assert wrong["detail"].startswith("rules[1].action is 'boom' (one of delay, drop-request")
    assert api("GET", "/rules") == populated
    assert api("POST", "/populate", json={"rules": []}) == {"rules": []}
    api("POST", "/populate", json={"rulez": []}, status=422)


def test_held_and_release(api: Ask, gate: Any) -> None:
    api("POST", "/populate", json={"rules": [{"action": "hold", "command": "SET"}]})
    with ThreadPoolExecutor() as pool:
        setting = pool.submit(gate.client("captcha-api-b").set, "k", "v")
        gate.held(1)
        [held] = api("GET", "/held")["held"]
        assert (held["pod"], held["command"], held["key"]) == ("captcha-api-b", "SET", "k")
        assert (held["direction"], held["rule"]) == ("request", "hold:SET:10s")
        assert held["until"] == held["since"] + 10
        assert api("POST", "/release", json={"pod": "a"}) == {"released": []}
        assert api("POST", "/release", json={"seq": held["seq"]}) == {"released": [held]}
        assert api("POST", "/release", json={"seq": held["seq"]}) == {"released": []}
        assert setting.result(HANG_GUARD_S)
        again = pool.submit(gate.client().set, "k", "w")
        gate.held(1)
        assert len(api("POST", "/reset")["released"]) == 1
        assert again.result(HANG_GUARD_S)
    assert api("POST", "/reset") == {"released": [], "closed": []}
    api("POST", "/release", json={"then": "explode"}, status=422)


def test_waiting_for_the_next_hold(api: Ask, gate: Any) -> None:
    known = api("GET", "/held")["changes"]
    assert api("GET", "/held", params={"known": known, "wait": 0.01}) == {"held": [], "changes": known}
    gate.rules({"action": "hold"})
    with ThreadPoolExecutor() as pool:
        getting = pool.submit(gate.client().get, "k")
        answer = api("GET", "/held", params={"known": known, "wait": 5})
        assert [held["command"] for held in answer["held"]] == ["GET"]
        api("POST", "/release", json={})
        getting.result(HANG_GUARD_S)


def test_commands_are_paged(api: Ask, gate: Any) -> None:
    client = gate.client()
    for number in range(5):
        client.set(f"k{number}", number)
    seen, since = [], 0
    while True:
        page = api("GET", "/commands", params={"since": since, "limit": 2})
        assert page["oldest"] == 1
        if not page["commands"]:
            break
        assert page["last"] == page["commands"][-1]["seq"]
        seen += [one for one in page["commands"] if one["fate"] == "passed"]
        since = page["last"]
    assert [one["key"] for one in seen] == [f"k{number}" for number in range(5)]
    assert {one["kind"] for one in seen} == {"redis"}
    assert (page["last"], page["latest"]) == (since, since)


def test_status(api: Ask, gate: Any) -> None:
    gate.client().ping()
    status = api("GET", "/gate")
    assert [(pod["pod"], pod["port"], pod["open"]) for pod in status["pods"]] == [
        ("captcha-api-a", gate.ports["captcha-api-a"], 1),
        ("captcha-api-b", gate.ports["captcha-api-b"], 0),
    ]
    assert status["upstream"].startswith("127.0.0.1:")


def test_a_pod_moves_to_a_new_port(gate: Any) -> None:
    before = gate.client()
    before.ping()
    gate.ports["captcha-api-a"] = gate.wait(gate.gate.listen("captcha-api-a"))
    assert before.ping() and gate.client().ping()


def test_a_taken_port_is_an_os_error(gate: Any) -> None:
    with pytest.raises(OSError):
        gate.wait(gate.gate.listen("captcha-api-c", "127.0.0.1", gate.ports["captcha-api-a"]))
