from __future__ import annotations

import pytest

from devenv.core.model.pod_stores import stores
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import Endpoints, PodStatus, StackSpec, StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.verbs.operate.status import key_spaces
from devenv.verbs.operate.toggle import toggle
from tests.unit.verbs.rollout.stacks import Restarts, silent


def status(*settings: dict[str, str]) -> StackStatus:
    pods = tuple(PodStatus(f"captcha-api-{'abc'[i]}", "running", one) for i, one in enumerate(settings))
    return StackStatus(
        "embedded", StackSpec(len(pods)), Endpoints("", "", "", "127.0.0.1", 1), pods, "redis", "7", "running"
    )


@pytest.mark.parametrize(
    ("settings", "store"),
    [
        ({}, Strategy.MEMORY),
        ({"USE_REDIS": "false", "SESSION_STRATEGY": "guide"}, Strategy.MEMORY),
        ({"USE_REDIS": "True"}, Strategy.ATOMIC),
        ({"USE_REDIS": "true", "SESSION_STRATEGY": "guide"}, Strategy.GUIDE),
        ({"USE_REDIS": "1"}, Strategy.MEMORY),
        ({"USE_REDIS": "true", "SESSION_STRATEGY": "its own word"}, Strategy.ATOMIC),
    ],
)
def test_a_pods_store_follows_from_its_settings_as_the_service_reads_them(
    settings: dict[str, str], store: Strategy
) -> None:
    assert stores(status(settings)) == {"captcha-api-a": store}


def test_every_prefix_and_database_that_pods_use_is_looked_into_once() -> None:
    all_key_spaces = key_spaces(
        status({}, {"REDIS_PREFIX": "other:", "REDIS_DB": "3"}, {"REDIS_PREFIX": "rcaptcha:"})
    )
    assert all_key_spaces == [("rcaptcha:", 0), ("other:", 3)]


def test_the_store_of_ones_own_service_is_called_redis_and_not_by_a_strategy() -> None:
    one_service = StackSpec(service=ServiceSpec("/srv", CAPTCHA, app="main:app"))
    assert [one_service.store(item) for item in (Strategy.MEMORY, Strategy.ATOMIC, Strategy.GUIDE)] == [
        "memory", "Redis", "Redis"
    ]  # fmt: skip
    assert StackSpec().store(Strategy.GUIDE) == "guide"
    fixed = ServiceSpec("/srv", CAPTCHA, app="main:app", redis_on={}, redis_off={})
    assert [StackSpec(service=fixed).store(item) for item in (Strategy.MEMORY, Strategy.ATOMIC)] == [
        "own",
        "own",
    ]


@pytest.mark.parametrize(
    ("rolling", "calls"),
    [
        (False, [{"captcha-api-a": {"USE_REDIS": "true"}, "captcha-api-c": {"USE_REDIS": "true"}}]),
        (True, [{"captcha-api-a": {"USE_REDIS": "true"}}, {"captcha-api-c": {"USE_REDIS": "true"}}]),
    ],
)
def test_a_toggle_restarts_its_pods_side_by_side_or_in_turn(
    rolling: bool, calls: list[dict[str, dict[str, str]]]
) -> None:
    stack = Restarts(status({}, {}, {}))
    done = toggle(stack, True, pods=["c", "a"], rolling=rolling, progress=silent, clock=lambda: 0.0)
    assert stack.calls == calls
    assert done.restarted == ("captcha-api-a", "captcha-api-c")
