"""Configuration files as teams have them: taken over, run, and what hides lost sessions is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from devenv.core.balance.hiding import Hidden, what_hides
from devenv.core.balance.measured import Balance
from devenv.core.balance.patterns import pattern_of
from devenv.verbs.balance.targets import BalancerTarget, target_of
from devenv.verbs.balance.usecase import Plan, measure
from tests.integration.stack.balancers.test_process import program_of
from tests.support import ROOT

FILES = ROOT / "tests" / "unit" / "core" / "balancers" / "own"
PATTERNS = tuple(map(pattern_of, ("new", "new+image", "kept", "kept+image")))
PLAN = Plan(sessions=30, patterns=PATTERNS, with_changes=False, with_failures=False)


def measured(name: str, plan: Plan = PLAN, prefix: str = "") -> Balance:
    path = Path(FILES / name)
    result = target_of(str(path), 2, 0, prefix=prefix)
    assert isinstance(result, BalancerTarget)
    assert result.changes
    target = replace(result, program=program_of(result.setting.product))
    return measure(target, plan, lambda line: None)


def lost(balance: Balance, name: str, *, cookies: bool = True, clients: str = "") -> float:
    """The share that a pattern lost."""
    (result,) = [
        each
        for each in balance.patterns
        if (each.pattern.name, each.cookies, each.clients) == (name, cookies, clients)
    ]
    return result.lost / result.sessions


@pytest.mark.parametrize(
    "name",
    [
        "haproxy_redispatch.cfg",
        "envoy/envoy.yaml",
        "Caddyfile",
        "nginx_non_idempotent.conf",
        "nginx_cookie.conf",
    ],
)
def test_turns_lose_every_session_and_one_request_in_between_hides_it(name: str) -> None:
    balance = measured(name)
    assert (lost(balance, "new"), lost(balance, "new+image")) == (1.0, 0.0)
    assert Hidden.PARITY in {hiding.cause for hiding in what_hides(balance)}


def test_workers_that_count_for_themselves_lose_sessions_too() -> None:
    balance = measured("nginx_names.conf")  # worker_processes auto
    assert lost(balance, "kept") == 1.0


@pytest.mark.parametrize(
    ("name", "prefix", "least"),
    [
        ("nginx_sticky.conf", "", 1.0),
        ("traefik/traefik.yml", "", 1.0),
        ("traefik_weighted/traefik.yml", "/api", 0.4),  # one of four goes to the canary
        ("caddy_snippet/Caddyfile", "", 0.1),  # without a cookie it draws; and it has a health check
    ],
)
def test_a_cookie_hides_it_from_clients_that_keep_it(name: str, prefix: str, least: float) -> None:
    balance = measured(name, prefix=prefix)
    assert lost(balance, "new") == 0.0
    assert lost(balance, "new", cookies=False) >= least
    assert Hidden.COOKIE in {hiding.cause for hiding in what_hides(balance)}


@pytest.mark.parametrize("name", ["nginx_ip_hash.conf", "haproxy_table.cfg"])
def test_an_address_hides_it_from_clients_that_keep_theirs(name: str) -> None:
    """A table of addresses too, behind health checks that the pods answer."""
    balance = measured(name)
    assert lost(balance, "new") == 0.0
    if balance.gaps:
        pytest.skip("this system has no other loopback addresses")
    assert Hidden.ADDRESS in {hiding.cause for hiding in what_hides(balance)}


def test_a_hash_of_what_no_client_sends_is_chance() -> None:
    balance = measured("envoy_ring/envoy.yaml")
    assert 0 < lost(balance, "new") < 1
    assert 0 < lost(balance, "kept") < 1
    assert what_hides(balance) == ()


@pytest.mark.parametrize("name", ["nginx_non_idempotent.conf", "envoy/envoy.yaml"])
def test_a_retry_delivers_a_post_twice(name: str) -> None:
    plan = replace(PLAN, sessions=4, patterns=PATTERNS[:1], with_failures=True, watched=0.0)
    balance = measured(name, plan)
    assert any(failure.twice for failure in balance.failures)
