"""Envoy: its policies, and an envoy.yaml (https://www.envoyproxy.io/docs/envoy/latest/configuration/configuration)."""

from __future__ import annotations

import re
from typing import Any

from devenv.core.balancers.setting import CLIENT_HEADER, NUMBER, BalancerSetting, Option, Place, Product

FILE = "envoy.yaml"
TCP = "tcp_proxy"
_HASH_POLICIES: dict[str, dict[str, Any]] = {
    "source_ip": {"connection_properties": {"source_ip": True}},
    "path": {"header": {"header_name": ":path"}},
    "cookie": {"cookie": {"name": "srv", "ttl": "0s"}},
}
POLICIES = {
    "round_robin": "each server in turn; one turn per worker thread, from a random start",
    "least_request": "the less busy of two random servers",
    "random": "a random server",
    "ring_hash": "a ring without a hash policy: a random server",
    "ring_hash-source_ip": "a ring by the client's address",
    "ring_hash-path": "a ring by the path",
    "ring_hash-cookie": "a ring by the cookie srv, which Envoy sets",
    "maglev": "a Maglev table without a hash policy: a random server",
    "maglev-source_ip": "a Maglev table by the client's address",
    "maglev-path": "a Maglev table by the path",
    "maglev-cookie": "a Maglev table by the cookie srv, which Envoy sets",
    TCP: "the TCP proxy: a server in turn for each TCP connection",
}
OPTIONS = {
    "retry_on": Option(
        re.compile(r"[a-z0-9-]+"),
        "a retry_on condition, as reset or 5xx: a request is sent again, a POST too",
    ),
    "num_retries": Option(NUMBER, "a number: how often, with retry_on [default: 1]"),
}
_TYPE = "type.googleapis.com/envoy.extensions."


def files(setting: BalancerSetting, place: Place) -> dict[str, str]:
    """envoy.yaml."""
    import yaml  # takes 20 ms, which commands without a balancer need not spend

    network = _tcp_filter() if setting.policy == TCP else _http_filter(setting)
    listener = {
        "name": "clients",
        "address": _address(place.host, place.port),
        "filter_chains": [{"filters": [network]}],
    }
    config = {"static_resources": {"listeners": [listener], "clusters": [_cluster(setting, place)]}}
    return {FILE: yaml.safe_dump(config, sort_keys=False)}


def _tcp_filter() -> dict[str, Any]:
    proxy = {
        "@type": _TYPE + "filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": "clients", "cluster": "pods",
    }  # fmt: skip
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}


def _http_filter(setting: BalancerSetting) -> dict[str, Any]:
    route: dict[str, Any] = {"cluster": "pods"}
    key = setting.policy.partition("-")[2]
    if key:
        route["hash_policy"] = [_HASH_POLICIES[key]]
    if condition := setting.option("retry_on"):
        times = int(setting.option("num_retries", "1"))
        route["retry_policy"] = {"retry_on": condition, "num_retries": times}
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": route}]}
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": _TYPE + "filters.http.router.v3.Router"},
    }
    client = {
        "header": {"key": CLIENT_HEADER, "value": "%DOWNSTREAM_REMOTE_ADDRESS%"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    manager = {
        "@type": _TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "clients",
        "route_config": {"virtual_hosts": [host], "request_headers_to_add": [client]},
        "preserve_external_request_id": True,
        "http_filters": [router],
    }
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}


def _cluster(setting: BalancerSetting, place: Place) -> dict[str, Any]:
    policy = "round_robin" if setting.policy == TCP else setting.policy.partition("-")[0]
    ends = [{"endpoint": {"address": _address(server.host, server.port)}} for server in place.servers]
    cluster: dict[str, Any] = {
        "name": "pods", "type": "STATIC", "lb_policy": policy.upper(), "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "pods", "endpoints": [{"lb_endpoints": ends}]},
    }  # fmt: skip
    if not all(server.host.replace(".", "").isdecimal() for server in place.servers):
        cluster["type"] = "STRICT_DNS"  # names instead of addresses, as in a container network
    if setting.keepalive is False:
        cluster["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": _TYPE + "upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"max_requests_per_connection": 1},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        }
    return cluster


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def arguments(setting: BalancerSetting) -> list[str]:
    """With errors alone in its log."""
    return ["-c", FILE, "--concurrency", str(setting.workers), "--disable-hot-restart", "-l", "error"]


PRODUCT = Product(
    name="envoy",
    file=FILE,
    policies=POLICIES,
    options=OPTIONS,
    files=files,
    arguments=arguments,
    workers="--concurrency",
    complaints=re.compile(r"\[(?:critical|error)\].*?\] (.*?)(?: initializing config '.*)?$|^yaml-cpp: .*"),
)
