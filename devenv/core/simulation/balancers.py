"""Routing in a simulation: the proxy's own policies, and models of load balancers as they were measured.

A model is a policy object like the proxy's (``core.routing.Policy``) for the event engine, and a ``Kind``
with an argument for the vectorised one. The models of real balancers name the version that was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from devenv.core.balancers import PRODUCTS, BalancerSetting, parse_balancer
from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import MAX_PODS, POD_PREFIX, pod_name
from devenv.core.routing import POLICIES as PROXY_POLICIES
from devenv.core.routing import Choice, Policy, RequestFacts, parse_policy
from devenv.core.routing.policies import RoundRobin, Weighted, _Base

if TYPE_CHECKING:
    from random import Random


class Kind(StrEnum):
    """How a choice comes about, as far as the vectorised engine needs to tell."""

    RANDOM = "random"
    """A uniform draw per request."""
    TURNS = "turns"
    """Each pod in turn, one counter."""
    TURNS_PER_WORKER = "turns per worker"
    """Each worker process of the balancer has a counter; a connection stays with its worker."""
    WEIGHTED = "weighted"
    """In turn by weight."""
    RENDEZVOUS = "rendezvous"
    """By the client's address, highest random weight."""
    HASH_MOD = "hash mod"
    """By the client's address: hash modulo the number of pods."""
    COOKIE = "cookie"
    """The pod of the first request."""
    CONNECTION = "connection"
    """A uniform draw per connection."""
    PINNED = "pinned"
    """One pod."""
    STICKY_CANARY = "sticky canary"
    """A cookie keeps those on the canary who got there once; all others are drawn for each request."""
    COHORT = "cohort"
    """The pods of the group that made the session: only the event engine has these."""
    BUSY = "busy"
    """By the requests under way: only the event engine has these."""


@dataclass(frozen=True, slots=True)
class Routing:
    """A policy or model over given pods."""

    kind: Kind
    policy: Callable[[], Policy]
    """A fresh policy object for the event engine."""
    argument: tuple[float, ...] = ()
    """Workers, weights by pod, the pinned pod's index, or the canary's share."""


class HashMod(_Base):
    """The client's hash modulo the number of candidates, as ``hash`` without ``consistent`` does in nginx."""

    name = "hash-mod"

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """The candidate at the hash of the client's address modulo their number."""
        return Choice(candidates[mixed(int(request.client)) % len(candidates)])


class TurnsPerWorker(_Base):
    """Round robin whose counter is each balancer process's own: nginx without ``zone``, Envoy, lighttpd."""

    name = "turns-per-worker"

    def __init__(self, pods: Sequence[str], workers: int) -> None:
        super().__init__(pods)
        self._turns = [RoundRobin(pods) for _ in range(workers)]

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """The next pod of the worker that has the request's connection."""
        worker = mixed(request.connection) % len(self._turns)
        return self._turns[worker].choose(request, candidates, in_flight, rng)


class StickyCanary(_Base):
    """The last pod is the canary: a draw with its share, and a cookie for those alone whom it falls on."""

    name = "sticky-canary"

    def __init__(self, pods: Sequence[str], share: float) -> None:
        super().__init__(pods)
        self._share = share

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """The canary where the cookie says so or the draw falls on it, else one of the others at random."""
        canary, others = self.pods[-1], [pod for pod in candidates if pod != self.pods[-1]]
        if canary in candidates and (request.cookie == canary or not others or rng.random() < self._share):
            return Choice(canary, set_cookie=canary)
        return Choice(others[int(rng.random() * len(others))])


class LeastBusy(_Base):
    """The pod with the fewest requests under way; ties go to the first pod, or to one at random."""

    name = "least-busy"

    def __init__(self, pods: Sequence[str], ties: str) -> None:
        super().__init__(pods)
        self._random = ties == "random"

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """The least busy candidate."""
        least = min(in_flight.get(pod, 0) for pod in candidates)
        equals = [pod for pod in candidates if in_flight.get(pod, 0) == least]
        return Choice(equals[int(rng.random() * len(equals))] if self._random else equals[0])


class TwoChoices(_Base):
    """The less busy of two pods drawn at random (power of two choices, Mitzenmacher 1996)."""

    name = "two-choices"

    def choose(
        self, request: RequestFacts, candidates: Sequence[str], in_flight: Mapping[str, int], rng: Random
    ) -> Choice:
        """Two draws with replacement, as Envoy's; the first of equals."""
        first, second = (candidates[int(rng.random() * len(candidates))] for _ in range(2))
        return Choice(second if in_flight.get(second, 0) < in_flight.get(first, 0) else first)


