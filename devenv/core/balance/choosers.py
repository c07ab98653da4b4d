"""Who chose a pod: what the text of a policy tells of it, and the directives that decide it."""

from __future__ import annotations

from dataclasses import dataclass

from devenv.core.balance.models import Models, models_of_balancer, models_of_policy
from devenv.core.balancers import OWN_FILE, PRODUCTS, BalancerSetting, parse_balancer
from devenv.core.balancers.own_rules import Aspect, OwnRules
from devenv.core.model.errors import DevenvError
from devenv.core.simulation.balancers import Kind, pod_names_of, routing_of

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
    "caddy": ("lb_retry_match", "take POST out of `lb_retry_match`"),
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
    """Who chose a pod, as far as the text of the policy and a team's own file tell."""

    text: str
    """The policy's text."""
    model: str
    """The policy of the proxy, or the model of the simulation, that it follows; empty where none is known."""
    without_cookies: str
    """The same for clients that send no cookies back."""
    kind: Kind | None
    """How the model chooses; None where none is known."""
    setting: BalancerSetting | None
    """None: the proxy's own policy."""
    file_rules: OwnRules | None = None
    """What the team's own file says; None where the balancer has none."""

    @property
    def name(self) -> str:
        """``PRODUCT:policy`` without options; empty for the proxy's own policy."""
        return "" if self.setting is None else f"{self.setting.product}:{self.setting.policy}"

    @property
    def title(self) -> str:
        """The policy as sentences name it; of a team's own file what chooses in it, with its lines."""
        if self.file_rules is None or self.setting is None:
            return self.text
        return f"{self.setting.product} with {self.file_rules.named(Aspect.POLICY)}"

    @property
    def sticky(self) -> str:
        """How to keep a client on its pod."""
        return f"{self.cookie}, or `ip_hash;`" if self.name.startswith("nginx:") else self.cookie

    @property
    def cookie(self) -> str:
        """How to keep a client that sends cookies back on its pod."""
        if self.setting is None:
            return "`devenv route cookie-sticky`"
        return STICKY[self.setting.product] + (
            f", {self.file_rules.place}" if self.file_rules is not None else ""
        )

    @property
    def by_address(self) -> str:
        """The directive by which the client's address decides; empty where it does not."""
        if self.kind not in (Kind.RENDEZVOUS, Kind.HASH_MOD):
            return ""
        if self.setting is None:
            return f"`devenv route {self.model}`"
        return _BY_ADDRESS[self.setting.product] if self.file_rules is None else "the directive just named"

    @property
    def keeping_out(self) -> str:
        """What decides how long a failed pod gets no request; empty for the proxy's own policies."""
        if self.setting is None:
            return ""
        directives = KEEPING_OUT[self.setting.product]
        if self.file_rules is None:
            return directives
        return self.file_rules.named(Aspect.KEEPING_OUT) or f"{directives}; not set {self.file_rules.place}"

    @property
    def sending_again(self) -> tuple[str, str]:
        """What sends a POST again that a pod did not answer, and what to change; empty where nothing does."""
        if self.setting is None:
            return "", ""
        option, change = SENDING_AGAIN.get(self.setting.product, ("", ""))
        if self.file_rules is not None:
            return (named, change) if (named := self.file_rules.named(Aspect.SENDING_AGAIN)) else ("", "")
        sends = bool(option) and self.setting.option(option, "off") not in NOT_DELIVERED
        return (option, change) if sends else ("", "")

    @property
    def by_connection(self) -> bool:
        """Whether the choice falls for each connection."""
        return self.kind is Kind.CONNECTION or self.name in _BY_CONNECTION


def chooser_of(text: str, file_rules: OwnRules | None = None) -> Chooser:
    """The chooser that a policy's text names; one without a kind where it says nothing that is known.

    ``file_rules``: the rules of the team's file, where the stack's balancer has one.
    """
    if file_rules is not None and text == f"{file_rules.product}:{OWN_FILE}":
        return _of_own_file(text, file_rules)
    setting = None
    models = Models()
    try:
        if text.partition(":")[0].partition(",")[0] in PRODUCTS:
            setting = parse_balancer(text)
            models = models_of_balancer(setting)
        else:
            models = models_of_policy(text)
        kind = _kind(models.with_cookies)
    except DevenvError:
        kind = None
    return Chooser(text, models.with_cookies, models.without_cookies, kind, setting)


def _of_own_file(text: str, file_rules: OwnRules) -> Chooser:
    setting = parse_balancer(file_rules.setting or text)
    model = models_of_balancer(setting).of(cookies=True)
    without = (
        models_of_balancer(parse_balancer(file_rules.without_cookie)).of(cookies=False)
        if (file_rules.without_cookie)
        else ""
    )
    return Chooser(text, model, without, _kind(model), setting, file_rules)


def _kind(model: str) -> Kind | None:
    return routing_of(model, pod_names_of(2)).kind if model else None
