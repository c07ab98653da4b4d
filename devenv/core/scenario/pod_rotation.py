"""Requests over several pods in turn, so that a session never stays where it was opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from devenv.core.model.ids import SessionName

_ROUTED = ("create", "verify", "request", "get")


@dataclass(slots=True)
class Turns:
    """Of a session the first request goes to one pod, the next to the next, and so on.

    The sessions begin on different pods, the first on A. What is about no session (``""``) takes turns too.
    """

    pods: int
    _next: dict[str, int] = field(default_factory=dict)
    _sessions: int = 0

    def next(self, session: SessionName) -> str:
        """The letter of the pod that the session's next request goes to."""
        if session not in self._next:
            self._next[session] = self._sessions if session else 0
            self._sessions += bool(session)
        turn = self._next[session]
        self._next[session] = turn + 1
        return ascii_uppercase[turn % self.pods]


def across(data: Mapping[str, Any], pods: int) -> dict[str, Any]:
    """A scenario's data with every request sent over ``pods`` pods in turn, wherever it was sent before."""
    turns = Turns(pods)

    def moved(step: Mapping[str, Any]) -> dict[str, Any]:
        if "together" in step:
            parts = step["together"]
            several = isinstance(parts, dict)
            return {
                **step,
                "together": {name: moved(item) for name, item in parts.items()}
                if several
                else list(map(moved, parts)),
            }
        if not any(key in step for key in _ROUTED):
            return dict(step)
        session = step.get("create", step.get("verify", ""))
        rest = {key: value for key, value in step.items() if key != "pod"}
        first = next(iter(rest))
        return {first: rest.pop(first), "pod": turns.next(session), **rest}

    stack = {**data.get("stack", {}), "pods": pods}
    return {**data, "stack": stack, "steps": [moved(step) for step in data["steps"]]}
