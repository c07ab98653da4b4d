"""What a team's nginx.conf says of the choice of servers.

https://nginx.org/en/docs/http/ngx_http_upstream_module.html and
https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream
"""

from __future__ import annotations

from collections.abc import Iterator

from devenv.core.balancers.nginx import STREAM
from devenv.core.balancers.own_copy import OwnCopy
from devenv.core.balancers.own_nginx import Directive, entrance, inside, parse, upstreams_of
from devenv.core.balancers.own_rules import Aspect, ServerGroup

_METHODS = ("ip_hash", "least_conn", "random", "hash", "sticky", "least_time")
_SIMPLE = {
    "ip_hash": "ip_hash",
    "least_conn": "least_conn",
    "random": "random",
    "random two": "random_two",
    "random two least_conn": "random_two",
    "hash $remote_port": "hash_remote_port",
    "hash $request_uri": "hash_request_uri",
}
_UNEQUAL = ("weight=", "backup", "down", "slow_start=", "drain")


def groups(copy: OwnCopy) -> Iterator[ServerGroup]:
    """The groups of servers that its entrance forwards to. Raises UsageProblem for what is no nginx.conf."""
    everything = list(parse(copy).walk())[1:]
    upstreams = upstreams_of(everything)
    targets: dict[str, list[Directive]] = {}
    for each in entrance(copy, everything).walk():
        if each.name == "proxy_pass" and len(each.words) > 1:
            host = each.words[1].partition("://")[2] or each.words[1]
            targets.setdefault(host.partition("/")[0], []).append(each)
    for host, passes in targets.items():
        upstream = upstreams.get(host)
        group = ServerGroup("round_robin")
        if upstream is None:  # a name: all of its addresses, in turn
            group.add(Aspect.POLICY, passes[0].line, text_of(passes[0]))
            group.add(Aspect.GROUP, passes[0].line, text_of(passes[0]))
        else:
            servers = [each for each in upstream.block or () if each.name == "server"]
            if len(servers) < 2:
                continue
            _upstream(group, upstream, servers)
        _processes(group, everything, upstream is not None and _has(upstream, "zone"))
        for each in passes:
            _next_upstream(group, each)
        yield group


def _upstream(group: ServerGroup, upstream: Directive, servers: list[Directive]) -> None:
    group.add(Aspect.GROUP, upstream.line, f"upstream {upstream.words[1]}")
    methods = [each for each in upstream.block or () if each.name in _METHODS]
    for each in methods:
        group.add(Aspect.POLICY, each.line, text_of(each))
    if not methods:
        group.add(Aspect.POLICY, upstream.line, f"upstream {upstream.words[1]}", "a method")
    group.policy = _policy(group, upstream, methods)
    for server in servers:
        limits = [word for word in server.words[2:] if word.startswith(("max_fails=", "fail_timeout="))]
        if limits:
            group.add(Aspect.KEEPING_OUT, server.line, " ".join(limits))
        unequal = [word for word in server.words[2:] if word.startswith(_UNEQUAL) and word != "weight=1"]
        if unequal:
            group.not_known(f"line {server.line}: a server with `{' '.join(unequal)}` is not as the others")
    if all("max_fails=0" in server.words for server in servers):
        group.options["max_fails"] = "0"
    for each in upstream.block or ():
        if each.name == "keepalive":
            group.add(Aspect.KEEPALIVE, each.line, text_of(each))


def _policy(group: ServerGroup, upstream: Directive, methods: list[Directive]) -> str:
    if inside(upstream, STREAM):
        if methods:
            group.not_known(f"line {methods[0].line}: `{text_of(methods[0])}` of a stream has no model")
        return STREAM
    kinds = [" ".join(each.words) for each in methods]
    if not kinds:
        return "round_robin"
    sticky = [each for each in methods if each.name == "sticky"]
    if sticky:
        if len(sticky) > 1 or sticky[0].words[1:2] != ("cookie",):
            group.not_known(f"line {sticky[0].line}: `{text_of(sticky[0])}` has no model")
        others = [kind for kind in kinds if not kind.startswith("sticky")]
        group.without_cookie = _SIMPLE.get(others[0], "") if others else "round_robin"
        return "sticky_cookie"
    if len(kinds) > 1 or kinds[0] not in _SIMPLE:
        group.not_known(f"line {methods[0].line}: `{text_of(methods[0])}` has no model")
        return ""
    return _SIMPLE[kinds[0]]


def _processes(group: ServerGroup, everything: list[Directive], zone: bool) -> None:
    """Several worker processes without a zone have each its own turns and counts."""
    workers = next((each for each in everything if each.name == "worker_processes"), None)
    if workers is None or workers.words[1:] == ("1",) or zone:
        return
    group.without_cookie = ""
    if group.policy in ("round_robin", "least_conn", STREAM):
        group.not_known(
            f"line {workers.line}: `{text_of(workers)}` without a `zone` in the upstream: each worker "
            "process has turns of its own"
        )


def _next_upstream(group: ServerGroup, proxy_pass: Directive) -> None:
    """The nearest proxy_next_upstream around it, where it sends a POST again."""
    above = proxy_pass.parent
    while above is not None:
        for each in above.block or ():
            if each.name == "proxy_next_upstream":
                if "non_idempotent" in each.words:
                    group.add(Aspect.SENDING_AGAIN, each.line, text_of(each))
                return
        above = above.parent


def _has(block: Directive, name: str) -> bool:
    return any(each.name == name for each in block.block or ())


def text_of(directive: Directive) -> str:
    """A directive without its block, as the file has it."""
    return " ".join(directive.words) + (";" if directive.block is None else "")
