"""envoy.yaml."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from devenv.core.balancers import Server, parse_balancer
from devenv.core.balancers.envoy import PRODUCT
from tests.unit.core.balancers.place import PLACE, file_of


def parts(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The route and the cluster."""
    resources = yaml.safe_load(file_of(text))["static_resources"]
    network = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    hosts = network.get("route_config", {}).get("virtual_hosts", [{"routes": [{"route": {}}]}])
    return hosts[0]["routes"][0]["route"], resources["clusters"][0]


def test_the_default() -> None:
    route, cluster = parts("envoy")
    assert route == {"cluster": "pods"}
    assert (cluster["lb_policy"], cluster["type"]) == ("ROUND_ROBIN", "STATIC")
    assert "typed_extension_protocol_options" not in cluster


def test_a_hash_policy_belongs_to_the_route() -> None:
    route, cluster = parts("envoy:ring_hash-cookie,retry_on=reset")
    assert route["hash_policy"] == [{"cookie": {"name": "srv", "ttl": "0s"}}]
    assert route["retry_policy"] == {"retry_on": "reset", "num_retries": 1}
    assert cluster["lb_policy"] == "RING_HASH"
    assert "hash_policy" not in parts("envoy:maglev")[0]


def test_a_connection_for_each_request() -> None:
    (options,) = parts("envoy,keepalive=off")[1]["typed_extension_protocol_options"].values()
    assert options["common_http_protocol_options"] == {"max_requests_per_connection": 1}


def test_names_of_servers_are_looked_up() -> None:
    named = replace(PLACE, servers=(Server("captcha-api-a", "proxy", 9001),))
    assert "type: STRICT_DNS" in file_of("envoy", named)


def test_tcp_and_its_command_line() -> None:
    assert "filters.network.tcp_proxy" in file_of("envoy:tcp_proxy")
    assert PRODUCT.arguments(parse_balancer("envoy,workers=2"))[2:4] == ["--concurrency", "2"]
