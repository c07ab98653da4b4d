"""The pods as the ``proxy`` container has them: told by the control API when they become others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import StackSpec
from devenv.core.routing import parse_policy
from devenv.stack.control_calls import control_call

TIMEOUT_SECONDS = 20.0


class PodTable:
    """Proxy and gate of the stack whose control API is at the URL ``control``."""

    def __init__(self, control: str) -> None:
        self._control = control

    def check(self, spec: StackSpec, policy: str | None) -> None:
        """Raise UsageProblem where requests cannot be routed to the pods of ``spec`` by this policy."""
        if not spec.balancer:
            present = str(self._call("GET", "/policy", None)["policy"])
            parse_policy(policy or present, spec.pod_names)
        elif policy is not None:
            raise UsageProblem(f"{spec.balancer} chooses the pod, not the proxy's policy {policy}")

    def put(self, pods: Sequence[str], serve: Sequence[str], policy: str | None) -> None:
        """Let exactly ``pods`` reach Redis, and ``serve`` of them get requests by ``policy`` (None: as now).

        Raises as ``control_call``.
        """
        self._call("PUT", "/pods", {"pods": list(pods), "serve": list(serve), "policy": policy})

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        return control_call(self._control, method, path, body, timeout=TIMEOUT_SECONDS)