GENERIC = {
    "hash-mod": "the client's hash modulo the number of pods",
    "turns-per-worker": "turns-per-worker:N: round robin, a counter for each of N balancer processes",
    "sticky-canary": "sticky-canary:W: share W to the last pod, and a cookie for those whom it falls on",
    "least-busy": "least-busy:first or least-busy:random: how ties are broken",
    "two-choices": "the less busy of two pods drawn at random",
}
"""Models with their arguments."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A real balancer in one of its modes."""

    model: str
    """The policy that it was measured to follow."""
    setting: str = ""
    """``PRODUCT:policy`` as in ``core/balancers``; empty where it is no policy of a product there."""
    without_cookies: str | None = None
    """The policy for clients that send no cookies back, "" where none is known; None: the same."""
    played: str | None = None
    """The options, each after a comma, with which ``--against-real`` starts it; None: it does not."""


MEASURED: Mapping[str, Measured] = {
    "nginx": Measured("round-robin", "nginx:round_robin", played=",max_fails=0"),
    "nginx-workers": Measured("turns-per-worker:2", "nginx:round_robin", played=",workers=2,max_fails=0"),
    "nginx-least-conn": Measured("least-in-flight", "nginx:least_conn", played=",max_fails=0"),
    "nginx-ip-hash": Measured("source-hash", "nginx:ip_hash", played=",max_fails=0"),
    "nginx-hash": Measured("hash-mod"),
    "nginx-random": Measured("random", "nginx:random", played=",max_fails=0"),
    "nginx-random-two": Measured("least-busy:random", "nginx:random_two", played=",max_fails=0"),
    "nginx-sticky-cookie": Measured("cookie-sticky", "nginx:sticky_cookie", "round-robin", ",max_fails=0"),
    "haproxy": Measured("round-robin", "haproxy:roundrobin", played=""),
    "haproxy-static-rr": Measured("round-robin", "haproxy:static-rr", played=""),
    "haproxy-leastconn": Measured("least-in-flight", "haproxy:leastconn", played=""),
    "haproxy-source": Measured("source-hash", "haproxy:source", played=""),
    "haproxy-random": Measured("two-choices", "haproxy:random", played=""),
    "haproxy-first": Measured("pinned:a", "haproxy:first", played=""),
    "haproxy-cookie": Measured("cookie-sticky", "haproxy:cookie", "round-robin", ""),
    "caddy": Measured("random", "caddy:random", played=""),
    "caddy-round-robin": Measured("round-robin", "caddy:round_robin", played=""),
    "caddy-least-conn": Measured("least-busy:random", "caddy:least_conn", played=""),
    "caddy-first": Measured("pinned:a", "caddy:first", played=""),
    "caddy-ip-hash": Measured("source-hash", "caddy:ip_hash", played=""),
    "caddy-cookie": Measured("cookie-sticky", "caddy:cookie", "random", ""),
    "traefik": Measured("round-robin", "traefik:wrr", played=""),
    "traefik-p2c": Measured("two-choices", "traefik:p2c", played=""),
    "traefik-hrw": Measured("source-hash", "traefik:hrw", played=""),
    "traefik-sticky-cookie": Measured("cookie-sticky", "traefik:sticky_cookie", "round-robin", ""),
    "envoy": Measured("round-robin", "envoy:round_robin", played=""),
    "envoy-least-request": Measured("two-choices", "envoy:least_request", played=""),
    "envoy-random": Measured("random", "envoy:random", played=""),
    "envoy-ring-hash": Measured("random", "envoy:ring_hash", played=""),
    "envoy-ring-hash-source-ip": Measured("source-hash", "envoy:ring_hash-source_ip", played=""),
    "envoy-ring-hash-cookie": Measured("cookie-sticky", "envoy:ring_hash-cookie", "", ""),
    "envoy-maglev": Measured("random", "envoy:maglev", played=""),
    "envoy-maglev-source-ip": Measured("source-hash", "envoy:maglev-source_ip", played=""),
    "envoy-maglev-cookie": Measured("cookie-sticky", "envoy:maglev-cookie", "", ""),
    "apache": Measured("round-robin"),
    "lighttpd": Measured("least-busy:first"),
    "lighttpd-round-robin": Measured("round-robin"),
    "varnish": Measured("round-robin"),
    "squid-round-robin": Measured("round-robin"),
    "kube-proxy": Measured("per-connection"),
    "iptables-random": Measured("per-connection"),
}
"""Real balancers, by name and mode, as they were measured: nginx 1.22 and 1.31, HAProxy 2.6 and 2.8, Caddy
2.11, Traefik 3.7, Envoy 1.40, Apache 2.4, lighttpd 1.4, Varnish 7.1, Squid 5.7. The hashes of Envoy without a
key draw at random; those by a cookie hash the connection where the client sends none back."""

BALANCERS: Mapping[str, str] = {name: balancer.model for name, balancer in MEASURED.items()}
"""The model of each."""
OWN_TURNS: Mapping[str, str] = {"nginx": "round_robin", "envoy": "round_robin"}
"""By product: the policy whose turns are each worker's own; in nginx not with a zone."""
_PRODUCT_MODELS: Mapping[str, str] = {
    balancer.setting: balancer.model
    for balancer in MEASURED.values()
    if balancer.setting and not balancer.model.startswith("turns-per-worker")
}
"""By ``PRODUCT:policy``, for one worker."""

