"""Fields as text: what each becomes, and one message that names the field for what is wrong."""

from __future__ import annotations

import math

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import CaptchaType
from devenv.core.simulation.setting import Outage, Resize, RollingRestart, Setting
from devenv.verbs.simulate.fields import FIELDS, setting_of, share


def test_no_field_is_the_default_setting() -> None:
    assert setting_of({}) == Setting()


def test_every_field_is_read() -> None:
    texts = {
        "pods": "3", "workers": "2", "upstream": "new", "accepts": "3,1", "policy": "random",
        "keep-alive": "never",
        "new-connections": "10%", "redis-pods": "all", "rule": "mark", "strategy": "guide", "ttl": "2m",
        "think": "fixed:3s", "lookups": "2", "rate": "7.5", "window": "500s", "crash-every": "1h",
        "rolling": "start=5s,to=redis", "outage": "start=90s,length=5s;start=20s,forgets=all",
        "redis-latency": "2ms", "redis-timeout": "500ms", "service-time": "20ms", "retries": "2",
        "retry-after": "3s", "double-clicks": "0.5", "double-click-gap": "50ms",
        "types": "abstract=50%,handwriting=50%",
    }  # fmt: skip
    assert {*texts, "resize", "balancer"} == set(FIELDS)
    made = setting_of(texts)
    assert made.redis_pods == 3
    assert made.keep_alive == math.inf
    assert made.new_connections == 0.1
    assert made.ttl == 120
    assert made.rolling == RollingRestart(5.0, 10.0, 0.0, True)
    assert made.outages == (Outage(20, 10, math.inf), Outage(90, 5))
    assert made.types == {CaptchaType.ABSTRACT: 0.5, CaptchaType.HANDWRITING: 0.5}
    assert setting_of({"resize": "at=9s,pods=4"}).resize == Resize(9, 4)
    defaults = Setting()
    unchanged = {name for name in Setting.__slots__ if getattr(made, name) == getattr(defaults, name)}
    seen = {"restarts", "answer_times"}  # what a measurement has seen
    assert unchanged == {"resize", *seen}


@pytest.mark.parametrize(
    ("name", "text"),
    [("pods", "x"), ("pods", "-1"), ("pods", "²"), ("pods", "0"), ("policy", "foo"), ("policy", "pinned:z"),
     ("ttl", "0"), ("ttl", "1x"), ("think", "weibull:3"), ("rate", "nan"), ("rate", "fast"),
     ("new-connections", "101%"), ("rule", "flags"), ("strategy", "memory"), ("upstream", "old"),
     ("accepts", "1,2"), ("accepts", "x"), ("accepts", "0"), ("accepts", "-1"),
     ("rolling", "a=b"), ("rolling", "start=1s,start=2s"), ("rolling", "to=disk"), ("resize", "at=3s"),
     ("outage", "length=x"), ("types", "abstract=0.4"), ("types", "audio=1"), ("keep-alive", "-3s"),
     ("redis-pods", "3"), ("lookups", "0"), ("retries", "1000")],
)  # fmt: skip
def test_what_is_wrong_is_told_with_the_field(name: str, text: str) -> None:
    with pytest.raises(UsageProblem) as raised:
        setting_of({"pods": "2", name: text})
    assert name in raised.value.message or text.partition(":")[0] in raised.value.message
    assert "\n" not in raised.value.message


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(UsageProblem, match="podz"):
        setting_of({"podz": "2"})


def test_shares() -> None:
    assert [share(text, "f") for text in ("0.1%", "100%", "0.25", "0")] == [pytest.approx(0.001), 1, 0.25, 0]


def test_a_balancer_takes_the_place_of_a_policy() -> None:
    assert setting_of({"policy": "random", "balancer": "haproxy"}).policy == "haproxy:roundrobin"
