"""An MCP server's sessions: lost on the other pod, ended by their client, or ended by the server itself."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from devenv.core.diagnosis.findings import Diagnosis
from devenv.core.diagnosis.stories import join
from devenv.core.diagnosis.trace_diagnosis import diagnose_joined
from devenv.core.model.events import Exchange, StackEvent, TraceEvent
from devenv.core.model.ids import SessionHeader
from devenv.core.model.mcp import MCP_SESSION, initialize, list_tools
from devenv.verbs.explain.explanation import explain_trace

from .conftest import A, B

SETTINGS = {"USE_REDIS": "false", "WORKERS": "1"}
PROFILE = StackEvent(0.0, "service", None, {"profile": json.dumps(MCP_SESSION.to_json())})
NO_SESSION = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "Session not found"}}
OLD_NO_SESSION = {"error": {"code": -32000, "message": "Bad Request: No valid session ID provided"}}


def exchange(seq: int, pod: str, body: Any, status: int, answer: Any, method: str = "POST") -> Exchange:
    sent = None if body is None else json.dumps(body)
    return Exchange(
        seq, f"r{seq}", "c", method, "/mcp", "pinned", pod, status, float(seq), 1.0, None, sent,
        json.dumps(answer), SessionHeader("abc123"),
    )  # fmt: skip


OPENED = exchange(1, A, initialize().body, 200, {"result": {"serverInfo": {}}})
USED = exchange(2, A, list_tools().body, 200, {"result": {"tools": []}})
ENDED = exchange(3, A, None, 200, None, "DELETE")


def refused(seq: int, pod: str, answer: Any = NO_SESSION, status: int = 404) -> Exchange:
    return exchange(seq, pod, list_tools().body, status, answer)


def diagnosed(*events: TraceEvent) -> tuple[Diagnosis, ...]:
    pods = [StackEvent(0.0, "pod", pod, SETTINGS) for pod in (A, B)]
    return diagnose_joined(join([PROFILE, *pods, *events]))


@pytest.mark.parametrize(("answer", "status"), [(NO_SESSION, 404), (OLD_NO_SESSION, 400)])
def test_a_session_is_lost_on_the_other_pod(answer: Any, status: int) -> None:
    [problem] = diagnosed(OPENED, USED, refused(4, B, answer, status))
    assert problem.cause == "pod-memory"
    assert "without sessions" in problem.change


def test_what_its_client_ended_is_not_lost() -> None:
    assert diagnosed(OPENED, USED, ENDED, refused(4, A)) == ()
    assert diagnosed(OPENED, USED, ENDED, refused(4, B)) == ()


def test_an_end_that_was_refused_ends_nothing() -> None:
    not_supported = exchange(3, A, None, 405, NO_SESSION, "DELETE")
    assert [problem.cause for problem in diagnosed(OPENED, not_supported, refused(4, B))] == ["pod-memory"]


def test_gone_on_its_own_pod_is_no_regression_of_a_switch_that_it_has_not() -> None:
    [problem] = diagnosed(OPENED, USED, refused(4, A))
    assert problem.cause == "unexplained"
    assert "idle time-out" in problem.sentence
    message = f"{problem.sentence} {problem.change}"
    assert not any(word in message for word in ("USE_REDIS", "Redis alone", "captcha "))
    assert "do not by themselves" in problem.change


PLAIN = "Invalid or missing session ID"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(("status", "answer"), [(404, json.dumps(NO_SESSION)), (400, PLAIN)])
def test_a_stream_or_an_end_that_the_other_pod_refuses_is_a_lost_session(
    method: str, status: int, answer: str
) -> None:
    asked = replace(exchange(2, B, None, status, None, method), response_body=answer)
    assert [problem.cause for problem in diagnosed(OPENED, asked)] == ["pod-memory"]


def test_a_refusal_for_another_reason_is_no_lost_session() -> None:
    asked = replace(exchange(2, B, None, 400, None), response_body="Invalid Content-Type header")
    assert diagnosed(OPENED, asked) == ()


@pytest.mark.parametrize("outcome", ["open", "client-closed"])
def test_a_stream_that_stays_open_is_no_request_that_hangs(outcome: str) -> None:
    stream = replace(
        exchange(2, A, None, 200, None, "GET"), response_body=None, duration_ms=9000.0, outcome=outcome
    )
    assert diagnosed(OPENED, stream) == ()
    explanation = explain_trace([PROFILE, OPENED, stream], "a trace").verdict
    assert explanation == "nothing wrong: 1 session, 1 use: 1 passed"
    [problem] = diagnosed(OPENED, replace(stream, status=499 if outcome == "client-closed" else 0))
    assert problem.cause == "unexplained"  # not even its head came


def test_a_restart_is_told_as_one() -> None:
    restart = StackEvent(3.0, "restart", A, {})
    assert [problem.cause for problem in diagnosed(OPENED, USED, restart, refused(4, A))] == ["pod-restart"]
