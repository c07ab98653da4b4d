"""How a stack stood, and since when: from its status, its journal and what the gate saw of Redis."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devenv.core.balancers.own_rules import Aspect, rules_of_text
from devenv.core.model.events import BALANCER_FILE, StackEvent
from devenv.core.model.topology import Endpoints, PodStatus, StackSpec, StackStatus
from devenv.harness.runs.stack_state import stack_events, state_before

A, B = "captcha-api-a", "captcha-api-b"


def status(redis: str = "running", use_redis: str = "true", state: str = "running") -> StackStatus:
    pods = tuple(PodStatus(pod, state, {"USE_REDIS": use_redis}) for pod in (A, B))
    ends = Endpoints("http://t", "http://c", "http://m", "127.0.0.1", 6379)
    return StackStatus("embedded", StackSpec(workers=3), ends, pods, "redis", "7", redis)


def gate(*changes: tuple[float, str], **answered: float) -> dict[str, Any]:
    pods = [{"pod": pod, "answered": answered.get(pod[-1])} for pod in (A, B)]
    return {"pods": pods, "reach": [{"time": time, "what": what} for time, what in changes]}


def redis_events(events: list[StackEvent]) -> list[tuple[float, str]]:
    return sorted((event.time, event.detail["action"]) for event in events if event.what == "redis")


def test_without_a_journal_a_stack_stands_as_it_stands_now() -> None:
    events = state_before(status(redis="paused"), [], {}, 5.0)
    assert [(event.what, event.pod) for event in events] == [("pod", A), ("pod", B), ("redis", None)]
    assert events[2].detail == {"action": "pause"}
    assert all(event.time == 5.0 for event in events)


def test_of_a_teams_balancer_file_the_rules_are_kept_and_not_the_file() -> None:
    """A secret in it, here that of Caddy's cookie, reaches no trace."""
    text = "captcha.example {\n\treverse_proxy a:1 b:1 {\n\t\tlb_policy cookie lb S3CRET\n\t}\n}\n"
    spec = StackSpec(balancer="caddy:own-file", balancer_config=text, balancer_file="edge.caddy")
    (event,) = [
        each for each in state_before(replace(status(), spec=spec), [], {}, 5.0) if each.what == BALANCER_FILE
    ]
    assert event.detail["file"] == "edge.caddy"
    rules = rules_of_text(event.detail["rules"])
    assert rules is not None
    assert rules.named(Aspect.POLICY) == "`lb_policy cookie lb` (edge.caddy, line 3)"
    assert "S3CRET" not in str(event)


def test_what_happened_before_has_its_own_time() -> None:
    noted = [
        StackEvent(1.0, "pod", A, {"USE_REDIS": "false", "WORKERS": "3"}),
        StackEvent(1.5, "restart", A),
        StackEvent(2.0, "pod", A, {"USE_REDIS": "true", "WORKERS": "3"}),
        StackEvent(3.0, "redis", None, {"action": "stop"}),
        StackEvent(3.5, "redis", None, {"action": "expire", "key": "k"}),
    ]
    events = state_before(status(redis="stopped"), noted, gate(a=2.5, b=2.6), 5.0)
    assert [(event.what, event.pod, event.time) for event in events] == [
        ("pod", A, 2.0), ("restart", A, 1.5), ("redis", None, 3.0), ("pod", B, 5.0), ("connected", A, 2.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "changes", "expected"),
    [
        ("stopped", [(1.0, "reached"), (50.0, "lost"), (55.0, "refused")], [(50.0, "stop")]),
        ("stopped", [(1.0, "reached"), (50.0, "lost")], [(50.0, "stop")]),
        ("stopped", [(1.0, "reached"), (55.0, "refused")], [(55.0, "stop")]),
        ("stopped", [(1.0, "reached")], [(99.0, "stop")]),
        ("running", [(1.0, "reached"), (50.0, "lost"), (60.0, "reached")], []),
        (
            "running",
            [(50.0, "lost"), (55.0, "refused"), (80.0, "reached")],
            [(50.0, "stop"), (80.0, "start")],
        ),
    ],
)
def test_a_redis_that_was_killed_past_the_stack_is_dated_by_the_gate(
    state: str, changes: list[tuple[float, str]], expected: list[tuple[float, str]]
) -> None:
    assert redis_events(stack_events(status(redis=state), [], gate(*changes), 0.0, 99.0)) == expected


def test_an_outage_that_the_journal_has_is_no_second_one() -> None:
    noted = [
        StackEvent(49.0, "redis", None, {"action": "stop"}),
        StackEvent(81.0, "redis", None, {"action": "start"}),
    ]
    seen = gate((1.0, "reached"), (50.0, "lost"), (55.0, "refused"), (80.0, "reached"))
    assert redis_events(stack_events(status(), noted, seen, 0.0, 99.0)) == [(49.0, "stop"), (81.0, "start")]
