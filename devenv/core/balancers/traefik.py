"""Traefik: its policies, and a traefik.yml with the file of its services (https://doc.traefik.io/traefik/)."""

from __future__ import annotations

import re
from typing import Any

from devenv.core.balancers.setting import NUMBER, BalancerSetting, Option, Place, Product

FILE = "traefik.yml"
SERVICES = "services.yml"
STICKY, TCP = "sticky_cookie", "tcp"
POLICIES = {
    "wrr": "each server in turn (weighted round robin)",
    "p2c": "the less busy of two random servers",
    "hrw": "by a hash of the client's address",
    "leasttime": "the server that answers soonest",
    STICKY: "wrr, and the server that the cookie srv names",
    TCP: "a TCP router: a server in turn for each TCP connection",
}
OPTIONS = {
    "retry": Option(NUMBER, "a number: the attempts of the retry middleware"),
}


def files(setting: BalancerSetting, place: Place) -> dict[str, str]:
    """traefik.yml, which asks nothing outside this machine, and services.yml."""
    import yaml  # takes 20 ms, which commands without a balancer need not spend

    dynamic = _tcp(place) if setting.policy == TCP else _http(setting, place)
    return {FILE: static_file(place), SERVICES: yaml.safe_dump(dynamic, sort_keys=False)}


def static_file(place: Place) -> str:
    """traefik.yml, which names services.yml."""
    import yaml

    static = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "ERROR", "noColor": True},
        "entryPoints": {
            "web": {"address": f"{place.host}:{place.port}"},
            "traefik": {"address": f"{place.host}:{place.admin_port}"},
        },
        "api": {"insecure": True, "dashboard": False},
        "providers": {"file": {"filename": SERVICES, "watch": False}},
    }
    return yaml.safe_dump(static, sort_keys=False)


def _http(setting: BalancerSetting, place: Place) -> dict[str, Any]:
    balancer: dict[str, Any] = {
        "servers": [{"url": f"http://{server.host}:{server.port}"} for server in place.servers],
        "strategy": "wrr" if setting.policy == STICKY else setting.policy,
    }
    if setting.policy == STICKY:
        balancer["sticky"] = {"cookie": {"name": "srv"}}
    router: dict[str, Any] = {"rule": "PathPrefix(`/`)", "entryPoints": ["web"], "service": "pods"}
    http: dict[str, Any] = {"routers": {"pods": router}, "services": {"pods": {"loadBalancer": balancer}}}
    if attempts := setting.option("retry"):
        router["middlewares"] = ["retry"]
        http["middlewares"] = {"retry": {"retry": {"attempts": int(attempts)}}}
    if setting.keepalive is False:
        balancer["serversTransport"] = "new"
        http["serversTransports"] = {"new": {"maxIdleConnsPerHost": -1}}
    return {"http": http}


def _tcp(place: Place) -> dict[str, Any]:
    servers = [{"address": f"{server.host}:{server.port}"} for server in place.servers]
    router = {"rule": "HostSNI(`*`)", "entryPoints": ["web"], "service": "pods"}
    return {
        "tcp": {"routers": {"pods": router}, "services": {"pods": {"loadBalancer": {"servers": servers}}}}
    }


def arguments(setting: BalancerSetting) -> list[str]:
    """The one file; the other is named in it."""
    return [f"--configFile={FILE}"]


PRODUCT = Product(
    name="traefik",
    file=FILE,
    policies=POLICIES,
    options=OPTIONS,
    files=files,
    arguments=arguments,
    needs_admin_port=True,
    complaints=re.compile(r'"error":"((?:[^"\\]|\\.)*+)"|\b(?:ERR|FTL) (.*)'),
)
