"""What a team's envoy.yaml, or the file of Traefik's routers and services, says of the choice of servers.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto,
https://doc.traefik.io/traefik/routing/services/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from devenv.core.balancers.envoy import TCP
from devenv.core.balancers.own_copy import OwnCopy
from devenv.core.balancers.own_rules import Aspect, ServerGroup
from devenv.core.balancers.own_yaml import line_of_path, values_of
from devenv.core.balancers.traefik import STICKY
from devenv.core.balancers.traefik import TCP as TRAEFIK_TCP
from devenv.core.model.yaml_lines import Document, Path, read_document

AGAIN = frozenset({"reset", "5xx"})
"""Conditions of ``retry_on`` with which a request is sent again that a server has read and not answered."""
_ENVOY_POLICIES = ("round_robin", "least_request", "random", "ring_hash", "maglev")
_STRATEGIES = ("wrr", "p2c", "hrw", "leasttime")
_HINT = "see the documentation of its format"


def groups_of_envoy(copy: OwnCopy) -> Iterator[ServerGroup]:
    """The clusters that its first listener forwards to. Raises UsageProblem for what is no YAML."""
    document = read_document(copy.text, copy.name, _HINT)
    resources = (document.data or {}).get("static_resources") or {}
    clusters = {
        str(cluster.get("name")): ("static_resources", "clusters", number)
        for number, cluster in enumerate(resources.get("clusters") or [])
    }
    listener: Path = ("static_resources", "listeners", 0)
    for name, path in clusters.items():
        forwards = [
            (where[:-1], _at(document, where[:-1]))
            for where, value in values_of(_at(document, listener), "cluster", listener)
            if value == name
        ]
        servers = list(values_of(_at(document, path), "endpoint", path))
        weighted = [
            where
            for where, value in values_of(_at(document, listener), "weighted_clusters", listener)
            if name in [each.get("name") for each in value.get("clusters") or []]
        ]
        if weighted:
            group = _cluster(document, path, servers)
            line = line_of_path(document, weighted[0])
            group.add(Aspect.POLICY, line, "weighted_clusters")
            group.not_known(f"line {line}: `weighted_clusters` draws a cluster for each request")
            yield group
        elif forwards and len(servers) >= 2:
            group = _cluster(document, path, servers)
            for where, forward in forwards:
                _route(group, document, where, forward)
            yield group


def _cluster(document: Document, path: Path, servers: list[tuple[Path, Any]]) -> ServerGroup:
    cluster, group = _at(document, path), ServerGroup()
    first = line_of_path(document, (*path, "name"))
    group.add(Aspect.GROUP, first, f"name: {cluster.get('name')}")
    given = str(cluster.get("lb_policy", "ROUND_ROBIN"))
    group.policy = given.lower()
    if "lb_policy" in cluster:
        group.add(Aspect.POLICY, line_of_path(document, (*path, "lb_policy")), f"lb_policy: {given}")
    else:
        group.add(Aspect.POLICY, first, f"name: {cluster.get('name')}", "`lb_policy`")
    for key in ("load_balancing_policy", "lb_subset_config", "common_lb_config"):
        if key in cluster:
            line = line_of_path(document, (*path, key))
            group.add(Aspect.POLICY, line, key)
            group.not_known(f"line {line}: `{key}` has no model")
    if group.policy not in _ENVOY_POLICIES:
        group.not_known(
            f"line {line_of_path(document, (*path, 'lb_policy'))}: `lb_policy: {given}` has no model"
        )
    for key in ("outlier_detection", "health_checks"):
        if key in cluster:
            group.add(Aspect.KEEPING_OUT, line_of_path(document, (*path, key)), key)
    ends = (cluster.get("load_assignment") or {}).get("endpoints") or []
    weights = {str(value) for _, value in values_of(ends, "load_balancing_weight", path)}
    if len(weights) > 1 or len(ends) > 1:
        line = line_of_path(document, (*path, "load_assignment"))
        group.not_known(f"line {line}: the servers have different weights or groups")
    for where, value in values_of(cluster, "max_requests_per_connection", path):
        group.add(Aspect.KEEPALIVE, line_of_path(document, where), f"max_requests_per_connection: {value}")
    return group


def _route(group: ServerGroup, document: Document, where: Path, forward: dict[str, Any]) -> None:
    """What a route, or the TCP proxy, says of one cluster."""
    if str(forward.get("@type", "")).endswith("TcpProxy"):
        line = line_of_path(document, (*where, "@type"))
        group.add(Aspect.POLICY, line, "TcpProxy")
        if group.policy != "round_robin":
            group.not_known(f"line {line}: the TCP proxy with {group.policy} has no model")
        group.policy = TCP
        return
    hashes = forward.get("hash_policy") or []
    if hashes and group.policy in ("ring_hash", "maglev"):
        line = line_of_path(document, (*where, "hash_policy"))
        group.add(Aspect.POLICY, line, "hash_policy")
        key = _hash_key(hashes)
        if key:
            group.policy += f"-{key}"
        else:
            group.not_known(f"line {line}: this `hash_policy` has no model")
    host = next((where[:end] for end in range(len(where), 0, -1) if where[end - 1 : end] == ("routes",)), ())
    for holder in (where, host[:-1]):
        retry = (_at(document, holder) or {}).get("retry_policy") if holder else None
        if retry is not None:
            condition = str(retry.get("retry_on", ""))
            if AGAIN & {word.strip() for word in condition.split(",")}:
                line = line_of_path(document, (*holder, "retry_policy"))
                group.add(Aspect.SENDING_AGAIN, line, f"retry_on: {condition}")
            return


def _hash_key(hashes: list[Any]) -> str:
    """What a single hash policy is of; empty for another."""
    if len(hashes) != 1:
        return ""
    only = hashes[0]
    if (only.get("connection_properties") or {}).get("source_ip") is True:
        return "source_ip"
    cookie = only.get("cookie")
    return "cookie" if isinstance(cookie, dict) and "ttl" in cookie else ""


def groups_of_traefik(copy: OwnCopy) -> Iterator[ServerGroup]:
    """The services that its routers name. Raises UsageProblem for what is no YAML."""
    document = read_document(copy.text, copy.name, _HINT)
    for kind in ("http", "tcp"):
        config = (document.data or {}).get(kind) or {}
        services = config.get("services") or {}
        named = [
            str(each.get("service")).partition("@")[0] for each in (config.get("routers") or {}).values()
        ]
        for name in dict.fromkeys(name for name in named if name in services):
            path: Path = (kind, "services", name)
            balancer = services[name].get("loadBalancer")
            if balancer is None:
                line = line_of_path(document, path)
                group = ServerGroup()
                what = next(iter(services[name]), "")
                group.add(Aspect.GROUP, line, f"{name}:")
                group.add(Aspect.POLICY, line_of_path(document, (*path, what)), f"{what}:")
                group.not_known(f"line {line}: `{what}` chooses among services, which has no model")
                yield group
            elif len(balancer.get("servers") or []) >= 2:
                yield _service(document, (*path, "loadBalancer"), name, balancer, kind)


def _service(document: Document, path: Path, name: str, balancer: dict[str, Any], kind: str) -> ServerGroup:
    group = ServerGroup()
    line = line_of_path(document, path[:-1])
    group.add(Aspect.GROUP, line, f"{name}:")
    strategy = str(balancer.get("strategy", "wrr"))
    if "strategy" in balancer:
        group.add(Aspect.POLICY, line_of_path(document, (*path, "strategy")), f"strategy: {strategy}")
    group.policy = TRAEFIK_TCP if kind == "tcp" else strategy
    if strategy not in _STRATEGIES or (kind == "tcp" and strategy != "wrr"):
        group.not_known(f"line {line}: `strategy: {strategy}` has no model")
    if isinstance((balancer.get("sticky") or {}).get("cookie"), dict):
        where = line_of_path(document, (*path, "sticky", "cookie"))
        group.add(Aspect.POLICY, where, f"sticky.cookie of {name}")
        group.without_cookie, group.policy = group.policy, STICKY
    if not group.rules.get(Aspect.POLICY):
        group.add(Aspect.POLICY, line, f"{name}: loadBalancer", "`strategy`")
    if "healthCheck" in balancer:
        where = line_of_path(document, (*path, "healthCheck"))
        group.add(Aspect.KEEPING_OUT, where, "healthCheck")
    weights = {str(server.get("weight", 1)) for server in balancer["servers"]}
    if len(weights) > 1 and group.without_cookie:
        group.without_cookie = ""
    elif len(weights) > 1:
        group.not_known(
            f"line {line_of_path(document, (*path, 'servers'))}: the servers have different weights"
        )
    return group


def _at(document: Document, path: Path) -> Any:
    value = document.data
    for step in path:
        value = value[step]
    return value
