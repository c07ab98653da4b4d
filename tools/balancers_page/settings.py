"""The settings of the page, and what other programs measured of the same settings before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from devenv.core.balancers import PRODUCTS, parse_balancer
from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.balancers import WHEEL, Program, find
from devenv.stack.balancers.programs import override_of
from devenv.verbs.balance.targets import BalancerTarget, ProxyTarget, Target

SEED = 1
SESSIONS = 1000
"""Of each share, at most."""
STARTS = 5
"""So often the balancer is started for a share that is measured again, each time for ``SESSIONS``."""
COMPARED = ("kept", "new", "users")
"""The kinds of clients whose shares were measured before."""
WITHIN = 5.0
"""Points: two shares that differ by no more agree."""
LONG_PAUSES = "users, long pauses"
"""``users`` with pauses that are ten times as long: what the machine takes to answer counts less."""


@dataclass(frozen=True, slots=True)
class PageSetting:
    """One row of the page."""

    target: str
    """As ``devenv balance`` takes it."""
    version: str = ""
    """The version of the balancer's program; "" for the proxy's policies."""
    reference: tuple[float, float, float] | None = None
    """The shares in percent that were measured before: kept, new, users."""
    failures: bool = False
    """Whether pods that fail are measured too."""

    def differing(self, record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
        """The kinds of clients whose shares do not agree with those before, and those before in percent."""
        for name, before in zip(COMPARED, self.reference or (), strict=False):
            lost, sessions = record["shares"][name]
            if abs(100 * lost / sessions - before) > WITHIN:
                yield name, before

    @property
    def title(self) -> str:
        """The row's name."""
        return f"{self.target}, {self.version}" if self.version else self.target


NGINX_OLD, NGINX, HAPROXY_OLD, HAPROXY = "1.22.1", "1.31.3", "2.6.12", "2.8.25"
ENVOY, TRAEFIK, CADDY = "1.40.0", "3.7.15", "2.11.7"

