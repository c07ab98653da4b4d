"""The records of the orders that an exploration found, and its report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from devenv.core.model.events import Exchange, RedisCommand, StackEvent
from devenv.core.model.topology import Endpoints, PodStatus, StackSpec, StackStatus
from devenv.harness.runs.folders import REPORT, TRACE, Run
from devenv.harness.runs.trace import read_numbered
from devenv.verbs.explore.kept import ORDER, ShownOrder, keep, trace
from devenv.verbs.explore.report import document
from tests.unit.verbs.explore.test_summary import FAILS, FOUND, HOLDS

NAMES = ("captcha-api-a", "captcha-api-b")
PODS = tuple(PodStatus(name, "running", {"USE_REDIS": "true"}) for name in NAMES)
STATUS = StackStatus(
    "embedded",
    StackSpec(),
    Endpoints("http://t", "http://c", "http://m", "127.0.0.1", 6379),
    PODS,
    "redis",
    "7",
    "running",
)
KEY = "rcaptcha:abstract:3f2a"
EXCHANGE = Exchange(
    1, "r-V1", "explore", "POST", "/api/abstract-verify", "explore, past the proxy", "captcha-api-a",
    200, 10.0, 3.0, request_body='{"challenge_id":"3f2a"}',
    response_body='{"success":true}', outcome="answered",
)  # fmt: skip
COMMAND = RedisCommand(7, "captcha-api-a", 1, "GET", (KEY,), KEY, '{"attempts": 0}', 10.001, 10.002)
LATER = (replace(EXCHANGE, started=20.0), replace(COMMAND, seq=9, received=20.001, answered=20.002))
ORDERS = (
    ShownOrder("double-success", "v1 V1:GET", (EXCHANGE, COMMAND)),
    ShownOrder("lost-attempt", "v1 V2:GET", LATER),
)


def test_the_trace_has_the_stack_then_each_order_with_its_name() -> None:
    events = trace(STATUS, ORDERS)
    pods = [event for event in events if isinstance(event, StackEvent) and event.what == "pod"]
    assert [event.pod for event in pods] == [*NAMES]
    rest = [event for event in events if event not in pods]
    assert rest == [
        StackEvent(10.0, ORDER, None, {"kind": "double-success", "order": "v1 V1:GET"}),
        EXCHANGE,
        COMMAND,
        StackEvent(20.0, ORDER, None, {"kind": "lost-attempt", "order": "v1 V2:GET"}),
        replace(LATER[0], seq=2),
        LATER[1],
    ]


def test_what_was_run_is_in_the_trace_and_in_the_lanes_of_the_report(tmp_path: Path) -> None:
    keep(Run(tmp_path), STATUS, ORDERS, document(FAILS))
    assert [event for _, event in read_numbered(tmp_path / TRACE)] == trace(STATUS, ORDERS)
    page = (tmp_path / REPORT).read_text(encoding="utf-8")
    assert 'id="walk"' in page
    assert KEY in page
    assert FOUND.sentence in page
    assert FOUND.reproduce is not None
    assert FOUND.reproduce in page
    assert "1 kind of violation in 36 traces" in page


def test_without_a_violation_there_is_a_report_and_no_trace(tmp_path: Path) -> None:
    keep(Run(tmp_path), STATUS, (), document(HOLDS))
    assert [path.name for path in tmp_path.iterdir()] == [REPORT]
    page = (tmp_path / REPORT).read_text(encoding="utf-8")
    assert "no violation in all 6 traces" in page
    assert "that there is no other is the model" in page
    assert 'id="walk"' not in page
