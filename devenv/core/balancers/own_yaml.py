"""A team's envoy.yaml, or the file of Traefik's routers and services, taken over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from devenv.core.balancers import envoy, traefik
from devenv.core.balancers.own_copy import OwnCopy
from devenv.core.balancers.setting import CLIENT_HEADER, Place, Server
from devenv.core.model.yaml_lines import Document, Path, read_document

_MANAGER = "HttpConnectionManager"
_OTHER_SERVICE = "it asks another service"
_ASKS = {
    f"envoy.filters.http.{name}": _OTHER_SERVICE
    for name in ("ext_authz", "ratelimit", "ext_proc", "jwt_authn", "oauth2")
}
"""Filters that need something outside the machine."""


def adapt_envoy(copy: OwnCopy, place: Place) -> dict[str, str]:
    """The copy of envoy.yaml."""
    document = read_document(copy.text, copy.name, "see the documentation of its format")
    data = document.data
    for key, why in (
        ("dynamic_resources", "it is told what to do by another service"),
        ("layered_runtime", ""),
    ):
        if isinstance(data, dict) and key in data:
            copy.refuse(line_of_path(document, (key,)), f"{key}: {why or 'its runtime comes from elsewhere'}")
    static = data.get("static_resources") if isinstance(data, dict) else None
    if not isinstance(static, dict) or not static.get("listeners") or not static.get("clusters"):
        copy.refuse(1, "it has no static_resources with listeners and clusters")
    for key in ("admin", "node", "stats_sinks", "tracing"):
        if key in data:
            del data[key]
            copy.changed(line_of_path(document, (key,)), f"{key}: …", "", "kept to this machine")
    for path, name in values_of(data, "name"):
        if _ASKS.get(str(name)):
            copy.refuse(line_of_path(document, path), f"{name}: {_ASKS[str(name)]}")
    _leave_out(copy, document, data, ("transport_socket", "access_log", "transport_socket_matches"))
    _listeners(copy, document, static["listeners"], place)
    firsts = _first_numbers(
        [
            [str(each.get("name")) for each in weighted.get("clusters", [])]
            for _, weighted in values_of(data, "weighted_clusters")
        ],
        {str(each.get("name")): sum(1 for _ in values_of(each, "endpoint")) for each in static["clusters"]},
    )
    for number, cluster in enumerate(static["clusters"]):
        first = firsts.get(str(cluster.get("name")), 0)
        _cluster(copy, document, cluster, ("static_resources", "clusters", number), place, first)
    return {envoy.FILE: _dump(data)}


def _listeners(copy: OwnCopy, document: Document, listeners: list[Any], place: Place) -> None:
    for number, listener in enumerate(listeners):
        line = line_of_path(document, ("static_resources", "listeners", number, "address"))
        before = _address_text(listener.get("address"))
        if number == 0:
            listener["address"] = {"socket_address": {"address": place.host, "port_value": place.port}}
            copy.changed(line, before, f"{place.host}:{place.port}", "its port here, without TLS")
        else:
            listener["address"] = {"pipe": {"path": f"other-{number}.sock"}}
            copy.changed(line, before, f"other-{number}.sock", "not the entrance")
        listener.pop("listener_filters", None)
        for chain in listener.get("filter_chains", []):
            chain.pop("filter_chain_match", None)
            for item in chain.get("filters", []):
                config = item.get("typed_config", {})
                if str(config.get("@type", "")).endswith(_MANAGER):
                    config["preserve_external_request_id"] = True
                    client = {
                        "header": {"key": CLIENT_HEADER, "value": "%DOWNSTREAM_REMOTE_ADDRESS%"},
                        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                    }
                    routes = config.setdefault("route_config", {})
                    routes.setdefault("request_headers_to_add", []).append(client)
                    _any_name(copy, document, routes)


def _any_name(copy: OwnCopy, document: Document, routes: dict[str, Any]) -> None:
    """The first virtual host that forwards has every name, where none has: clients here know no other."""
    hosts = routes.get("virtual_hosts") or []
    if any("*" in (host.get("domains") or []) for host in hosts):
        return
    for host in hosts:
        if any("route" in route for route in host.get("routes") or []):
            line = _line_of(document, host.get("domains"))
            copy.changed(line, f"domains: {host.get('domains')}", "domains: ['*']", "its name here")
            host["domains"] = ["*"]
            return


def _line_of(document: Document, value: object) -> int:
    """The line of this very object in the document."""
    return next((line for path, line in document.value_lines.items() if _at(document, path) is value), 1)


def _at(document: Document, path: Path) -> object:
    value = document.data
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None  # left out
    return value


def _first_numbers(choices: list[list[str]], sizes: dict[str, int]) -> dict[str, int]:
    """The number of each group's first server; the groups of one choice have pods of their own."""
    firsts: dict[str, int] = {}
    for names in choices:
        number = 0
        for name in names:
            firsts[name] = number
            number += sizes.get(name, 0)
    return firsts


