"""Service × fault × cause told: real clients with their defaults; none wrong, no false all-clear."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import psutil
import pytest

from devenv.core.model.events import StackEvent
from devenv.harness.runs.trace import live_trace
from tests.support import until

from .conftest import A, B, Service

LOADING = "LOADING Redis is loading the dataset in memory"
FIRST = {"node_redis": "GETDEL", "ioredis": "GETDEL", "redis_py": "GETDEL", "resp3": "GET"}
"""The first command of a use."""
CLIENTS = {"node_redis": "node-redis 5.12.1", "ioredis": "ioredis 5.11.1", "redis_py": "redis-py 5.0.8"}

RULES: Mapping[str, Mapping[str, Any]] = {
    "reply lost": {"action": "drop-reply", "nth": 1},
    "request lost": {"action": "drop-request", "nth": 1},
    "connection cut after it ran": {"action": "disconnect", "direction": "reply", "nth": 1},
    "error": {"action": "error", "text": LOADING},
}
NO_SUCCESS: list[int | None] = []
"""A client that connects again and again fails at once or waits, by the moment at which it is asked."""
TOLD: Mapping[tuple[str, str], tuple[list[int | None], list[str]]] = {
    # (service, fault): the statuses of a use and of a second try (None: gave up), and the causes
    ("node_redis", "none"): ([200, 404], []),
    ("ioredis", "none"): ([200, 404], []),
    ("redis_py", "none"): ([200, 404], []),
    ("resp3", "none"): ([200, 404], []),
    ("node_redis", "reply lost"): ([None, None], ["reply-lost"]),
    ("ioredis", "reply lost"): ([None, None], ["reply-lost"]),
    ("redis_py", "reply lost"): ([None, 404], ["reply-lost"]),
    ("resp3", "reply lost"): ([None, None], ["reply-lost"]),
    ("node_redis", "request lost"): ([None, None], ["redis-hangs"]),
    ("ioredis", "request lost"): ([None, None], ["redis-hangs"]),
    ("redis_py", "request lost"): ([None, 200], ["redis-hangs"]),
    ("resp3", "request lost"): ([None, None], ["redis-hangs"]),
    ("node_redis", "connection cut after it ran"): ([500, 404], ["reply-lost"]),
    ("ioredis", "connection cut after it ran"): ([404, 404], ["reply-lost"]),
    ("redis_py", "connection cut after it ran"): ([503, 404], ["reply-lost"]),
    ("resp3", "connection cut after it ran"): ([500, 200], ["reply-lost"]),
    ("node_redis", "error"): ([500, 500], ["redis-dies"]),
    ("ioredis", "error"): ([500, 500], ["redis-dies"]),
    ("redis_py", "error"): ([503, 503], []),
    ("resp3", "error"): ([500, 500], ["redis-dies"]),
    ("node_redis", "redis stopped"): (NO_SUCCESS, ["redis-dies"]),
    ("ioredis", "redis stopped"): (NO_SUCCESS, ["redis-dies"]),
    ("redis_py", "redis stopped"): ([503, 503], []),
    ("resp3", "redis stopped"): ([500, 500], ["redis-dies"]),
}


@pytest.mark.parametrize("fault", ["none", *RULES, "redis stopped"])
def test_what_is_told(service: Service, fault: str) -> None:
    for pod in (A, B):  # both have spoken to Redis
        until(partial(service.well, pod), f"{pod} is well")
    since = time.time()
    ticket = service.open(A)
    statuses, causes = TOLD[service.name, fault]
    try:
        if fault == "redis stopped":
            service.stack.redis("stop")
        elif fault != "none":
            service.control.add_rule({**RULES[fault], "command": FIRST[service.name], "pod": B})
        met = [service.redeem(ticket, B), service.redeem(ticket, B)]
        assert met == statuses or (statuses is NO_SUCCESS and {*met} <= {None, 500})
        explained = service.explained(since)
        assert sorted({group.cause for group in explained.groups}) == causes, explained.verdict
        message = " ".join(
            sentence for group in explained.groups for sentence in (group.first.sentence, *group.also)
        )
        if fault in ("reply lost", "request lost"):
            assert FIRST[service.name] in message
            assert CLIENTS.get(service.name, "") in message
    finally:
        service.mend()


def test_after_the_end_of_the_rule_every_client_works_again(service: Service) -> None:
    """Clients that send all over one connection would wait on it for ever."""
    ticket = service.open(B)
    service.control.add_rule({"action": "drop-reply", "command": FIRST[service.name], "pod": B, "nth": 1})
    assert service.redeem(ticket, B) is None
    assert [closed["pod"] for closed in service.control.reset_gate()["closed"]] == [B]
    until(partial(service.well, B), "the pod is well again")


def test_a_rule_for_every_command_meets_none_of_the_handshake(service: Service) -> None:
    """A client that is cut off connects again, while a rule is in force that answers every command."""
    service.control.add_rule({"action": "disconnect", "command": FIRST[service.name], "pod": B, "nth": 1})
    service.redeem(service.open(B), B)
    service.control.reset_gate()
    service.control.add_rule({"action": "error", "text": LOADING, "pod": B, "id": "every"})
    try:
        until(lambda: service.redeem("of nobody", B) in (500, 503), "an answer under the rule")
        names = {str(one["command"]) for one in service.control.commands(0, 10_000) if one["rule"] == "every"}
        assert names == {FIRST[service.name]}
    finally:
        service.mend()
    until(partial(service.well, B), "the pod is well again")


def test_a_redis_that_is_killed_past_the_stack_is_known_with_its_time(service: Service) -> None:
    """By the gate, whose connections it ends; the window of explain begins later."""
    until(partial(service.well, B), "the pod is well")
    ticket = service.open(B)
    upstream = int(service.control.gate()["upstream"].rpartition(":")[2])
    [process] = {
        connection.pid
        for connection in psutil.net_connections("tcp4")
        if connection.status == psutil.CONN_LISTEN
        and getattr(connection.laddr, "port", None) == upstream
        and connection.pid
    }
    before = time.time()
    psutil.Process(process).kill()
    try:
        until(lambda: stops(service, before), "the gate has seen it")
        after = time.time()
        assert service.redeem(ticket, B) in (None, 500, 503)
        assert all(when <= after for when in stops(service, before))
        explained = service.explained(after)
        causes = {group.cause for group in explained.groups}
        assert causes == (set() if service.name == "redis_py" else {"redis-dies"}), explained.verdict
        times = [line.at for group in explained.groups for line in group.evidence if "stop" in line.text]
        assert all(moment < 0 for moment in times)  # before the first request of the window
    finally:
        service.stack.redis("start")


def stops(service: Service, since: float) -> list[float]:
    """When Redis was stopped since then, as far as is known."""
    events = live_trace(service.stack.status(), service.stack.journal, time.time())
    stopped = (e for e in events if isinstance(e, StackEvent) and e.detail.get("action") == "stop")
    return [event.time for event in stopped if event.time >= since]
