"""The rules that a scenario puts in force at the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from devenv.wire.control.client import ControlClient


class GateRules:
    """The rules that a scenario has put in force at the gate, taken out again by ``lift``."""

    def __init__(self, control: str) -> None:
        self._control = ControlClient(control)
        self._ids: list[str] = []

    def put(self, rules: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """Put rules in force; gives their ids. NoGate without a gate, UsageProblem for a wrong rule."""
        ids: list[str] = []
        for rule in rules:
            rule_id = str(self._control.add_rule(rule)["id"])
            ids.append(rule_id)
            if rule_id not in self._ids:
                self._ids.append(rule_id)
        return tuple(ids)

    def connections(self, pod: str | None) -> int:
        """How many connections to Redis ``pod`` has ever opened at the gate; None: all pods."""
        return self._control.connections(pod)

    def lift(self) -> dict[str, int]:
        """Take them out of force; to how many commands each was applied."""
        if not self._ids:
            return {}
        applied = {rule["id"]: int(rule["applied"]) for rule in self._control.rules()}
        counts = {rule_id: applied.get(rule_id, 0) for rule_id in self._ids}
        for rule_id in counts:
            self._control.remove_rule(rule_id)
        self._ids.clear()
        return counts

    def close(self) -> None:
        """Close the connection."""
        self._control.close()
