"""Whatever the control API's description allows is answered as it says, and nothing is a 500."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from devenv.wire.control.server import MAX_BODY

ENDLESS = ("/stream",)
"""Streams of events, which have no end."""


NOT_MEANT: Any = [positive_data_acceptance]
"""That whatever the description allows is accepted: no schema names the policies and the rules."""


def test_requests_made_from_the_description(with_gate: str) -> None:
    schema = schemathesis.openapi.from_url(with_gate + "/openapi.json")
    seen = set()
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        if operation.path in ENDLESS:
            continue
        seen.add(f"{operation.method.upper()} {operation.path}")

        @settings(
            max_examples=6,
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
    assert {"GET /exchanges", "GET /commands", "POST /rules", "POST /release", "POST /explore/run"} <= seen


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
