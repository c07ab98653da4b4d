"""The pods of one proxy: which there are and which of them seem up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from devenv.core.model.errors import UsageProblem
from devenv.wire.proxy.balancer import Balancer
from devenv.wire.proxy.limits import Limits
from devenv.wire.proxy.upstream import Pod, Upstream


class Pods:
    """All pods by name; tells ``balancer`` their names and which are up."""

    def __init__(self, balancer: Balancer, limits: Limits) -> None:
        self.by_name: dict[str, Pod] = {}
        self._balancer = balancer
        self._limits = limits
        self.changed: Callable[[], None] = lambda: None
        """Called where a pod seems up or down from now on."""

    def set_upstreams(self, upstreams: Sequence[Upstream], policy: str | None = None) -> None:
        """Replace the pods. Exchanges under way end where they are; the policy (None: as it is) starts anew.

        Raises UsageProblem for two pods of one name, or where the policy does not fit these pods.
        """
        names = [upstream.name for upstream in upstreams]
        if len(set(names)) < len(names):
            raise UsageProblem("two pods have the same name", hint="pods: " + ", ".join(names))
        self._balancer.set_pods(names, policy)
        pods: dict[str, Pod] = {}
        for upstream in upstreams:
            present = self.by_name.get(upstream.name)
            if present is not None and present.upstream == upstream:
                pods[upstream.name] = present
            else:
                pods[upstream.name] = Pod(upstream, self._limits.upstream_idle, self._limits.buffer)
        for name, pod in self.by_name.items():
            if pods.get(name) is not pod:
                pod.retire()
        self.by_name = pods
        self._tell_alive()

    def mark_up(self, pod: Pod) -> None:
        """A connection was made."""
        if not pod.up:
            pod.up = True
            self._tell_alive()

    def mark_down(self, pod: Pod, reason: str) -> None:
        """A connection could not be made."""
        pod.last_error = reason
        pod.drop_idle()
        if pod.up:
            pod.up = False
            self._tell_alive()

    def _tell_alive(self) -> None:
        self._balancer.alive = tuple(name for name, pod in self.by_name.items() if pod.up)
        self.changed()
