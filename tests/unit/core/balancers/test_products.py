"""The text form of a balancer's setting."""

from __future__ import annotations

import pytest

from devenv.core.balancers import PRODUCTS, BalancerSetting, parse_balancer
from devenv.core.model.errors import UsageProblem


def test_a_name_alone_is_its_default_policy() -> None:
    assert {name: parse_balancer(name).policy for name in PRODUCTS} == {
        "nginx": "round_robin",
        "haproxy": "roundrobin",
        "envoy": "round_robin",
        "traefik": "wrr",
        "caddy": "random",
    }


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_policy_reads_back(name: str) -> None:
    for policy in PRODUCTS[name].policies:
        setting = parse_balancer(f"{name}:{policy},keepalive=off")
        assert setting == BalancerSetting(name, policy, keepalive=False)
        assert parse_balancer(setting.text) == setting


def test_options_are_by_the_products_own_names() -> None:
    setting = parse_balancer("nginx:least_conn, workers=2,zone=on,max_fails=0,keepalive=on")
    assert (setting.workers, setting.keepalive, setting.options) == (
        2,
        True,
        (("max_fails", "0"), ("zone", "on")),
    )
    assert setting.text == "nginx:least_conn,workers=2,keepalive=on,max_fails=0,zone=on"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("apache", "unknown balancer 'apache'", "known: nginx, haproxy, envoy, traefik, caddy"),
        ("", "unknown balancer ''", "known: nginx, haproxy, envoy, traefik, caddy"),
        (
            "haproxy:round_robin",
            "balancer haproxy: unknown policy 'round_robin'",
            "known: roundrobin, static-rr",
        ),
        ("caddy,workers=2", "balancer caddy: it has no setting for the number of workers", ""),
        (
            "nginx,workers=0",
            "balancer nginx: workers='0' is no number from 1 to 64",
            "it sets worker_processes",
        ),
        (
            "nginx,workers=²",
            "balancer nginx: workers='²' is no number from 1 to 64",
            "it sets worker_processes",
        ),
        ("envoy,keepalive=yes", "balancer envoy: keepalive='yes' is neither on nor off", ""),
        ("nginx,zone", "balancer nginx: 'zone' is not OPTION=VALUE", "known: workers, keepalive, zone"),
        ("traefik,zone=on", "balancer traefik: unknown option 'zone'", "known: keepalive, retry"),
        (
            "nginx,max_fails=-1",
            "balancer nginx: max_fails='-1' is not valid",
            "a number: failures after which",
        ),
        (
            "nginx,max_fails=1;x",
            "balancer nginx: max_fails='1;x' is not valid",
            "a number: failures after which",
        ),
    ],
)
def test_what_is_unknown_is_one_error_with_the_valid_names(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse_balancer(text)
    assert caught.value.message == message
    assert (caught.value.hint or "").startswith(hint)
