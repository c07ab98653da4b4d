"""Pods restarted in turn: in which order, and what is left as it is when one does not come back."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.topology import Endpoints, StackSpec, StackStatus
from devenv.verbs.rollout.in_turn import restart_in_turn
from tests.unit.verbs.rollout.stacks import Restarts, silent

STATUS = StackStatus(
    "embedded", StackSpec(3), Endpoints("", "", "", "127.0.0.1", 1), (), "redis", "7", "running"
)


def test_each_pod_is_ready_before_the_next_one_ends() -> None:
    stack, seen = Restarts(STATUS), []
    restart_in_turn(
        stack,
        {"b": {"USE_REDIS": "true"}, "a": {}},
        silent,
        before=lambda pod: seen.append(("before", pod, len(stack.calls))),
        after=lambda pod: seen.append(("after", pod, len(stack.calls))),
    )
    assert stack.calls == [{"b": {"USE_REDIS": "true"}}, {"a": {}}]
    assert seen == [("before", "b", 0), ("after", "b", 1), ("before", "a", 1), ("after", "a", 2)]


def test_pods_after_one_that_does_not_come_back_are_left_alone() -> None:
    stack = Restarts(STATUS, broken="b")
    ready: list[str] = []
    with pytest.raises(EnvironmentProblem, match="b does not start"):
        restart_in_turn(stack, {"a": {}, "b": {}, "c": {}}, silent, after=ready.append)
    assert (stack.calls, ready) == ([{"a": {}}], ["a"])


def test_what_is_asked_before_a_restart_can_prevent_it() -> None:
    stack = Restarts(STATUS)

    def refuse(pod: str) -> None:
        raise EnvironmentProblem(f"not {pod}")

    with pytest.raises(EnvironmentProblem, match="not a"):
        restart_in_turn(stack, {"a": {}}, silent, before=refuse)
    assert stack.calls == []
