"""What a team's Caddyfile says of the choice of servers.

https://caddyserver.com/docs/caddyfile/directives/reverse_proxy
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from devenv.core.balancers.own_caddy import is_address
from devenv.core.balancers.own_copy import OwnCopy
from devenv.core.balancers.own_rules import Aspect, ServerGroup

_POLICIES = ("random", "round_robin", "least_conn", "first", "ip_hash", "uri_hash", "cookie")
_KEEPING_OUT = ("fail_duration", "max_fails", "unhealthy_status", "unhealthy_latency", "health_uri")
_SHOWN = {"lb_policy cookie": 3, "health_uri": 1}
"""How many words of a directive are shown: what follows may be a secret."""
_KEEPALIVE = ("keepalive", "keepalive_idle_conns", "keepalive_idle_conns_per_host")


def groups(copy: OwnCopy) -> Iterator[ServerGroup]:
    """Its reverse_proxy directives with two servers or more."""
    for block in _proxies(copy.text):
        servers = [
            word
            for _, tokens in block
            if tokens[0] in ("reverse_proxy", "to")
            for word in tokens[1:]
            if is_address(word)
        ]
        if len(servers) >= 2:
            yield _proxy(block)


def _proxies(text: str) -> Iterator[list[tuple[int, list[str]]]]:
    """The lines of each reverse_proxy with their words, its own line first."""
    block: list[tuple[int, list[str]]] = []
    depth = 0
    for number, line in enumerate(text.split("\n"), start=1):
        tokens = re.sub(r"(?:^|\s)#.*", "", line).split()
        if not tokens or not (block or tokens[0] == "reverse_proxy"):
            continue
        block.append((number, tokens))
        depth += (tokens[-1] == "{") - (tokens[0] == "}")
        if depth == 0:
            yield block
            block = []


def _proxy(block: list[tuple[int, list[str]]]) -> ServerGroup:
    group = ServerGroup("random")
    line, words = block[0]
    group.add(Aspect.GROUP, line, "reverse_proxy")
    for number, tokens in block[1:]:
        shown = _SHOWN.get(" ".join(tokens[:2]), _SHOWN.get(tokens[0], len(tokens)))
        directive = " ".join(tokens[:shown]).removesuffix(" {")
        if tokens[0] == "lb_policy":
            _policy(group, number, tokens, directive)
        elif tokens[0] in _KEEPING_OUT:
            group.add(Aspect.KEEPING_OUT, number, directive)
        elif tokens[0] == "lb_retry_match":
            group.add(Aspect.SENDING_AGAIN, number, directive)
        elif tokens[0] in _KEEPALIVE:
            group.add(Aspect.KEEPALIVE, number, directive)
        elif tokens[0] == "dynamic":
            group.not_known(f"line {number}: `{directive}`: its servers come from a name service")
    if not group.rules.get(Aspect.POLICY):
        group.add(Aspect.POLICY, line, words[0], "`lb_policy`")
    return group


def _policy(group: ServerGroup, number: int, tokens: list[str], directive: str) -> None:
    group.add(Aspect.POLICY, number, directive)
    name = tokens[1] if len(tokens) > 1 else ""
    group.policy = name
    if tokens[-1] == "{" or name not in _POLICIES:
        if tokens[1:] == ["random_choose", "2"]:
            return
        group.not_known(f"line {number}: `{directive}` has no model")
    elif name == "cookie":
        group.without_cookie = "random"
