"""By which model a balancer's policy chooses, where that is known: its formulas then hold."""

from __future__ import annotations

from dataclasses import dataclass

from devenv.core.balancers import BalancerSetting


@dataclass(frozen=True, slots=True)
class Models:
    """Policies of the proxy or models of the simulation; "" where none is known."""

    with_cookies: str = ""
    """For clients that send cookies back."""
    without_cookies: str = ""
    """For those that do not."""

    def of(self, *, cookies: bool) -> str:
        """The model for one kind of client."""
        return self.with_cookies if cookies else self.without_cookies


def models_of_policy(policy: str) -> Models:
    """The models of the proxy's own policy."""
    return Models(policy, "round-robin" if policy == "cookie-sticky" else policy)


_SHARED_TURNS = {"nginx": "round_robin", "envoy": "round_robin"}
"""Policies whose turns are each worker's own: the model holds for one worker, in nginx also with a zone."""
_MODELS: dict[tuple[str, str], str] = {
    ("nginx", "round_robin"): "round-robin",
    ("nginx", "least_conn"): "least-in-flight",
    ("nginx", "ip_hash"): "source-hash",
    ("nginx", "random"): "random",
    ("nginx", "random_two"): "least-busy:random",
    ("haproxy", "roundrobin"): "round-robin",
    ("haproxy", "static-rr"): "round-robin",
    ("haproxy", "leastconn"): "least-in-flight",
    ("haproxy", "source"): "source-hash",
    ("haproxy", "first"): "pinned:a",
    ("envoy", "round_robin"): "round-robin",
    ("envoy", "least_request"): "two-choices",
    ("envoy", "random"): "random",
    ("envoy", "ring_hash"): "random",
    ("envoy", "ring_hash-source_ip"): "source-hash",
    ("envoy", "maglev"): "random",
    ("envoy", "maglev-source_ip"): "source-hash",
    ("traefik", "wrr"): "round-robin",
    ("traefik", "p2c"): "two-choices",
    ("traefik", "hrw"): "source-hash",
    ("caddy", "random"): "random",
    ("caddy", "round_robin"): "round-robin",
    ("caddy", "least_conn"): "least-busy:random",
    ("caddy", "first"): "pinned:a",
    ("caddy", "ip_hash"): "source-hash",
}
_STICKY: dict[tuple[str, str], str] = {
    ("nginx", "sticky_cookie"): "round-robin",
    ("haproxy", "cookie"): "round-robin",
    ("traefik", "sticky_cookie"): "round-robin",
    ("caddy", "cookie"): "random",
    ("envoy", "ring_hash-cookie"): "",
    ("envoy", "maglev-cookie"): "",
}
"""Cookies, and the model for clients that do not send them back; Envoy hashes their connection then."""


def models_of_balancer(setting: BalancerSetting) -> Models:
    """The models that were measured for a balancer's setting: see ``BALANCERS`` in ``core/simulation``."""
    key = (setting.product, setting.policy)
    if key in _STICKY:
        return Models("cookie-sticky", _STICKY[key])
    own_turns = setting.workers > 1 and _SHARED_TURNS.get(setting.product) == setting.policy
    if own_turns and setting.option("zone") != "on":
        return Models()
    model = _MODELS.get(key, "")
    return Models(model, model)
