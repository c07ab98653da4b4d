"""Expectations against observations."""

from __future__ import annotations

from typing import Any

import pytest

from devenv.core.scenario import violations
from devenv.core.scenario.expect import NOT_COUNTED


@pytest.mark.parametrize(
    ("checks", "observed"),
    [
        ({"outcome": "success"}, {"outcome": "success"}),
        ({"outcome": ["wrong", "error"]}, {"outcome": "error"}),
        ({"message": None, "attempts": 1}, {"message": None, "attempts": 1}),
        ({"ttl": None}, {"ttl": None}),
        ({"ttl": {"min": 1, "max": 60}}, {"ttl": 60}),
        ({"outcomes": {"success": {"min": 1, "max": 2}, "wrong": {"max": 1}}}, {"outcomes": {"success": 2}}),
        ({"messages": {"a": 1}}, {"messages": {"a": 1, "b": 1}}),
        ({"fields": {"attempts": 1}}, {"fields": {"attempts": 1, "cid": "x"}}),
        ({"fields": {"session.a": "1", "b.c": 2}}, {"fields": {"session": {"a": "1"}, "b.c": 2}}),
        ({"has": ["a", "b"]}, {"fields": {}, "has": {"a": 1, "b": None}}),
        ({"contains": "up"}, {"contains": "x up 1"}),
        ({"status": [500, 503], "message": ["x", None]}, {"status": 503, "message": None}),
        ({"seconds": {"max": 1.3}}, {"seconds": 1.2}),
        ({"connections": {"max": 2}}, {"connections": 2}),
        ({"connections": 0}, {"connections": 0}),
        ({"connections": 0}, {"connections": NOT_COUNTED}),
        ({"starts": False, "says": "PORT"}, {"starts": False, "says": "REDIS_PORT: no"}),
        ({"requests": {"a": {"outcome": "wrong"}}}, {"requests": {"a": {"outcome": "wrong"}, "b": {}}}),
    ],
)
def test_holds(checks: dict[str, Any], observed: dict[str, Any]) -> None:
    assert violations(checks, observed) == []


@pytest.mark.parametrize(
    ("checks", "observed", "sentence"),
    [
        ({"outcome": "success"}, {"outcome": "wrong"}, 'outcome: expected success, got "wrong"'),
        ({"attempts": 1}, {"attempts": True}, "attempts: expected 1, got true"),
        ({"attempts": 1}, {}, "attempts: expected 1, got null"),
        ({"success": True}, {"success": 1}, "success: expected true, got 1"),
        ({"message": None}, {"message": "x"}, 'message: expected null, got "x"'),
        ({"ttl": None}, {"ttl": 3}, "ttl: expected no TTL, got 3"),
        ({"ttl": {"min": 1}}, {"ttl": None}, "ttl: expected at least 1 seconds, got no TTL"),
        ({"ttl": {"min": 1, "max": 60}}, {"ttl": 61}, "ttl: expected 1 to 60 seconds, got 61"),
        (
            {"outcomes": {"success": 1}},
            {"outcomes": {"success": 2, "wrong": 1}},
            "outcomes: 2 × success instead of 1; 1 × wrong instead of none",
        ),
        ({"messages": {"a": 1}}, {"messages": {}}, "messages: 0 × a instead of 1"),
        ({"fields": {"a": 1}}, {"fields": None}, "fields: expected a JSON document, there is none"),
        ({"fields": {"a": 1}}, {"fields": "a pickle"}, "fields: expected a JSON document, there is a pickle"),
        ({"fields": {"s.b": 1}}, {"fields": {"s": {"a": 1}}}, "fields: s.b is missing"),
        (
            {"fields": {"a": 1, "b": 2}},
            {"fields": {"b": "2"}},
            'fields: a is missing; b: expected 2, got "2"',
        ),
        ({"has": ["a", "b"]}, {"has": {"b": 1}}, "has: missing a"),
        ({"has": ["a"]}, {"has": None}, "has: missing a"),
        ({"status": [500, 503]}, {"status": 200}, "status: expected 500 or 503, got 200"),
        ({"connections": {"max": 2}}, {"connections": 11}, "connections: expected at most 2, got 11"),
        ({"connections": 0}, {"connections": 1}, "connections: expected 0, got 1"),
        ({"connections": {"max": 2}}, {}, "connections: expected at most 2, got no answer"),
        ({"seconds": {"max": 1.3}}, {"seconds": 1.51}, "seconds: expected at most 1.3, got 1.51"),
        ({"seconds": {"max": 1.3}}, {}, "seconds: expected at most 1.3, got no answer"),
        (
            {"requests": {"a": {"outcome": "wrong", "attempts": 1}, "b": {"status": 200}}},
            {"requests": {"a": {"outcome": "success", "attempts": 1}}},
            'requests: a: outcome: expected wrong, got "success"; b: status: expected 200, got null',
        ),
        ({"contains": "up"}, {"contains": "down"}, 'contains: expected "up" in it'),
    ],
)
def test_fails(checks: dict[str, Any], observed: dict[str, Any], sentence: str) -> None:
    assert violations(checks, observed) == [sentence]


def test_each_fact_that_fails_is_told() -> None:
    all_violations = violations({"outcome": "success", "attempts": 1}, {"outcome": "wrong", "attempts": 2})
    assert len(all_violations) == 2
