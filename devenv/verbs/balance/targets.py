"""What is measured: a policy of the proxy, or a real balancer; each is started in front of given pods."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from devenv import __version__
from devenv.core.balance.models import Models, models_of_balancer, models_of_policy
from devenv.core.balancers import OWN_FILE, PRODUCTS, BalancerSetting, Server, parse_balancer
from devenv.core.balancers.own_copy import Change
from devenv.core.balancers.own_file import OwnFile, changes_of, own_file
from devenv.core.kubernetes.routing import Route
from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import StackSpec
from devenv.core.model.vocabulary import pod_names
from devenv.core.routing import POLICIES, parse_policy
from devenv.stack.balancers import Program, find, running_balancer
from devenv.stack.files import read_text
from devenv.verbs.balance.connection import Place
from devenv.wire.proxy import Proxy, Upstream

LISTEN = "127.0.0.1"


class Target(Protocol):
    """A balancer with one setting."""

    @property
    def name(self) -> str:
        """As it was asked for."""

    @property
    def title(self) -> str:
        """What it is, with its version."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is another in the copy of a team's file; empty where there is none."""

    @property
    def decided_by(self) -> tuple[str, ...]:
        """What a team's own file says of the choice, with its lines; empty where there is none."""

    @property
    def models(self) -> Models:
        """The models whose formulas hold for it."""

    def running(self, upstreams: Sequence[Upstream]) -> AbstractAsyncContextManager[Place]:
        """It runs, in front of these pods, while the block runs."""

    def in_stack(self, spec: StackSpec) -> StackSpec:
        """``spec`` with this in front of its pods."""


@dataclass(frozen=True, slots=True)
class ProxyTarget:
    """The proxy with one of its own policies."""

    name: str
    """The policy."""
    seed: int
    model_of: str = ""
    """What of a cluster the policy stands for, "" for nothing."""
    changes: tuple[Change, ...] = ()
    decided_by: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """With the version."""
        model = f", as a model of {self.model_of}" if self.model_of else ""
        return f"devenv's proxy {__version__}, policy {self.name}{model}"

    @property
    def models(self) -> Models:
        """The policy itself."""
        return models_of_policy(self.name)

    def in_stack(self, spec: StackSpec) -> StackSpec:
        """Its policy."""
        return replace(spec, policy=self.name)

    @asynccontextmanager
    async def running(self, upstreams: Sequence[Upstream]) -> AsyncIterator[Place]:
        """The proxy in this process."""
        proxy = Proxy(upstreams, self.name, seed=self.seed)
        port = await proxy.start(LISTEN, 0)
        try:
            yield Place(LISTEN, port)
        finally:
            await proxy.close(grace=0.0)


@dataclass(frozen=True, slots=True)
class BalancerTarget:
    """A real load balancer of this machine."""

    setting: BalancerSetting
    program: Program | None = None
    """What is run here; None: what ``find`` finds."""
    own_file: OwnFile | None = None
    """A team's own file, in place of what the setting would configure."""
    changes: tuple[Change, ...] = ()
    """What is another in the copy of that file."""
    prefix: str = ""
    """What the path of each request begins with, where the file forwards only some."""
    host: str = ""
    """The host that requests ask for, where the file forwards only some; empty: the address."""

    @property
    def name(self) -> str:
        """The setting as ``parse_balancer`` reads it, or the name of the team's file."""
        return self.setting.text if self.own_file is None else f"{self.setting.product}:{self.own_file.name}"

    @property
    def title(self) -> str:
        """With the program's version."""
        program = self.program or find(self.setting.product)
        return f"{self.setting.product} {program.version}, {self.name.partition(':')[2]}"

    @property
    def models(self) -> Models:
        """Those of the policy, where they are known."""
        return Models() if self.own_file is not None else models_of_balancer(self.setting)

    @property
    def decided_by(self) -> tuple[str, ...]:
        """What the team's own file says of the choice, with its lines; empty for a setting."""
        return () if self.own_file is None else self.own_file.rules.sentences

    def in_stack(self, spec: StackSpec) -> StackSpec:
        """The balancer, with the team's file where there is one."""
        if self.own_file is None:
            return replace(spec, balancer=self.setting.text)
        return replace(
            spec,
            balancer=self.setting.text,
            balancer_config=self.own_file.text,
            balancer_file=self.own_file.name,
        )

    @asynccontextmanager
    async def running(self, upstreams: Sequence[Upstream]) -> AsyncIterator[Place]:
        """A process of its own."""
        servers = [Server(upstream.name, upstream.host, upstream.port) for upstream in upstreams]
        async with running_balancer(
            self.setting, servers, program=self.program, team_file=self.own_file
        ) as balancer:
            yield Place(LISTEN, balancer.port, self.prefix, self.host)


def targets_of(routes: Sequence[Route], seed: int) -> list[Target]:
    """The policies that are models of these routes, each once."""
    modelled: dict[str, list[str]] = {}
    for route in routes:
        if route.policy:
            modelled.setdefault(route.policy, []).append(route.name)
    return [ProxyTarget(policy, seed, " and ".join(names)) for policy, names in modelled.items()]


def target_of(
    text: str, pods: int, seed: int, *, here: bool = True, prefix: str = "", host: str = ""
) -> Target:
    """The target that ``text`` names: a policy, a balancer as ``parse_balancer`` reads it, or a file.

    A file is a team's own configuration of a balancer, which is taken over. ``here``: whether the balancer is
    run on this machine, and not in a container. ``prefix`` and ``host``: what requests ask a file for.

    Raises UsageProblem for an unknown one and for a file that cannot be taken over, EnvironmentProblem where
    the balancer is not installed.
    """
    if Path(text).is_file():
        file = own_file(Path(text).name, read_text(Path(text)))
        changes = changes_of(file, pod_names(pods))
        program = find(file.product) if here else None
        setting = BalancerSetting(file.product, OWN_FILE)
        return BalancerTarget(setting, program, file, changes, prefix, host)
    name = text.partition(":")[0].partition(",")[0].strip()
    if name in PRODUCTS:
        setting = parse_balancer(text)
        return BalancerTarget(setting, find(setting.product) if here else None)
    if name not in POLICIES:
        known = ", ".join((*POLICIES, *PRODUCTS))
        raise UsageProblem(
            f"{text!r} is neither a policy nor a balancer, and no file is called so", hint=f"known: {known}"
        )
    parse_policy(text, pod_names(pods))
    return ProxyTarget(text, seed)
