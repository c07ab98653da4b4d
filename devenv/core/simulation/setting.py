"""What is simulated: pods, routing, stores, people and what happens to them, each field checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from devenv.core.model.contract import CAPTCHA_TTL_SECONDS, REDIS_TIMEOUT_MS
from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.simulation.thinking import Shape, Thinking

MAX_PODS = 1000
MAX_WORKERS = 64
MAX_LOOKUPS = 100
CAPTCHA_MIX: Mapping[CaptchaType, float] = {CaptchaType.ABSTRACT: 1.0}
"""The types of challenges where nothing else is chosen: of these two others behave the same in memory."""


class LookupRule(StrEnum):
    """How pods whose flags differ serve look-ups."""

    FLAG = "flag"
    """Each pod looks where its own flag says, for births and look-ups (as the migration guide has it)."""
    MARK = "mark"
    """Births by the pod's flag; look-ups where the id's own mark says. Every pod can read Redis."""
    COHORT = "cohort"
    """As FLAG, and a session's look-ups go only to pods whose flag is that of the pod that made it."""


class Upstream(StrEnum):
    """How the balancer connects to a pod's processes; it matters with several workers."""

    KEPT = "kept"
    """Connections are kept and the one used last is taken first, as the proxy does; each is one process's."""
    APART = "apart"
    """As KEPT, and each connection is that of a process of its own: no way of accepting loses more."""
    NEW = "new"
    """A connection for each request, accepted by a process drawn by ``Setting.accepts``."""


@dataclass(frozen=True, slots=True)
class RollingRestart:
    """All pods restart, one after the other."""

    start: float
    """Seconds from the window's start to the first pod's restart."""
    step: float
    """Seconds from one pod's restart to the next one's."""
    down: float = 0.0
    """Seconds that a pod is out of service while it restarts."""
    to_redis: bool = False
    """Whether a pod has its sessions in Redis from its restart on (``toggle on --rolling``)."""


@dataclass(frozen=True, slots=True)
class Resize:
    """Pods are added or removed at one moment."""

    moment: float
    """Seconds from the window's start."""
    pods: int
    """The number of pods from then on."""