def _cluster(
    copy: OwnCopy, document: Document, cluster: dict[str, Any], path: Path, place: Place, first: int
) -> None:
    line = line_of_path(document, (*path, "type"))
    if cluster.get("type") == "EDS" or "cluster_type" in cluster:
        copy.refuse(line, f"cluster {cluster.get('name')}: its servers come from a discovery service")
    if cluster.get("type") not in (None, "STATIC"):
        copy.changed(line, f"type: {cluster['type']}", "type: STATIC", "no name is looked up")
    cluster["type"] = "STATIC"
    for key in ("dns_lookup_family", "dns_refresh_rate", "respect_dns_ttl", "dns_resolvers"):
        cluster.pop(key, None)
    number = first
    for group, ends in enumerate(cluster.get("load_assignment", {}).get("endpoints", [])):
        for endpoint, end in enumerate(ends.get("lb_endpoints", [])):
            place_of = (*path, "load_assignment", "endpoints", group, "lb_endpoints", endpoint)
            before = _address_text(end["endpoint"]["address"])
            pod = place.servers[copy.server(line_of_path(document, place_of), number, before)]
            end["endpoint"]["address"] = _socket(pod)
            copy.changed(line_of_path(document, place_of), before, f"{pod.host}:{pod.port}", pod.name)
            number += 1


def adapt_traefik(copy: OwnCopy, place: Place) -> dict[str, str]:
    """The copy of the file of routers and services, with a traefik.yml of our own."""
    document = read_document(copy.text, copy.name, "see the documentation of its format")
    data = document.data
    kinds = [kind for kind in ("http", "tcp") if isinstance(data, dict) and isinstance(data.get(kind), dict)]
    if isinstance(data, dict) and "providers" in data and not kinds:
        where = next(iter(data["providers"] or {"": None}))
        copy.refuse(
            line_of_path(document, ("providers",)),
            f"providers.{where}: routers and services are elsewhere",
            "give the file that has http: routers: and services: (of labels: written as such a file)",
        )
    if not kinds:
        copy.refuse(1, "it has no http: or tcp: with routers and services")
    for key in [key for key in data if key not in ("http", "tcp")]:
        copy.changed(line_of_path(document, (key,)), f"{key}: …", "", "settings of this machine")
        del data[key]
    for kind in kinds:
        _routers(copy, document, kind, data[kind])
        services = data[kind].get("services") or {}
        firsts = _first_numbers(
            [_chosen_among(service) for service in services.values()],
            {
                name: len(service.get("loadBalancer", {}).get("servers") or [])
                for name, service in services.items()
            },
        )
        for name, service in services.items():
            _service(copy, document, (kind, "services", name), service, place, firsts.get(name, 0))
        for name, middleware in (data[kind].get("middlewares") or {}).items():
            if "forwardAuth" in middleware:
                copy.refuse(
                    line_of_path(document, (kind, "middlewares", name)), f"{name}: it asks another service"
                )
        data[kind].pop("serversTransports", None)
    static = traefik.static_file(place)
    return {traefik.FILE: static, traefik.SERVICES: _dump(data)}


