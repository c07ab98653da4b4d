"""Which formulas hold for which setting of a balancer."""

from __future__ import annotations

import pytest

from devenv.core.balance.exact import exact_share
from devenv.core.balance.models import models_of_balancer, models_of_policy
from devenv.core.balance.patterns import pattern_of
from devenv.core.balancers import PRODUCTS, parse_balancer
from devenv.core.simulation.balancers import MEASURED


@pytest.mark.parametrize(
    ("setting", "with_cookies", "without"),
    [
        ("nginx", "round-robin", "round-robin"),
        ("nginx,workers=2", "", ""),
        ("nginx,workers=2,zone=on", "round-robin", "round-robin"),
        ("haproxy,workers=2", "round-robin", "round-robin"),
        ("envoy,workers=2", "", ""),
        ("envoy:random,workers=2", "random", "random"),
        ("haproxy:cookie", "cookie-sticky", "round-robin"),
        ("caddy:cookie", "cookie-sticky", "random"),
        ("envoy:ring_hash-cookie", "cookie-sticky", ""),
        ("nginx:stream", "", ""),
    ],
)
def test_the_model_of_a_setting(setting: str, with_cookies: str, without: str) -> None:
    models = models_of_balancer(parse_balancer(setting))
    assert (models.of(cookies=True), models.of(cookies=False)) == (with_cookies, without)


def test_every_model_that_is_named_is_one() -> None:
    for product in PRODUCTS.values():
        for policy in product.policies:
            models = models_of_balancer(parse_balancer(f"{product.name}:{policy}"))
            for cookies in (True, False):
                exact_share(models.of(cookies=cookies), 2, pattern_of("new"))  # an unknown name is refused


def test_a_policy_of_the_proxy_is_its_own_model() -> None:
    assert models_of_policy("random").of(cookies=False) == "random"
    assert models_of_policy("cookie-sticky").of(cookies=False) == "round-robin"


def test_every_balancer_of_the_simulation_with_a_setting_is_that_settings_model() -> None:
    """By its short name a policy is predicted as what ``balance`` holds it to; workers apart."""
    for name, balancer in MEASURED.items():
        if balancer.setting and name != "nginx-workers":
            models = models_of_balancer(parse_balancer(balancer.setting))
            assert models.of(cookies=True) == balancer.model, name
