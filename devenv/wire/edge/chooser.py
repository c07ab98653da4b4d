"""Who chooses the pod of a request in an embedded stack: the proxy or a load balancer; changed while it runs.

Clients connect to the same port all the time. The proxy listens there, or, where a balancer does, on a port
of its own for requests that name their pod.
"""

from __future__ import annotations

from pathlib import Path

from devenv.core.balancers import OWN_FILE, PRODUCTS, parse_balancer
from devenv.core.model.errors import DevenvError, EnvironmentProblem, UsageProblem
from devenv.core.routing import POLICIES, PROXY_CHOOSES, parse_policy
from devenv.stack.balancers import find
from devenv.stack.embedded.processes import PROXY, Processes
from devenv.wire.edge.edge import Edge
from devenv.wire.edge.front import HOST, Front
from devenv.wire.edge.pod_changes import PodChanges


class Chooser:
    """The proxy of ``edge``, or the balancer ``front``, in front of the pods of ``processes``."""

    def __init__(self, edge: Edge, processes: Processes, state_dir: Path, front: Front | None) -> None:
        self._edge, self._processes, self._state_dir = edge, processes, state_dir
        self._front = front
        self._team_front = front if front is not None and front.has_own_file else None

    @property
    def policies(self) -> list[str]:
        """What ``set_policy`` takes, without options: of the proxy, and of installed balancers."""
        proxy = [*POLICIES] if self._front is None else [f"{PROXY_CHOOSES}:{policy}" for policy in POLICIES]
        installed = [product for name, product in PRODUCTS.items() if _is_installed(name)]
        return [*proxy, *(f"{product.name}:{policy}" for product in installed for policy in product.policies)]

    async def start(self) -> None:
        """Start the balancer, where the stack begins with one: all pods listen."""
        if self._front is not None:
            self._processes.hand_over("traffic")
            await self._open(self._front)
        self._in_front(self._front)

    async def stop(self) -> None:
        """End the balancer, where there is one."""
        if self._front is not None:
            await self._front.stop()

    async def set_policy(self, text: str) -> None:
        """Let the proxy choose by a policy of its own (``proxy:NAME``, ``proxy``: the one it had last; the
        bare name where it chooses already), or a balancer by one of its (``nginx:least_conn``).

        Pods and sessions stay. Connections to the one that chose until now end: at once where they are idle,
        else after the answer under way, for which a second is waited. Raises UsageProblem for what is
        unknown or cannot be, EnvironmentProblem where a balancer is not installed or does not start; the one
        that chose until now then chooses.
        """
        await self._processes.changed_front(lambda: self._set(text))

    async def _set(self, text: str) -> str:
        """Gives the balancer's setting as it is then; "" where the proxy chooses."""
        proxy, product = self._edge.proxy, text.partition(":")[0].partition(",")[0]
        if product in PRODUCTS:
            await self._set_balancer(text)
        elif product == PROXY_CHOOSES:
            await self._take_balancer_away(text.partition(":")[2])
        elif self._front is None:
            proxy.set_policy(text)
        else:
            raise UsageProblem(
                f"{proxy.policy} chooses the pod, not the proxy",
                hint=f"{PROXY_CHOOSES}:{text} lets the proxy choose",
            )
        return "" if self._front is None else self._front.status().setting

    async def _set_balancer(self, text: str) -> None:
        setting, before = parse_balancer(text), self._front
        if setting.policy == OWN_FILE and (
            self._team_front is None or self._team_front.product != setting.product
        ):
            raise UsageProblem(
                f"{text}: this stack was started without a configuration file of {setting.product}",
                hint="devenv down, then devenv up --balancer-config FILE",
            )
        if before is not None and before.product == setting.product:
            await before.set_policy(text)
            return
        front = self._front_of(text)
        if before is not None:
            await self._close(before)
        else:
            await self._edge.proxy.move(HOST, self._processes.hand_over(PROXY))
        try:
            await self._open(front)
        except DevenvError:
            if before is not None:
                await self._open(before)
            else:
                await self._edge.proxy.move(HOST, self._processes.ports.traffic)
            raise
        self._in_front(front)

    def _front_of(self, text: str) -> Front:
        if self._team_front is None or self._team_front.product != parse_balancer(text).product:
            return Front(text, self._state_dir)
        self._team_front.choose(text)
        return self._team_front

    async def _take_balancer_away(self, policy: str) -> None:
        """Let the proxy choose by ``policy``; "": by the one that it has."""
        proxy, before = self._edge.proxy, self._front
        if policy:
            parse_policy(policy, [str(pod["name"]) for pod in proxy.pods()])
        if before is not None:
            await self._close(before)
            await proxy.move(HOST, self._processes.ports.traffic)
            self._in_front(None)
        if policy:
            proxy.set_policy(policy)

    async def _open(self, front: Front) -> None:
        """Start ``front`` before the pods' ports, which are opened for it."""
        proxy = self._edge.proxy
        ports = await self._edge.open_pod_ports(HOST, 0, front.status().setting)
        try:
            await front.start(proxy, ports, self._processes.ports.traffic)
        except BaseException:
            await self._edge.close_pod_ports()
            raise
        self._processes.watch_pods(proxy)
        self._processes.show_balancer(front.status)

    async def _close(self, front: Front) -> None:
        await front.stop()
        await self._edge.close_pod_ports()
        self._processes.show_balancer(lambda: None)

    def _in_front(self, front: Front | None) -> None:
        self._front = front
        self._processes.route_by(PodChanges(self._edge, front))


def _is_installed(product: str) -> bool:
    try:
        find(product)
    except EnvironmentProblem:
        return False
    return True
