"""Whatever the control API's description allows is answered as it says, and nothing is a 500."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from devenv.core.model.topology import Ports, StackSpec
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.wire.control.server import MAX_BODY
from tests.conftest import StartStack

ENDLESS = ("/stream",)
"""Streams of events, which have no end."""


NOT_MEANT: Any = [positive_data_acceptance]
"""That whatever the description allows is accepted: no schema names the policies and the rules."""


PAGE = ("/stack", "/dashboard", "/static")
"""Where the routes begin that only a whole stack has."""
NOT_CALLED = ("POST /stack/stop", "POST /dashboard/jobs", "POST /stack/pods/restart", "POST /dashboard/pods")
"""They end the stack, begin work of minutes, or restart pods for what hypothesis calls a setting."""


@pytest.fixture(scope="module")
def stack(start_stack: StartStack) -> EmbeddedStack:
    return start_stack(StackSpec(ports=Ports.free()))


def called(control: str, examples: int, wanted: Callable[[str], bool]) -> set[str]:
    """Call every operation that is ``wanted`` with what its description allows; gives which these are."""
    schema = schemathesis.openapi.from_url(control + "/openapi.json")
    seen = set()
    for described in schema.get_all_operations():
        operation: Any = described.ok()  # type: ignore[union-attr]
        name = f"{operation.method.upper()} {operation.path}"
        if operation.path in ENDLESS or not wanted(name):
            continue
        seen.add(name)

        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            if case.query and "wait" in case.query:
                case.query["wait"] = 0
            response = case.call()
            assert response.status_code not in (500, 501, 502, 504), response.text
            case.validate_response(response, excluded_checks=NOT_MEANT)

        check()
    return seen


def test_requests_made_from_the_description(with_gate: str) -> None:
    seen = called(with_gate, 6, lambda name: True)
    assert {"GET /exchanges", "GET /commands", "POST /rules", "POST /release", "POST /explore/run"} <= seen


def test_requests_made_from_the_description_of_a_whole_stack(stack: EmbeddedStack) -> None:
    def wanted(name: str) -> bool:
        return name.partition(" ")[2].startswith(PAGE) and name not in NOT_CALLED

    seen = called(stack.endpoints().control, 3, wanted)
    assert {
        "PUT /stack/pods",
        "POST /stack-events",
        "GET /dashboard/keys",
        "POST /dashboard/answer",
        "GET /static/{path}",
    } <= seen


@pytest.mark.parametrize(
    ("request_line", "body", "status", "detail"),
    [
        ("POST /stack/pods/restart", {"settings": {"a": {"A": "b\0"}}}, 400, "the value of A has a NUL"),
        ("POST /stack/pods/restart", {"settings": {"a": {"A=": "b"}}}, 400, "'A=' is no name of a variable"),
        ("PUT /stack/pods", {"pods": 3, "settings": {"c": {"\ud800": "b"}}}, 400, "is no text in UTF-8"),
        ("PUT /stack/pods", {"pods": 27}, 400, "27 pods"),
        ("POST /dashboard/pods", {"settings": {"CAPTCHA_TTL": "\0"}}, 400, "CAPTCHA_TTL has a NUL"),
        ("POST /dashboard/redis/a%01b", None, 400, "unknown Redis action 'a\\x01b'"),
        ("GET /dashboard/keys?db=1000", None, 409, "DB index is out of range"),
    ],
)  # fmt: skip
def test_what_cannot_be_changes_nothing(
    stack: EmbeddedStack, request_line: str, body: Any, status: int, detail: str
) -> None:
    method, _, path = request_line.partition(" ")
    before = [(pod.name, pod.pid, pod.state) for pod in stack.status().pods]
    sent = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    answer = httpx.request(method, stack.endpoints().control + path, content=sent, headers=headers)
    assert (answer.status_code, detail in answer.json()["detail"]) == (status, True), answer.text
    assert [(pod.name, pod.pid, pod.state) for pod in stack.status().pods] == before


@pytest.mark.parametrize("path", ["/exchanges", "/commands", "/held"])
@pytest.mark.parametrize("number", ["9223372036854775807", "1" + "0" * 400, "1" + "0" * 5000])
def test_a_huge_number_is_refused_as_one(with_gate: str, path: str, number: str) -> None:
    name = "known" if path == "/held" else "since"
    assert httpx.get(f"{with_gate}{path}", params={name: number}).status_code == 422


@pytest.mark.parametrize("path", ["/exchanges", "/commands"])
def test_the_largest_number_is_taken(with_gate: str, path: str) -> None:
    answer = httpx.get(f"{with_gate}{path}", params={"since": 2**53 - 1})
    assert (answer.status_code, answer.json()["last"]) == (200, 2**53 - 1)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"jobs": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"jobs": [{"seed": 1' + b"0" * 5000 + b"}]}",
        b'{"jobs": [{"a": Infinity}]}',
        b'{"jobs": [{"a": "\\ud800"}]}',
        b"\xff\xfe",
        b"",
    ],
)
@pytest.mark.parametrize("path", ["/explore/run", "/explore/scripts", "/rules", "/populate", "/release"])
def test_a_body_that_is_none_is_refused(with_gate: str, path: str, body: bytes) -> None:
    answer = httpx.post(with_gate + path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_long_is_refused(with_gate: str, declared: bool) -> None:
    size = MAX_BODY + 1

    def pieces() -> Any:
        for _ in range(size // 65536 + 1):
            yield b" " * 65536

    answer = httpx.post(with_gate + "/rules", content=b" " * size if declared else pieces())
    assert answer.status_code == 413