def _routers(copy: OwnCopy, document: Document, kind: str, config: dict[str, Any]) -> None:
    for name, router in (config.get("routers") or {}).items():
        path = (kind, "routers", name)
        if router.get("entryPoints") != ["web"]:
            line = line_of_path(document, (*path, "entryPoints"))
            copy.changed(
                line, f"entryPoints: {router.get('entryPoints')}", "entryPoints: [web]", "its port here"
            )
            router["entryPoints"] = ["web"]
        if "tls" in router:
            del router["tls"]
            copy.changed(line_of_path(document, (*path, "tls")), "tls: …", "", "plain HTTP here")
        rule = str(router.get("rule", ""))
        local = re.sub(
            r"HostSNI\([^()]*\)",
            "HostSNI(`*`)",
            re.sub(r"\bHost(?:Regexp)?\([^()]*\)", "PathPrefix(`/`)", rule),
        )
        if local != rule:
            router["rule"] = copy.changed(
                line_of_path(document, (*path, "rule")), rule, local, "its name here"
            )


def _chosen_among(service: dict[str, Any]) -> list[str]:
    """The services that a service of Traefik chooses among."""
    names = [each.get("name") for each in service.get("weighted", {}).get("services") or []]
    failover = service.get("failover", {})
    names += [failover[key] for key in ("service", "fallback") if key in failover]
    return [str(name).partition("@")[0] for name in names]


def _service(
    copy: OwnCopy, document: Document, path: Path, service: dict[str, Any], place: Place, first: int
) -> None:
    balancer = service.get("loadBalancer")
    if balancer is None:
        return  # weighted, mirroring and failover name other services
    balancer.pop("serversTransport", None)
    for number, server in enumerate(balancer.get("servers") or []):
        key = "url" if "url" in server else "address"
        line = line_of_path(document, (*path, "loadBalancer", "servers", number))
        pod = place.servers[copy.server(line, first + number, str(server[key]))]
        address = f"{'http://' if key == 'url' else ''}{pod.host}:{pod.port}"
        server[key] = copy.changed(line, str(server[key]), address, pod.name)


def _leave_out(copy: OwnCopy, document: Document, data: Any, keys: tuple[str, ...]) -> None:
    for path, holder, key in list(_holders(data, keys)):
        del holder[key]
        why = "plain HTTP here" if key.startswith("transport") else "its place"
        copy.changed(line_of_path(document, (*path, key)), f"{key}: …", "", why)


def _holders(data: Any, keys: tuple[str, ...], path: Path = ()) -> Iterator[tuple[Path, dict[str, Any], str]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        if key in keys:
            yield path, data, str(key)
        else:
            yield from _holders(value, keys, (*path, key))


def values_of(data: Any, key: str, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The values of this key anywhere in ``data``, which is at ``path`` of the document, with their paths."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, value in items:
        if name == key:
            yield (*path, name), value
        yield from values_of(value, key, (*path, name))


def line_of_path(document: Document, path: Path) -> int:
    """The line of the key or value at ``path``, or of what is around it."""
    return (
        document.key_lines.get(path)
        or document.value_lines.get(path)
        or (line_of_path(document, path[:-1]) if path else 1)
    )


def _socket(pod: Server) -> dict[str, Any]:
    return {"socket_address": {"address": pod.host, "port_value": pod.port}}


def _address_text(address: Any) -> str:
    socket = (address or {}).get("socket_address") or {}
    return f"{socket.get('address')}:{socket.get('port_value')}"


def _dump(data: Any) -> str:
    import yaml  # takes 20 ms, which commands without a balancer need not spend

    return yaml.safe_dump(data, sort_keys=False)
