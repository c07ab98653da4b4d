"""The monitoring points, of pages made by hand and of the recorded runs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from devenv.core.telemetry.alarms import ALARMS
from devenv.core.telemetry.monitoring import Page, points
from devenv.verbs.export.monitoring import recorded_runs

A, B = "captcha-api-a", "captcha-api-b"


def page(store: str = "atomic", **samples: float) -> Page:
    """Samples by shorthand: ``verify_not_found=3``; all others by their name."""
    made: dict[Any, float] = {
        ("captcha_pod_info", (("pod", "x"), ("stage", ""), ("store", store), ("strategy", ""))): 1
    }
    for name, value in samples.items():
        if name.startswith("verify_"):
            message = (("endpoint", "/v"), ("outcome", name.removeprefix("verify_")), ("status", "200"))
            made["captcha_requests_total", message] = value
        elif name == "broken":
            made["captcha_requests_total", (("endpoint", "/v"), ("outcome", "error"), ("status", "503"))] = (
                value
            )
        else:
            made[name, ()] = value
    return made


def test_the_share_of_not_found_is_of_the_verifies_between_two_looks() -> None:
    before = {A: page(verify_success=10, verify_not_found=10), B: page()}
    now = {A: page(verify_success=13, verify_not_found=11), B: page()}
    all_points = points(before, now, 2.0, (A, B))
    assert (all_points.verifies, all_points.not_found, all_points.server_errors) == (4, 0.25, 0)
    assert [alarm.name for alarm in all_points.alarms] == ["CaptchaSessionsNotFound"]


def test_nothing_that_happened_is_no_number_and_no_alarm() -> None:
    all_points = points({A: page()}, {A: page()}, 2.0, (A, B))
    assert (all_points.verifies, all_points.not_found, all_points.request_ms, all_points.redis_p99) == (
        0,
        None,
        None,
        None,
    )
    assert (all_points.alarms, all_points.silent) == ((), (B,))


def test_a_restarted_pod_counts_from_zero() -> None:
    all_points = points({A: page(verify_success=100)}, {A: page(verify_success=3)}, 2.0, (A,))
    assert all_points.verifies == 3


def test_pods_that_differ_are_an_alarm() -> None:
    pages = {A: page("memory"), B: page("atomic")}
    assert [alarm.name for alarm in points(pages, pages, 2.0, (A, B)).alarms] == ["CaptchaPodsDiffer"]


def test_errors_of_redis_and_of_the_service() -> None:
    now = {
        A: page(broken=1, verify_success=1, captcha_redis_errors_total=4, captcha_redis_server_evicted_keys=2)
    }
    all_points = points({A: page()}, now, 2.0, (A,))
    assert (all_points.server_errors, all_points.redis_errors, all_points.evicted) == (0.5, 2, 1)
    assert {alarm.name for alarm in all_points.alarms} == {
        "CaptchaServerErrors", "CaptchaRedisErrors", "CaptchaRedisEvicts"
    }  # fmt: skip


def test_the_quantile_is_the_bound_of_its_bucket() -> None:
    bounds = {"0.01": 90.0, "0.25": 99.0, "+Inf": 100.0}
    buckets: dict[Any, float] = {
        ("captcha_redis_command_seconds_bucket", (("command", "GET"), ("le", bound))): count
        for bound, count in bounds.items()
    }
    assert points({A: {}}, {A: buckets}, 1.0, (A,)).redis_p99 == 0.25


@pytest.mark.parametrize("name", ["good", "bad"])
def test_the_recorded_runs_raise_the_alarms_that_they_name(name: str) -> None:
    """The same runs that promtool plays: both ways of asking agree."""
    run = recorded_runs()[name]

    def look(number: int) -> dict[str, Page]:
        pages: dict[str, dict[Any, float]] = {}
        for series, values in run["series"].items():
            metric, _, text = series.partition("{")
            labels = dict(re.findall(r'(\w+)="([^"]*)"', text))
            pod = labels.pop("instance").partition(":")[0]
            if values[number] is not None:
                pages.setdefault(pod, {})[metric, tuple(sorted(labels.items()))] = values[number]
        return dict(pages)

    all_points = points(look(5), look(-1), 35.0, (A, B))
    assert [alarm.name for alarm in all_points.alarms] == [
        alarm.name for alarm in ALARMS if alarm.name in run["alarms"]
    ]
    assert all_points.verifies > 100
