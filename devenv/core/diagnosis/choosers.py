"""Who chose a pod: what the text of a policy tells of it, and the directives that decide it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devenv.core.balance.models import models_of_balancer, models_of_policy
from devenv.core.balancers import PRODUCTS, BalancerSetting, parse_balancer
from devenv.core.diagnosis.stories import Call, Joined
from devenv.core.model.errors import DevenvError
from devenv.core.model.events import Exchange, ExchangeOutcome
from devenv.core.simulation.balancers import Kind, pod_names_of, routing_of

FAILED = (
    ExchangeOutcome.NO_CONNECTION,
    ExchangeOutcome.NO_ANSWER,
    ExchangeOutcome.BROKEN_ANSWER,
    ExchangeOutcome.CUT_OFF,
)
MOST_BETWEEN = 200
"""Of a long trace: at most this many requests between two of a session are looked at."""
_BY_CONNECTION = frozenset(
    {
        "nginx:stream",
        "nginx:hash_remote_port",
        "haproxy:tcp-roundrobin",
        "haproxy:tcp-leastconn",
        "envoy:tcp_proxy",
        "traefik:tcp",
    }
)
"""Settings that choose for each TCP connection."""
_BY_ADDRESS = {
    "nginx": "`ip_hash;` in the upstream",
    "haproxy": "`balance source` in the backend",
    "envoy": "a `hash_policy` of `source_ip` in the route",
    "traefik": "`strategy: hrw` of the service's loadBalancer",
    "caddy": "`lb_policy ip_hash` in reverse_proxy",
}
STICKY = {
    "nginx": "`sticky cookie srv;` in the upstream (nginx 1.29.6 and newer)",
    "haproxy": "`cookie SRV insert indirect nocache` in the backend, with `cookie NAME` on each server",
    "envoy": "`lb_policy: RING_HASH` with a `hash_policy` of a cookie",
    "traefik": "`sticky.cookie` of the service's loadBalancer",
    "caddy": "`lb_policy cookie` in reverse_proxy",
}
KEEPING_OUT = {
    "nginx": "`max_fails` and `fail_timeout` of the server (default: one failure, 10 s; 0: never)",
    "haproxy": "`check` and `observe layer7` of the server",
    "envoy": "`outlier_detection` of the cluster",
    "traefik": "`healthCheck` of the service's loadBalancer",
    "caddy": "`fail_duration` and `max_fails` in reverse_proxy",
}
SENDING_AGAIN = {
    "nginx": ("proxy_next_upstream", "take `non_idempotent` out of `proxy_next_upstream`"),
    "haproxy": ("retry-on", "leave `retry-on` at `conn-failure`, its default"),
    "envoy": ("retry_on", "take `reset` and `5xx` out of the route's `retry_on`, or limit it to GET"),
}
"""By product the option that sends a POST again, and what to change."""
NOT_DELIVERED = frozenset(
    {
        "off",
        "conn-failure",
        "connect-failure",
        "gateway-error",
        "refused-stream",
        "http3-post-connect-failure",
    }
)
"""Values of these options with which no request is sent again that a pod has read and not answered."""


@dataclass(frozen=True, slots=True)
class Chooser:
    """Who chose a pod, as far as the text of the policy tells."""

    model: str
    kind: Kind | None
    setting: BalancerSetting | None
    """None: the proxy's own policy."""

    @property
    def name(self) -> str:
        """``PRODUCT:policy`` without options; empty for the proxy's own policy."""
        return "" if self.setting is None else f"{self.setting.product}:{self.setting.policy}"

    @property
    def sticky(self) -> str:
        """How to keep a client on its pod."""
        return f"{self.cookie}, or `ip_hash;`" if self.name.startswith("nginx:") else self.cookie

    @property
    def cookie(self) -> str:
        """How to keep a client that sends cookies back on its pod."""
        if self.setting is None:
            return "`devenv route cookie-sticky`"
        return STICKY[self.setting.product]

    @property
    def by_address(self) -> str:
        """The directive by which the client's address decides; empty where it does not."""
        if self.kind not in (Kind.RENDEZVOUS, Kind.HASH_MOD):
            return ""
        return f"`devenv route {self.model}`" if self.setting is None else _BY_ADDRESS[self.setting.product]

    @property
    def by_connection(self) -> bool:
        """Whether the choice falls for each connection."""
        return self.kind is Kind.CONNECTION or self.name in _BY_CONNECTION


@dataclass(frozen=True, slots=True)
class Traffic:
    """All requests of a trace."""

    exchanges: Sequence[Exchange]
    """By the time at which they began."""
    joined: Joined
    pods: int
    met: Mapping[str, Mapping[str, Counter[str]]]
    """For each policy and client's address, how many requests each pod got."""

    def between(self, first: float, last: float) -> Sequence[Exchange]:
        """Those that began from ``first`` to ``last``; empty where they are too many to say anything of."""
        start = bisect_left(self.exchanges, first, key=lambda exchange: exchange.started)
        end = bisect_right(self.exchanges, last, key=lambda exchange: exchange.started)
        return self.exchanges[start:end] if end - start <= MOST_BETWEEN else ()


def chooser_of(text: str) -> Chooser:
    """The chooser that a policy's text names; one without a kind where it says nothing that is known."""
    setting, model = None, ""
    try:
        if text.partition(":")[0].partition(",")[0] in PRODUCTS:
            setting = parse_balancer(text)
            model = models_of_balancer(setting).of(cookies=True)
        else:
            model = models_of_policy(text).of(cookies=True)
        kind = routing_of(model, pod_names_of(2)).kind if model else None
    except DevenvError:
        kind = None
    return Chooser(model, kind, setting)


def same_memory(joined: Joined, create: Call, verify: Call) -> bool:
    """Whether both met one pod, which keeps sessions in its memory."""
    return create.pod == verify.pod and in_memory(joined, create, verify)


def in_memory(joined: Joined, *calls: Call) -> bool:
    """Whether the pods of all ``calls`` keep sessions in their memory."""
    return all(joined.flag(call) is False and not call.steps for call in calls)


def numbered(exchange: Exchange) -> str:
    """Its number, as ``explain`` shows it."""
    return f"#{exchange.seq}"


def ended(exchange: Exchange) -> float:
    """When it ended, in seconds since the epoch."""
    return exchange.started + exchange.duration_ms / 1000


def address_of(exchange: Exchange) -> str:
    """The client's address without its port."""
    return exchange.client.rpartition(":")[0]
