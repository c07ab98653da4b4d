"""The pods as the ``proxy`` container has them: told by the control API when they become others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.topology import StackSpec
from devenv.core.routing import parse_policy
from devenv.stack.compose import docker_engine
from devenv.stack.control_calls import control_call

if TYPE_CHECKING:
    from docker.models.containers import Container

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

    def restore(self, pods: Sequence[str]) -> None:
        """Let the proxy have exactly ``pods`` where it has others. It may be down: then this does nothing."""
        with suppress(EnvironmentProblem):
            if {pod["name"] for pod in self._call("GET", "/pods", None)["pods"]} != set(pods):
                self.put(pods, pods, None)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        return control_call(self._control, method, path, body, timeout=TIMEOUT_SECONDS)


def is_forgotten(proxy: Container, pods: Mapping[str, Container]) -> bool:
    """Whether the container ``proxy`` may not know ``pods``, the pods that there are, by name.

    What ``devenv scale`` tells it, it forgets when it restarts (``docker compose restart proxy``): it then
    has the pods that it was made with. They are others than these, and one of these started before it did.
    """
    made_with = docker_engine.environment(proxy).get("DEVENV_PODS", "").split(",")
    if {pod.partition("=")[0] for pod in made_with} == pods.keys():
        return False
    return any(_started(pod) < _started(proxy) for pod in pods.values())


def _started(container: Container) -> datetime:
    return datetime.fromisoformat(container.attrs["State"]["StartedAt"])
