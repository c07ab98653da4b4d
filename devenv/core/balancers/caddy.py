"""Caddy: its policies, and a Caddyfile (https://caddyserver.com/docs/caddyfile/directives/reverse_proxy)."""

from __future__ import annotations

import re

from devenv.core.balancers.setting import CLIENT_HEADER, DURATION, BalancerSetting, Option, Place, Product

FILE = "Caddyfile"
_POLICIES = {"random_choose": "random_choose 2", "cookie": "cookie lb"}
"""The words of policies that have an argument."""
POLICIES = {
    "random": "a random server",
    "round_robin": "each server in turn",
    "least_conn": "the server with the fewest requests; at random among equals",
    "first": "the first server that is available",
    "ip_hash": "by a hash of the client's address",
    "uri_hash": "by a hash of the path and query",
    "random_choose": "random_choose 2: the less busy of two random servers",
    "cookie": "cookie lb: the server that the cookie names",
}
OPTIONS = {
    "lb_try_duration": Option(DURATION, "a time, as 5s: how long other servers are tried"),
    "fail_duration": Option(DURATION, "a time, as 30s: how long a failed server is kept out"),
}


def files(setting: BalancerSetting, place: Place) -> dict[str, str]:
    """A Caddyfile without certificates and without an admin port."""
    lines = [
        "{",
        "\tadmin off",
        "\tpersist_config off",
        "\tauto_https off",
        "\tstorage file_system data",
        "\tlog {",
        "\t\tlevel ERROR",
        "\t}",
        "}",
        f"http://:{place.port} {{",
        f"\tbind {place.host}",
        "\treverse_proxy {",
        f"\t\tto {' '.join(f'{server.host}:{server.port}' for server in place.servers)}",
        f"\t\tlb_policy {_POLICIES.get(setting.policy, setting.policy)}",
        f"\t\theader_up {CLIENT_HEADER} {{remote}}",
        *(f"\t\t{name} {value}" for name, value in setting.options),
        *_transport(setting),
        "\t}",
        "}",
    ]
    return {FILE: "\n".join(lines) + "\n"}


def _transport(setting: BalancerSetting) -> list[str]:
    if setting.keepalive is not False:
        return []
    return ["\t\ttransport http {", "\t\t\tkeepalive off", "\t\t}"]


def arguments(setting: BalancerSetting) -> list[str]:
    """Without a change of its file being watched for."""
    return ["run", "--config", FILE, "--adapter", "caddyfile"]


PRODUCT = Product(
    name="caddy",
    file=FILE,
    policies=POLICIES,
    options=OPTIONS,
    files=files,
    arguments=arguments,
    complaints=re.compile(r'"level":"error",.*?"msg":"((?:[^"\\]|\\.)*+)"'),
    # Caddy 2.11.7 ends without a word of what is wrong in its file.
    check=("adapt", "--config", FILE, "--adapter", "caddyfile"),
)
