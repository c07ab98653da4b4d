"""The client of a running stack's control API, for every verb that asks proxy, gate or executor.

Every call raises the same errors for the same refusal: UsageProblem (exit 2) where what was given is wrong,
EnvironmentProblem (exit 4) where nothing answers or an answer is of no use, and NoGate, which is one, where
the stack has no gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, Self

from devenv.core.model.errors import NoGate
from devenv.core.model.key_listing import KeyListing
from devenv.stack.control_calls import ControlConnection

TIMEOUT_SECONDS = 10.0


class ControlClient:
    """Blocking calls; a context manager. ``timeout`` is in seconds."""

    def __init__(self, control: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self._connection = ControlConnection(control, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def request(
        self, method: str, path: str, *, json: Any = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        """One request; gives the answer's JSON."""
        return self._connection.request(method, path, body=json, params=params)

    def latest(self, what: Literal["exchanges", "commands"]) -> int:
        """The number of the latest exchange or Redis command; 0 where there is none, or no gate."""
        try:
            return int(self.request("GET", f"/{what}", params={"limit": 1})["latest"])
        except NoGate:
            return 0

    def keys(self, prefix: str, db: int) -> KeyListing:
        """The keys that begin with ``prefix`` in database ``db`` of the stack's Redis."""
        return KeyListing.from_json(
            self.request("GET", "/dashboard/keys", params={"prefix": prefix, "db": db})
        )

    # -- the proxy

    def policy(self) -> str:
        """The routing policy in force, as text."""
        return str(self.request("GET", "/policy")["policy"])

    def set_policy(self, text: str) -> None:
        """Route by another policy from the next request on."""
        self.request("PUT", "/policy", json={"policy": text})

    def exchanges(self, since: int, limit: int) -> list[Mapping[str, Any]]:
        """The recent exchanges numbered above ``since``, oldest first."""
        return list(self.request("GET", "/exchanges", params={"since": since, "limit": limit})["exchanges"])

    def open_exchanges(self) -> list[Mapping[str, Any]]:
        """The exchanges under way, oldest first."""
        return list(self.request("GET", "/exchanges/open")["exchanges"])

    # -- the gate

    def commands(self, since: int, limit: int) -> list[Mapping[str, Any]]:
        """The recent Redis commands numbered above ``since``, oldest first; none where there is no gate."""
        try:
            answer = self.request("GET", "/commands", params={"since": since, "limit": limit})
        except NoGate:
            return []
        return list(answer["commands"])

    def gate(self) -> Mapping[str, Any]:
        """The gate's ports, upstream and connections."""
        status: Mapping[str, Any] = self.request("GET", "/gate")
        return status

    def connections(self, pod: str | None = None) -> int:
        """How many connections to Redis the pods, or only ``pod``, have opened at the gate so far."""
        counts = {one["pod"]: int(one["connections"]) for one in self.gate()["pods"]}
        return sum(counts.values()) if pod is None else counts.get(pod, 0)

    def rules(self) -> list[Mapping[str, Any]]:
        """The gate's rules in force, each with its id and its counts."""
        return list(self.request("GET", "/rules")["rules"])

    def add_rule(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        """Put a rule in force; gives it with its id and its counts."""
        return dict(self.request("POST", "/rules", json=dict(rule)))

    def remove_rule(self, rule_id: str) -> None:
        """Take a rule out of force and let go what it holds; idempotent."""
        self.request("DELETE", "/rules", params={"id": rule_id})

    def held(self) -> list[Mapping[str, Any]]:
        """What the gate holds now, oldest first."""
        return list(self.request("GET", "/held")["held"])

    def release(self, selection: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Let go what is held and matches the selection (``POST /release``); what was let go."""
        return list(self.request("POST", "/release", json=dict(selection))["released"])

    def reset_gate(self) -> dict[str, Any]:
        """No rules, nothing held; what was let go (``released``) and which connections were ``closed``."""
        return dict(self.request("POST", "/reset"))