@dataclass(frozen=True, slots=True)
class PodRestart:
    """One pod restarts at a known moment: one that was seen in a measurement."""

    pod: int
    """Its index, from 0."""
    start: float
    """When it ends, in seconds from the window's start."""
    back: float
    """When it serves again, in seconds from the window's start."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Redis is out of reach for a time. A failover is a short one that forgets the last writes."""

    start: float
    """Seconds from the window's start."""
    length: float
    """Seconds."""
    forgets: float = 0.0
    """What was written in this many seconds before the start is gone (inf: everything)."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. Times are in seconds, shares from 0 to 1.

    Raises UsageProblem that names the field where a value is out of its range.
    """

    pods: int = 2
    """Pods at the start."""
    workers: int = 1
    """Processes in each pod; each has a memory of its own."""
    upstream: Upstream = Upstream.KEPT
    """The balancer's connections to pods. A policy per connection passes the client's own through."""
    accepts: tuple[float, ...] = ()
    """This many connections each process of a pod accepts, in proportion; empty: all as many. The operating
    system decides it: processes that wait at one socket are not woken in turn."""
    policy: str = "round-robin"
    """A policy of the proxy or a model of a load balancer (``balancers.NAMES``)."""
    keep_alive: float = 5.0
    """A client's connection that was idle for longer is closed; 0: a connection for each request."""
    new_connections: float = 0.0
    """The share of further requests that open a connection although one is kept."""
    redis_pods: int = 0
    """This many pods, the first ones, keep their sessions in Redis, the others in memory."""
    rule: LookupRule = LookupRule.FLAG
    """Where a session is looked for."""
    strategy: Strategy = Strategy.ATOMIC
    """The store of the pods with Redis."""
    ttl: float = float(CAPTCHA_TTL_SECONDS)
    """How long a session lives."""
    thinking: Thinking = field(default_factory=lambda: Thinking(Shape.EXPONENTIAL, 8.0))
    """The time between two requests of a session."""
    lookups: int = 1
    """Requests of a session after the one that opens it."""
    rate: float = 10.0
    """Sessions opened per second, on average; arrivals are a Poisson process."""
    window: float = 0.0
    """Sessions are opened in a window of this many seconds, in which the events lie; it is played again with
    new sessions until there are enough. 0: long enough for the events, and without any no limit."""
    crash_every: float = 0.0
    """The mean time between two restarts of one pod, exponential; 0: never. It is back at once."""
    rolling: RollingRestart | None = None
    resize: Resize | None = None
    outages: tuple[Outage, ...] = ()
    restarts: tuple[PodRestart, ...] = ()
    """Restarts of single pods at known moments; those of one pod do not overlap."""
    redis_latency: float = 0.0005
    """The mean round trip to Redis, exponential."""
    redis_timeout: float = REDIS_TIMEOUT_MS / 1000
    """How long a pod waits for Redis before it answers 503."""
    service_time: float = 0.005
    """The mean time of a pod's own work on a request, exponential."""
    answer_times: tuple[float, ...] = ()
    """Times until an answer that were measured, in seconds, in the order of the requests. Where there are
    any, requests of the event engine are under way for so long; each run begins with the first one."""
    retries: int = 0
    """How often a client sends a request again that was answered by 503."""
    retry_after: float = 1.0
    """Seconds before it does."""
    double_clicks: float = 0.0
    """The share of last look-ups that are sent a second time while the first is under way."""
    double_click_gap: float = 0.1
    """Seconds between the two."""
    types: Mapping[CaptchaType, float] = field(default_factory=lambda: dict(CAPTCHA_MIX))
    """The share of each captcha type; they add up to 1."""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def worker_shares(self) -> tuple[float, ...]:
        """The share of a pod's connections that each process accepts."""
        counts = self.accepts or (1.0,) * self.workers
        return tuple(count / sum(counts) for count in counts)

    @property
    def most_pods(self) -> int:
        """The highest number of pods at any time."""
        return max(self.pods, self.resize.pods if self.resize else 0)

    @property
    def eventful(self) -> bool:
        """Whether something happens to pods or Redis at a given moment."""
        return bool(self.rolling or self.resize or self.outages or self.restarts)

    @property
    def span(self) -> float:
        """The window in seconds; infinite where nothing happens at a moment of it and none was given."""
        if self.window:
            return self.window
        if not self.eventful:
            return math.inf
        ends = [outage.start + outage.length for outage in self.outages]
        ends += [self.resize.moment] if self.resize else []
        ends += [restart.back for restart in self.restarts]
        if self.rolling:
            ends.append(self.rolling.start + (self.pods - 1) * self.rolling.step + self.rolling.down)
        return max(ends) + self.ttl

    @property
    def uses_redis(self) -> bool:
        """Whether any pod keeps sessions in Redis at any time."""
        return self.redis_pods > 0 or bool(self.rolling and self.rolling.to_redis)

    @property
    def handwriting(self) -> float:
        """The share of handwriting, which in memory has one word per process."""
        return self.types.get(CaptchaType.HANDWRITING, 0.0)

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``; the distribution as its text, infinite times as null, and of measured
        times how many there are."""
        data = asdict(self)
        data["thinking"] = self.thinking.text
        data["types"] = {str(kind): share for kind, share in self.types.items()}
        data["outages"] = [
            {**asdict(outage), "forgets": None if math.isinf(outage.forgets) else outage.forgets}
            for outage in self.outages
        ]
        data["answer_times"] = len(self.answer_times)
        if math.isinf(self.keep_alive):
            data["keep_alive"] = None
        return data


def _check(setting: Setting) -> None:
    _whole("pods", setting.pods, 1, MAX_PODS)
    _whole("workers", setting.workers, 1, MAX_WORKERS)
    _whole("lookups", setting.lookups, 1, MAX_LOOKUPS)
    _whole("retries", setting.retries, 0, 100)
    _whole("redis-pods", setting.redis_pods, 0, setting.pods)
    for name in ("new_connections", "double_clicks"):
        _number(name, getattr(setting, name), 0.0, 1.0)
    for name in ("ttl", "rate", "redis_timeout", "retry_after"):
        _number(name, getattr(setting, name), 0.0, 1e7, above=True)
    for name in ("window", "crash_every", "redis_latency", "service_time", "double_click_gap"):
        _number(name, getattr(setting, name), 0.0, 1e7)
    _number("keep-alive", setting.keep_alive, 0.0, math.inf)
    for count in setting.accepts:
        _number("accepts", count, 0.0, 1e7)
    if setting.accepts and len(setting.accepts) != setting.workers:
        raise UsageProblem(
            f"accepts: {len(setting.accepts)} numbers, and there are {setting.workers} workers",
            hint="write one for each worker, as --accepts 4,2,1,1",
        )
    if setting.accepts and not sum(setting.accepts):
        raise UsageProblem("accepts: a number above 0 is missing")
    if abs(sum(setting.types.values()) - 1) > 1e-9 or any(share < 0 for share in setting.types.values()):
        raise UsageProblem(f"types: the shares {list(setting.types.values())} are not parts of 1")
    if setting.strategy is Strategy.MEMORY:
        raise UsageProblem("strategy: memory is no store of Redis", hint="write --redis-pods 0 for memory")
    _check_events(setting)


def _check_events(setting: Setting) -> None:
    if setting.rolling:
        for name in ("start", "step", "down"):
            _number(f"rolling {name}", getattr(setting.rolling, name), 0.0, 1e7)
    if setting.resize:
        _whole("resize pods", setting.resize.pods, 1, MAX_PODS)
        _number("resize moment", setting.resize.moment, 0.0, 1e7)
        if setting.rolling:
            raise UsageProblem("resize: not together with a rolling restart: simulate one after the other")
    end = -1.0
    for outage in sorted(setting.outages, key=lambda outage: outage.start):
        _number("outage start", outage.start, 0.0, 1e7)
        _number("outage length", outage.length, 0.0, 1e7)
        _number("outage forgets", outage.forgets, 0.0, math.inf)
        if outage.start < end:
            raise UsageProblem(f"outage: the one at {outage.start:g}s begins before the one before has ended")
        end = outage.start + outage.length
    if setting.window and setting.eventful:
        moments = [outage.start for outage in setting.outages]
        moments += [setting.rolling.start] if setting.rolling else []
        moments += [setting.resize.moment] if setting.resize else []
        if max(moments, default=0.0) >= setting.window:
            raise UsageProblem(
                f"window: {setting.window:g}s ends before the event at {max(moments):g}s begins"
            )


def _whole(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise UsageProblem(f"{name}: {value} is not a whole number from {low} to {high}")


def _number(name: str, value: float, low: float, high: float, *, above: bool = False) -> None:
    if math.isnan(value) or not low <= value <= high or (above and value == low):
        allowed = f"above {low:g}, up to {high:g}" if above else f"from {low:g} to {high:g}"
        raise UsageProblem(f"{name.replace('_', '-')}: {value:g} is not a number {allowed}")
