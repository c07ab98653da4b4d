"""The rules that a play puts in force at the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.loopback import local_client


class GateRules:
    """The rules that a play has put in force at the gate, taken out again by ``lift``."""

    def __init__(self, control: str) -> None:
        self._http = local_client(control, 10.0)
        self._ids: list[str] = []

    def put(self, rules: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """Put rules in force; gives their ids. EnvironmentProblem where there is no gate."""
        ids = [str(self._call("POST", "/rules", json=dict(rule))["id"]) for rule in rules]
        self._ids += [rule_id for rule_id in ids if rule_id not in self._ids]
        return tuple(ids)

    def lift(self) -> dict[str, int]:
        """Take them out of force; to how many commands each was applied."""
        if not self._ids:
            return {}
        applied = {rule["id"]: int(rule["applied"]) for rule in self._call("GET", "/rules")["rules"]}
        ours = {rule_id: applied.get(rule_id, 0) for rule_id in self._ids}
        for rule_id in ours:
            self._call("DELETE", "/rules", params={"id": rule_id})
        self._ids.clear()
        return ours

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            response = self._http.request(method, path, **arguments)
            response.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise EnvironmentProblem(
                f"the control API refuses {method} {path}: {error.response.text[:300]}",
                hint="a stack without a gate cannot disturb what its pods say to Redis",
            ) from error
        except httpx.HTTPError as error:
            raise EnvironmentProblem(
                f"the control API at {self._http.base_url} does not answer ({type(error).__name__})",
                hint="'devenv status' says whether the stack runs",
            ) from error
        return response.json()
