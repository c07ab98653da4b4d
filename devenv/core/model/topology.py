"""What a stack consists of: what is asked for (StackSpec) and what runs (Endpoints, StackStatus)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import ServiceProfile, ServiceSpec
from devenv.core.model.vocabulary import MAX_PODS, TEACHING_STORES, Strategy, pod_names, pod_place

SettingChanges = Mapping[str, str | None]
"""Variables to set, also to the empty string; None takes one away: what the stack sets then holds again."""


class RedisMode(StrEnum):
    """How Redis stands in the stack: one server, three masters, or one behind TLS, ACL users or a replica."""

    STANDALONE = "standalone"
    CLUSTER = "cluster"
    TLS = "tls"
    ACL = "acl"
    REPLICA = "replica"


@dataclass(frozen=True, slots=True)
class Ports:
    """The host's TCP ports on 127.0.0.1; 0 means any free one."""

    traffic: int = 8080
    control: int = 8081
    ml: int = 8001
    redis: int = 6379
    gate: int = 6391
    """The first pod's gate port."""

    @classmethod
    def free(cls) -> Ports:
        """Any free port for everything: stacks beside each other."""
        return cls(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class StackSpec:
    """The stack that is asked for."""

    pods: int = 2
    use_redis: bool = False
    """Whether every pod keeps its sessions in Redis."""
    strategy: Strategy = Strategy.ATOMIC
    """The store of every pod with ``use_redis``."""
    policy: str = "round-robin"
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to every pod's environment."""
    pod_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By pod name, added to one pod's environment; wins over everything."""
    ports: Ports = field(default_factory=Ports)
    workers: int = 1
    """uvicorn worker processes in each pod."""
    seed: int = 1
    """Makes mock_ml's pictures the same again."""
    gate: bool = True
    """Whether the pods reach Redis through the gate, which records their commands."""
    redis_mode: RedisMode = RedisMode.STANDALONE
    """How Redis is set up."""
    service: ServiceSpec | None = None
    """The user-provided service that the pods run; None: the reference service."""
    balancer: str = ""
    """The load balancer in front of the pods, as ``parse_balancer`` reads it; empty: the proxy chooses."""
    balancer_config: str = ""
    """The text of a team's own configuration file, which is taken over; empty: a policy is configured."""
    balancer_file: str = ""
    """The name of that file, as its errors show it."""
    without: tuple[str, ...] = ()
    """Names that are left out although a later pod has the next: of pods that were removed."""

    @property
    def chooser(self) -> str:
        """Who chooses the pod of a request: the balancer with its policy, or the proxy's policy."""
        return self.balancer or self.policy

    def chosen_by(self, chooser: str) -> StackSpec:
        """The same stack with another ``chooser`` of the same kind."""
        return replace(self, balancer=chooser) if self.balancer else replace(self, policy=chooser)

    @property
    def profile(self) -> ServiceProfile:
        """How the pods are spoken to."""
        return CAPTCHA if self.service is None else self.service.profile

    @property
    def pod_names(self) -> tuple[str, ...]:
        """captcha-api-a, captcha-api-b, …"""
        return tuple(pod for pod in pod_names(MAX_PODS) if pod not in self.without)[: self.pods]

    def with_pods(self, names: Sequence[str]) -> StackSpec:
        """The same stack with exactly these pods, full names in their order; what only others had is gone."""
        before_last = pod_names(pod_place(names[-1]))
        return replace(
            self,
            pods=len(names),
            without=tuple(pod for pod in before_last if pod not in names),
            pod_env={pod: env for pod, env in self.pod_env.items() if pod in names},
        )

    def store(self, strategy: Strategy) -> str:
        """Where sessions are with ``strategy``, in a word: how one's own service keeps them is its affair.

        "own" where it has no switch between memory and Redis, so that it is not known.
        """
        if self.service is None:
            return str(strategy)
        if not self.service.switchable:
            return "own"
        return "memory" if strategy is Strategy.MEMORY else "Redis"

    def check(self) -> None:
        """Raises UsageProblem for a store that cannot serve on the Redis that is wished."""
        if (
            self.redis_mode is RedisMode.CLUSTER
            and self.effective_strategy in TEACHING_STORES
            and self.service is None
        ):
            raise UsageProblem(
                f"the {self.strategy} store has no cluster client", hint="guide and atomic run on a cluster"
            )

    def settings_of(self, pod: str) -> dict[str, str]:
        """The service's variables of one pod, without addresses: flag, strategy, then env, then pod_env."""
        settings: dict[str, str] = {
            "USE_REDIS": "true" if self.use_redis else "false",
            "SESSION_STRATEGY": str(self.strategy if self.strategy != Strategy.MEMORY else Strategy.ATOMIC),
        }
        return {**settings, **self.env_of(pod)}

    def env_of(self, pod: str) -> dict[str, str]:
        """The variables that one pod was given with the stack: env, then pod_env."""
        return {**self.env, **self.pod_env.get(pod, {})}

    def to_json(self) -> dict[str, Any]:
        """A plain dict; ``from_json`` reads it back."""
        return {
            **asdict(self),
            "strategy": str(self.strategy),
            "redis_mode": str(self.redis_mode),
            "env": dict(self.env),
            "pod_env": {pod: dict(env) for pod, env in self.pod_env.items()},
            "without": list(self.without),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StackSpec:
        """The inverse of ``to_json``."""
        return replace(
            cls(**{k: v for k, v in data.items() if k not in ("ports", "strategy", "redis_mode", "service")}),
            ports=Ports(**data["ports"]),
            strategy=Strategy(data["strategy"]),
            redis_mode=RedisMode(data.get("redis_mode", RedisMode.STANDALONE)),
            service=ServiceSpec.from_json(data["service"]) if data.get("service") else None,
            without=tuple(data.get("without", ())),
        )

    def lacks_policy(self, what: str, policy: str) -> str:
        """Why ``what``, which needs this policy of the proxy, cannot run here; empty where it can."""
        if not self.balancer:
            return ""
        return f"{what} needs the proxy's policy {policy}, and {self.balancer} chooses the pod"

    @property
    def effective_strategy(self) -> Strategy:
        """What the flag and SESSION_STRATEGY come to: memory where USE_REDIS is off."""
        return self.strategy if self.use_redis else Strategy.MEMORY


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a running stack is reached from this machine. URLs have no trailing slash."""

    traffic: str
    """What clients connect to: the balancer where there is one, else the proxy."""
    control: str
    ml: str
    redis_host: str
    redis_port: int
    pods: Mapping[str, str] = field(default_factory=dict)
    """A pod's own URL where it is reachable past the proxy (embedded); else empty."""
    redis_nodes: tuple[str, ...] = ()
    """Every node, as host:port, where Redis is a cluster; that of ``redis_port`` first."""
    redis_access: str = ""
    """The file of the credentials (``RedisAccess``), empty where none are needed."""
    redis_replica: str = ""
    """A replica that is not written to, as host:port; empty without one."""
    proxy: str = ""
    """The proxy, past the balancer; empty where ``traffic`` is the proxy."""

    @property
    def pinned(self) -> str:
        """Where requests that name their pod go: they need no balancer."""
        return self.proxy or self.traffic

    def to_json(self) -> dict[str, Any]:
        """A plain dict; ``from_json`` reads it back."""
        return {**asdict(self), "pods": dict(self.pods), "redis_nodes": list(self.redis_nodes)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Endpoints:
        """The inverse of ``to_json``."""
        return cls(**{**data, "redis_nodes": tuple(data.get("redis_nodes", ()))})


@dataclass(frozen=True, slots=True)
class PodStatus:
    """One pod."""

    name: str
    state: str
    """running, paused, starting or stopped."""
    settings: Mapping[str, str]
    """Its variables, without secret ones."""
    pid: int | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class BalancerStatus:
    """The load balancer in front of the pods."""

    setting: str
    """As ``parse_balancer`` reads it."""
    version: str
    state: str
    """running or stopped."""
    program: str
    """The path of its program, or its image."""
    pid: int | None = None
    problem: str = ""
    """How it ended by itself, with its last words; empty where it did not."""


@dataclass(frozen=True, slots=True)
class StackStatus:
    """A running stack."""

    backend: str
    spec: StackSpec
    endpoints: Endpoints
    pods: tuple[PodStatus, ...]
    redis_engine: str
    """redis or valkey."""
    redis_version: str
    redis_state: str
    """running, paused or stopped."""
    balancer: BalancerStatus | None = None
    """The load balancer in front, where there is one."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``devenv status --json``, without values of a service's variables and headers."""
        service = self.spec.service
        spec = self.spec if service is None else replace(self.spec, service=service.public())
        return {
            **asdict(self),
            "spec": spec.to_json(),
            "endpoints": self.endpoints.to_json(),
            "pods": [{**asdict(pod), "settings": dict(pod.settings)} for pod in self.pods],
        }