SETTINGS: tuple[PageSetting, ...] = (
    PageSetting("nginx:round_robin", NGINX_OLD, (100, 100, 46), failures=True),
    PageSetting("nginx:round_robin,keepalive=on", NGINX_OLD, (100, 100, 50)),
    PageSetting("nginx:round_robin,workers=2,zone=on", NGINX_OLD, (100, 100, 49)),
    PageSetting("nginx:least_conn", NGINX_OLD, (100, 100, 46.4)),
    PageSetting("nginx:round_robin", NGINX, (100, 100, 49.4), failures=True),
    PageSetting("nginx:round_robin,max_fails=0", NGINX, None, failures=True),
    PageSetting("nginx:round_robin,proxy_next_upstream=non_idempotent", NGINX, None, failures=True),
    PageSetting("nginx:round_robin,keepalive=off", NGINX, (100, 100, 47)),
    PageSetting("nginx:round_robin,workers=2", NGINX, (100, 100, 48.2)),
    PageSetting("nginx:round_robin,workers=2,zone=on", NGINX, (100, 100, 51.8)),
    PageSetting("nginx:round_robin,workers=2,reuseport=on", NGINX, (100, 100, 52)),
    PageSetting("nginx:least_conn", NGINX, (100, 100, 49.6)),
    PageSetting("nginx:ip_hash", NGINX, (0, 0, 0)),
    PageSetting("nginx:hash_remote_port", NGINX, (0, 54.1, 42.2)),
    PageSetting("nginx:hash_request_uri", NGINX),
    PageSetting("nginx:random", NGINX, (50.7, 48.9, 46.3)),
    PageSetting("nginx:random_two,workers=2,zone=on", NGINX, (50, 48, 50.5)),
    PageSetting("nginx:sticky_cookie", NGINX, (0, 0, 0), failures=True),
    PageSetting("nginx:stream", NGINX, (0, 100, 47.4), failures=True),
    PageSetting("haproxy:roundrobin", HAPROXY_OLD, (100, 100, 50.8), failures=True),
    PageSetting("haproxy:roundrobin", HAPROXY, (100, 100, 49.4), failures=True),
    PageSetting("haproxy:roundrobin,redispatch=on", HAPROXY, None, failures=True),
    PageSetting("haproxy:roundrobin,retry-on=all-retryable-errors", HAPROXY, None, failures=True),
    PageSetting("haproxy:roundrobin,workers=2", HAPROXY, (100, 100, 46.8)),
    PageSetting("haproxy:roundrobin,http-reuse=always", HAPROXY, (100, 100, 49.6)),
    PageSetting("haproxy:roundrobin,keepalive=off", HAPROXY, (100, 100, 46.6)),
    PageSetting("haproxy:static-rr", HAPROXY, (100, 100, 48.8)),
    PageSetting("haproxy:leastconn", HAPROXY, (100, 100, 50)),
    PageSetting("haproxy:source", HAPROXY, (0, 0, 0)),
    PageSetting("haproxy:random", HAPROXY, (50.1, 50.7, 51.2)),
    PageSetting("haproxy:first", HAPROXY, (0, 0, 0)),
    PageSetting("haproxy:cookie", HAPROXY, (0, 0, 0), failures=True),
    PageSetting("haproxy:tcp-roundrobin", HAPROXY, (0, 100, 45.8), failures=True),
    PageSetting("envoy:round_robin", ENVOY, (100, 100, 47.4), failures=True),
    PageSetting("envoy:round_robin,retry_on=reset", ENVOY, None, failures=True),
    PageSetting("envoy:round_robin,workers=2", ENVOY, None),
    PageSetting("envoy:least_request", ENVOY, (50.9, 49.6, 49.7)),
    PageSetting("envoy:random", ENVOY, (51.8, 49.4, 49.3)),
    PageSetting("envoy:ring_hash", ENVOY, (50, 48.6, 50.6)),
    PageSetting("envoy:ring_hash-source_ip", ENVOY, (0, 0, 0)),
    PageSetting("envoy:ring_hash-cookie", ENVOY, (0, 0, 0)),
    PageSetting("envoy:maglev", ENVOY, (50.1, 51.4, 50.1)),
    PageSetting("envoy:tcp_proxy", ENVOY, (0, 100, 47.4), failures=True),
    PageSetting("traefik:wrr", TRAEFIK, (100, 100, 45.8), failures=True),
    PageSetting("traefik:wrr,retry=2", TRAEFIK, None, failures=True),
    PageSetting("traefik:p2c", TRAEFIK, (48.6, 51, 49.8)),
    PageSetting("traefik:hrw", TRAEFIK, (0, 0, 0)),
    PageSetting("traefik:leasttime", TRAEFIK, (0.2, 0.2, 50)),
    PageSetting("traefik:sticky_cookie", TRAEFIK, (0, 0, 0), failures=True),
    PageSetting("traefik:tcp", TRAEFIK, (0, 100, 44.3), failures=True),
    PageSetting("caddy:random", CADDY, (47, 48.9, 49.4), failures=True),
    PageSetting("caddy:round_robin", CADDY, (100, 100, 45), failures=True),
    PageSetting("caddy:round_robin,lb_try_duration=5s", CADDY, None, failures=True),
    PageSetting("caddy:round_robin,fail_duration=30s", CADDY, None, failures=True),
    PageSetting("caddy:least_conn", CADDY, (51.7, 48, 50.5)),
    PageSetting("caddy:ip_hash", CADDY, (0, 0, 0)),
    PageSetting("caddy:cookie", CADDY, (0, 0, 0), failures=True),
    PageSetting("caddy:first", CADDY, (0, 0, 0)),
    PageSetting("caddy:random_choose", CADDY, (0, 0, 47.2)),
    *(
        PageSetting(policy, failures=policy == "round-robin")
        for policy in (
            "round-robin", "random", "least-in-flight", "source-hash", "cookie-sticky", "per-connection",
            "weighted:a=3,b=1",
        )
    ),
)  # fmt: skip


def target_of_setting(setting: PageSetting) -> Target | None:
    """What is measured; None where this machine has no program of that version."""
    product = setting.target.partition(":")[0]
    if product not in PRODUCTS:
        return ProxyTarget(setting.target, SEED)
    program = _program(product, setting.version)
    return None if program is None else BalancerTarget(parse_balancer(setting.target), program)


def _program(product: str, version: str) -> Program | None:
    for environ in ({override_of(product): WHEEL}, {"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin"}):
        try:
            program = find(product, environ)
        except EnvironmentProblem:
            continue
        if program.version == version:
            return program
    return None