NAMES = (*PROXY_POLICIES, *GENERIC, *BALANCERS)
"""Everything that ``routing_of`` knows."""

_KINDS = {
    "round-robin": Kind.TURNS, "random": Kind.RANDOM, "least-in-flight": Kind.BUSY,
    "source-hash": Kind.RENDEZVOUS, "cookie-sticky": Kind.COOKIE, "per-connection": Kind.CONNECTION,
    "cohort": Kind.COHORT, "hash-mod": Kind.HASH_MOD, "two-choices": Kind.BUSY, "least-busy": Kind.BUSY,
}  # fmt: skip
MAX_PERIOD = 100_000
"""The longest cycle of a weighted policy that the vectorised engine unrolls."""


def pod_names_of(count: int) -> tuple[str, ...]:
    """Names of any number of pods: the first ``MAX_PODS`` as everywhere, the others by number."""
    return tuple(
        pod_name(index) if index < MAX_PODS else f"{POD_PREFIX}{index + 1}" for index in range(count)
    )


def own_turns(setting: BalancerSetting) -> bool:
    """Whether each worker of a balancer with this setting has turns of its own."""
    policy = OWN_TURNS.get(setting.product)
    return setting.workers > 1 and policy == setting.policy and setting.option("zone") != "on"


def product_setting(text: str) -> BalancerSetting | None:
    """The setting where ``text`` is one of a product (``haproxy:leastconn``), as ``--balancer`` has it.

    None for a policy of the proxy and for the name of a model. Raises UsageProblem as ``parse_balancer``.
    """
    name = text.partition(",")[0].partition(":")[0].strip()
    return None if text in BALANCERS or name not in PRODUCTS else parse_balancer(text)


def model_of(setting: BalancerSetting) -> str:
    """The model that a balancer was measured to follow. Raises UsageProblem where none is known."""
    if own_turns(setting):
        return f"turns-per-worker:{setting.workers}"
    model = _PRODUCT_MODELS.get(f"{setting.product}:{setting.policy}")
    if model is None:
        known = ", ".join(name for name in _PRODUCT_MODELS if name.startswith(f"{setting.product}:"))
        raise UsageProblem(
            f"policy {setting.product}:{setting.policy}: no model of it is known",
            hint=f"modelled: {known}; `devenv balance` measures any",
        )
    return model


def routing_of(text: str, pods: Sequence[str]) -> Routing:
    """The routing that ``text`` names. Raises UsageProblem for an unknown name or argument."""
    text = text.strip()
    setting = product_setting(text)
    text = BALANCERS.get(text, text) if setting is None else model_of(setting)
    name, colon, argument = text.partition(":")
    if name in PROXY_POLICIES:
        return _of_proxy(text, name, pods)
    if name == "turns-per-worker":
        workers = int(argument) if argument.isdecimal() else 0
        if not 1 <= workers <= 1024:
            raise UsageProblem(f"policy {text!r}: it needs a number of workers from 1 to 1024")
        return Routing(Kind.TURNS_PER_WORKER, lambda: TurnsPerWorker(pods, workers), (workers,))
    if name == "sticky-canary":
        share = _share(text, argument)
        return Routing(Kind.STICKY_CANARY, lambda: StickyCanary(pods, share), (share,))
    if name == "least-busy" and argument in ("first", "random"):
        return Routing(Kind.BUSY, lambda: LeastBusy(pods, argument))
    if name in ("hash-mod", "two-choices") and not colon:
        policy = HashMod if name == "hash-mod" else TwoChoices
        return Routing(_KINDS[name], lambda: policy(pods))
    if name in GENERIC:
        raise UsageProblem(f"policy {text!r}: write {GENERIC[name]}")
    raise UsageProblem(f"unknown policy {name!r}", hint="known: " + ", ".join(NAMES))


def _of_proxy(text: str, name: str, pods: Sequence[str]) -> Routing:
    policy = parse_policy(text, pods)
    if isinstance(policy, Weighted):
        weights = tuple(float(policy.weights[pod]) for pod in pods)
        return Routing(Kind.WEIGHTED, lambda: parse_policy(text, pods), weights)
    if policy.pin is not None:
        return Routing(Kind.PINNED, lambda: parse_policy(text, pods), (float(pods.index(policy.pin)),))
    return Routing(_KINDS[name], lambda: parse_policy(text, pods))


def _share(text: str, argument: str) -> float:
    try:
        share = float(argument)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise UsageProblem(f"policy {text!r}: the canary's share is a number between 0 and 1")
    return share


def mixed(number: int) -> int:
    """A 64-bit hash of a whole number: the finaliser of splitmix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    number = (number + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return number ^ (number >> 31)
