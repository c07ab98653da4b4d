"""What the real stack can play of a setting, and as what."""

from __future__ import annotations

from ipaddress import ip_address
from itertools import islice

import pytest

from devenv.core.balancers import PRODUCTS
from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import CaptchaType
from devenv.verbs.simulate.fields import setting_of
from devenv.verbs.simulate.real_setting import (
    REAL_BALANCERS,
    balancer_of,
    crash_moments,
    playable,
    script,
    spec_of,
)


@pytest.mark.parametrize(
    ("name", "text"),
    [("policy", "lighttpd"), ("pods", "30"), ("rule", "cohort"), ("ttl", "1500ms"), ("lookups", "3"),
     ("crash-every", "1s"), ("upstream", "apart"), ("accepts", "1"), ("resize", "pods=30"),
     ("double-clicks", "1%"),
     ("types", "handwriting=1"), ("keep-alive", "1s"), ("new-connections", "1%"), ("outage", "forgets=all")],
)  # fmt: skip
def test_what_cannot_be_played_is_refused_with_the_field(name: str, text: str) -> None:
    with pytest.raises(UsageProblem, match=f"--against-real: {name}"):
        playable(setting_of({name: text}))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("resize", {"resize": "pods=3", "policy": "nginx"}),
        ("resize", {"resize": "pods=3", "policy": "weighted:a=2,b=1"}),
        ("crash-every", {"crash-every": "20s", "policy": "nginx"}),
        ("crash-every", {"crash-every": "20s", "resize": "pods=3"}),
    ],
)
def test_crashes_and_other_pods_need_a_policy_of_the_proxy(name: str, fields: dict[str, str]) -> None:
    with pytest.raises(UsageProblem, match=f"--against-real: {name}"):
        playable(setting_of(fields))
    playable(setting_of({name: fields[name], "policy": "cookie-sticky"}))


def test_each_session_has_an_address_where_the_policy_goes_by_it() -> None:
    addresses = [session.client for session in script(setting_of({"policy": "source-hash"}), 300, 1)]
    assert len(set(addresses)) == 300
    assert {session.client for session in script(setting_of({}), 3, 1)} == {""}


def test_the_moments_of_crashes_are_those_of_the_seed_and_the_pod() -> None:
    setting = setting_of({"crash-every": "20s"})
    times = {pod: list(islice(crash_moments(setting, pod, 1), 400)) for pod in (0, 1)}
    assert times[0] == list(islice(crash_moments(setting, 0, 1), 400)) != times[1]
    assert sum(times[0]) / 400 == pytest.approx(20, rel=0.2)


def test_the_stack_has_the_settings_flags_and_ttl() -> None:
    spec = spec_of(setting_of({"pods": "3", "redis-pods": "2", "ttl": "20s", "workers": "4"}))
    flags = [spec.settings_of(pod)["USE_REDIS"] for pod in spec.pod_names]
    assert flags == ["true", "true", "false"]
    assert spec.settings_of(spec.pod_names[0])["CAPTCHA_TTL"] == "20"
    assert spec.workers == 4


def test_a_script_has_the_settings_rate_and_thinking_times() -> None:
    setting = setting_of({"rate": "50", "think": "uniform:1s-3s", "lookups": "2"})
    sessions = script(setting, 5000, 1)
    assert sessions[-1].opens == pytest.approx(100, rel=0.1)
    assert all(len(session.pauses) == 2 and min(session.pauses) >= 1 for session in sessions)
    assert sessions == script(setting, 5000, 1)


def test_pods_of_the_mark_rule_are_at_stages_of_the_births_strategy() -> None:
    spec = spec_of(setting_of({"pods": "3", "redis-pods": "1", "rule": "mark"}))
    stages = [spec.settings_of(pod)["MIGRATION_STAGE"] for pod in spec.pod_names]
    assert stages == ["births", "ready", "ready"]
    with pytest.raises(UsageProblem, match="--against-real: strategy"):
        playable(setting_of({"rule": "mark", "strategy": "guide"}))


def test_cohorts_are_the_policy_of_the_proxy() -> None:
    setting = setting_of({"policy": "random", "redis-pods": "1", "rule": "cohort"})
    playable(setting)
    assert spec_of(setting).policy == "cohort:captcha-api-a=on,captcha-api-b=off"


def test_every_real_balancer_has_a_model_and_a_setting() -> None:
    for name in REAL_BALANCERS:
        setting = setting_of({"policy": name})
        playable(setting)
        assert balancer_of(setting, "embedded") is not None
        assert spec_of(setting).policy == "round-robin", "the proxy stands aside"
    with pytest.raises(UsageProblem, match="embedded pods only"):
        balancer_of(setting_of({"policy": "nginx"}), "compose")


def test_connections_to_several_workers_are_kept_or_new_as_the_setting_says() -> None:
    kept, new = (
        balancer_of(setting_of({"policy": "nginx", "workers": "4", "upstream": upstream}), "embedded")
        for upstream in ("kept", "new")
    )
    assert kept is not None
    assert new is not None
    assert (kept.keepalive, new.keepalive) == (True, False)


def test_a_script_has_the_settings_types() -> None:
    sessions = script(setting_of({"types": "abstract=0.25,imagegrid=0.75"}), 4000, 1)
    grids = sum(session.kind is CaptchaType.IMAGEGRID for session in sessions)
    assert grids / 4000 == pytest.approx(0.75, abs=0.03)


def test_a_balancer_by_its_own_name_is_started_as_it_is_written() -> None:
    setting = setting_of({"balancer": "nginx:round_robin,workers=2,zone=on"})
    started = balancer_of(setting, "embedded")
    assert started is not None
    assert started.text == "nginx:round_robin,workers=2,zone=on"
    assert spec_of(setting).policy == "round-robin", "the proxy stands aside"


@pytest.mark.parametrize("product", PRODUCTS)
def test_each_balancer_by_its_name_alone_is_its_usual_policy(product: str) -> None:
    setting = setting_of({"balancer": product})
    started = balancer_of(setting, "embedded")
    assert started is not None
    assert started.text == f"{product}:{PRODUCTS[product].default_policy}"
    assert setting.policy == started.text


@pytest.mark.parametrize("policy", ["nginx-ip-hash", "haproxy:source", "envoy-maglev-source-ip"])
def test_behind_a_balancer_that_goes_by_the_address_each_session_comes_from_another_one(policy: str) -> None:
    sources = [session.source for session in script(setting_of({"policy": policy}), 300, 1)]
    assert len(set(sources)) == 300
    assert len({source.rpartition(".")[0] for source in sources}) == 256, "ip_hash looks at three numbers"
    assert all(ip_address(source).is_loopback for source in sources)
    assert {session.source for session in script(setting_of({"policy": "nginx"}), 3, 1)} == {""}
