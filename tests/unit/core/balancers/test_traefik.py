"""traefik.yml and services.yml."""

from __future__ import annotations

from typing import Any

import yaml

from devenv.core.balancers.traefik import SERVICES
from tests.unit.core.balancers.place import file_of


def services(text: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(file_of(text, name=SERVICES))
    return content


def test_it_asks_nothing_outside_this_machine() -> None:
    static = yaml.safe_load(file_of("traefik"))
    assert static["global"] == {"checkNewVersion": False, "sendAnonymousUsage": False}
    assert static["entryPoints"]["web"]["address"] == "127.0.0.1:8080"
    assert static["entryPoints"]["traefik"]["address"] == "127.0.0.1:9009"


def test_policies() -> None:
    balancer = services("traefik")["http"]["services"]["pods"]["loadBalancer"]
    assert balancer == {
        "servers": [{"url": "http://127.0.0.1:9001"}, {"url": "http://127.0.0.1:9002"}],
        "strategy": "wrr",
    }
    sticky = services("traefik:sticky_cookie")["http"]["services"]["pods"]["loadBalancer"]
    assert (sticky["strategy"], sticky["sticky"]) == ("wrr", {"cookie": {"name": "srv"}})
    assert list(services("traefik:tcp")) == ["tcp"]


def test_retries_and_connections() -> None:
    http = services("traefik,retry=2,keepalive=off")["http"]
    assert http["middlewares"] == {"retry": {"retry": {"attempts": 2}}}
    assert http["routers"]["pods"]["middlewares"] == ["retry"]
    assert http["serversTransports"] == {"new": {"maxIdleConnsPerHost": -1}}
    assert http["services"]["pods"]["loadBalancer"]["serversTransport"] == "new"
