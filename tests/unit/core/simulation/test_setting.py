"""Bad numbers are refused by one message that names the field."""

from __future__ import annotations

import math
from typing import Any

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.simulation.history import history_of
from devenv.core.simulation.setting import Outage, Resize, RollingRestart, Setting


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pods": 0}, "pods: 0"),
        ({"pods": 1001}, "pods: 1001"),
        ({"workers": 0}, "workers: 0"),
        ({"workers": 2, "accepts": (1.0,)}, "accepts: 1 numbers"),
        ({"workers": 2, "accepts": (0.0, 0.0)}, "accepts: a number above 0"),
        ({"lookups": 0}, "lookups: 0"),
        ({"redis_pods": 3}, "redis-pods: 3"),
        ({"retries": -1}, "retries: -1"),
        ({"ttl": 0}, "ttl: 0"),
        ({"rate": -2}, "rate: -2"),
        ({"rate": math.nan}, "rate: nan"),
        ({"new_connections": 1.5}, "new-connections: 1.5"),
        ({"double_clicks": -0.1}, "double-clicks: -0.1"),
        ({"keep_alive": -1}, "keep-alive: -1"),
        ({"types": {CaptchaType.ABSTRACT: 0.5}}, "types: "),
        ({"strategy": Strategy.MEMORY}, "strategy: memory"),
        ({"rolling": RollingRestart(-1, 1)}, "rolling start: -1"),
        ({"resize": Resize(1, 0)}, "resize pods: 0"),
        ({"resize": Resize(1, 3), "rolling": RollingRestart(1, 1)}, "resize: not together"),
        ({"outages": (Outage(5, 10), Outage(8, 1))}, "outage: the one at 8s"),
        ({"window": 10, "outages": (Outage(20, 1),)}, "window: 10s ends before"),
    ],
)
def test_a_bad_field_is_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageProblem, match=message.replace(".", r"\.")):
        Setting(**fields)


def test_a_window_is_long_enough_for_its_events() -> None:
    assert Setting().span == math.inf
    assert Setting(pods=3, ttl=60, rolling=RollingRestart(10, 5, 2)).span == 10 + 2 * 5 + 2 + 60
    assert Setting(window=90, outages=(Outage(10, 5),)).span == 90


def test_history_of_a_rolling_restart() -> None:
    history = history_of(Setting(pods=2, rolling=RollingRestart(10, 5, 2, to_redis=True)))
    assert history.starts.tolist() == [0, 10, 12, 15, 17]
    assert history.up.tolist() == [
        [True, True], [False, True], [True, True], [True, False], [True, True],
    ]  # fmt: skip
    assert history.redis[:, 0].tolist() == [False, True, True, True, True]
    assert history.incarnation[:, 1].tolist() == [0, 0, 0, 1, 1]
    assert history.candidates[1].tolist() == [1, -1]


def test_history_of_a_resize() -> None:
    history = history_of(Setting(pods=3, resize=Resize(20, 2)))
    assert history.sizes.tolist() == [3, 2]
    assert history.counts.tolist() == [3, 2]
    grown = history_of(Setting(pods=2, redis_pods=2, resize=Resize(20, 3)))
    assert grown.redis[-1].tolist() == [True, True, True]


def test_json_has_no_infinite_number() -> None:
    data = Setting(keep_alive=math.inf, outages=(Outage(1, 2, math.inf),)).to_json()
    assert data["keep_alive"] is None
    assert data["outages"][0]["forgets"] is None
