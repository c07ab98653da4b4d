"""HAProxy: its policies, and a haproxy.cfg (https://docs.haproxy.org/2.8/configuration.html)."""

from __future__ import annotations

import re

from devenv.core.balancers.setting import CLIENT_HEADER, ON_OFF, BalancerSetting, Option, Place, Product

FILE = "haproxy.cfg"
COOKIE = "cookie"
_TCP = "tcp-"
POLICIES = {
    "roundrobin": "each server in turn; the threads share the turns",
    "static-rr": "each server in turn, with fixed weights",
    "leastconn": "the server with the fewest connections; in turn among equals",
    "source": "by a hash of the client's address",
    "uri": "by a hash of the path",
    "random": "a random server of the less busy of two",
    "first": "the first server that has a free connection",
    COOKIE: "roundrobin, and the server that the cookie SRV names",
    "tcp-roundrobin": "mode tcp: a server in turn for each TCP connection",
    "tcp-leastconn": "mode tcp: the server with the fewest connections",
}
OPTIONS = {
    "http-reuse": Option(
        re.compile(r"never|safe|aggressive|always"),
        "never, safe, aggressive or always: which connections are reused",
    ),
    "retry-on": Option(
        re.compile(r"all-retryable-errors|conn-failure|empty-response"),
        "all-retryable-errors, conn-failure or empty-response: when a request is sent again, a POST too",
    ),
    "redispatch": Option(ON_OFF, "on or off: the last retry goes to another server"),
    "check": Option(ON_OFF, "on or off: the servers are checked each second"),
}


def files(setting: BalancerSetting, place: Place) -> dict[str, str]:
    """haproxy.cfg."""
    tcp = setting.policy.startswith(_TCP)
    balance = "roundrobin" if setting.policy == COOKIE else setting.policy.removeprefix(_TCP)
    lines = [
        "global",
        f"  nbthread {setting.workers}",
        "  maxconn 1000",
        "defaults",
        f"  mode {'tcp' if tcp else 'http'}",
        "  timeout connect 5s",
        "  timeout client 50s",
        "  timeout server 50s",
        *([] if tcp else ["  option forwardfor"]),
        *([] if setting.keepalive is not False or tcp else ["  option http-server-close"]),
        "frontend clients",
        f"  bind {place.host}:{place.port}",
        *([] if tcp else [f"  http-request set-header {CLIENT_HEADER} %[src]:%[src_port]"]),
        "  default_backend pods",
        "backend pods",
        f"  balance {balance}",
        *(f"  {line}" for line in _backend(setting)),
        *(f"  server {_server(setting, *server)}" for server in place.servers),
    ]
    return {FILE: "\n".join(lines) + "\n"}


def _backend(setting: BalancerSetting) -> list[str]:
    reuse = setting.option("http-reuse", "always" if setting.keepalive else "")
    return [
        *(["cookie SRV insert indirect nocache"] if setting.policy == COOKIE else []),
        *([f"http-reuse {reuse}"] if reuse else []),
        *([f"retry-on {events}"] if (events := setting.option("retry-on")) else []),
        *(["option redispatch"] if setting.option("redispatch") == "on" else []),
    ]


def _server(setting: BalancerSetting, name: str, host: str, port: int) -> str:
    line = [name, f"{host}:{port}"]
    line += ["check", "inter", "1s"] if setting.option("check") == "on" else []
    line += ["cookie", name] if setting.policy == COOKIE else []
    return " ".join(line)


def arguments(setting: BalancerSetting) -> list[str]:
    """In the foreground."""
    return ["-db", "-f", FILE]


PRODUCT = Product(
    name="haproxy",
    file=FILE,
    policies=POLICIES,
    options=OPTIONS,
    files=files,
    arguments=arguments,
    workers="nbthread",
    complaints=re.compile(r"\[ALERT\] +\(\d+\) : (?!.*(?:Error\(s\)|Fatal errors) found)(.*)"),
)
