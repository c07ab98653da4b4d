"""What /metrics says."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from devenv.captcha_api.metrics import Metrics
from devenv.captcha_api.stores import Verdict


def samples(metrics: Any, sessions: Any = None, server: Any = None) -> Any:
    page = metrics.page(sessions or {}, server or {}).decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_not_found_ratio_counts_verifies_only() -> None:
    metrics = Metrics()
    for outcome in ("success", "wrong", "not_found", "not_found", "ok", "unavailable"):
        metrics.request("/api/abstract-verify", 200, outcome, 0.01)
    assert samples(metrics)[("captcha_challenge_not_found_ratio",)] == 0.5


def test_ratio_without_verifies_is_zero() -> None:
    assert samples(Metrics())[("captcha_challenge_not_found_ratio",)] == 0.0


def test_attempts_and_ends() -> None:
    metrics = Metrics()
    metrics.graded("abstract", Verdict({}, False, 1, False))
    metrics.graded("abstract", Verdict({}, False, 2, True))
    metrics.graded("handwriting", Verdict({}, True, None, False))
    all_samples = samples(metrics)
    assert all_samples[("captcha_attempts_count", ("result", "wrong"), ("type", "abstract"))] == 2
    assert all_samples[("captcha_sessions_ended_total", ("reason", "limit"), ("type", "abstract"))] == 1
    assert not any("handwriting" in str(key) for key in all_samples)


def test_redis_calls_and_server() -> None:
    metrics = Metrics()
    metrics.redis_call("GET", 0.001, None)
    metrics.redis_call("GET", 0.001, TimeoutError("slow"))
    all_samples = samples(metrics, {"abstract": 3}, {"used_memory": 5, "db0": {"keys": 7}, "role": "master"})
    assert all_samples[("captcha_redis_command_seconds_count", ("command", "GET"))] == 2
    assert all_samples[("captcha_redis_errors_total", ("command", "GET"), ("error", "TimeoutError"))] == 1
    assert all_samples[("captcha_sessions_in_process", ("type", "abstract"))] == 3
    assert all_samples[("captcha_redis_server_keys", ("db", "0"))] == 7
    assert all_samples[("captcha_redis_server_used_memory",)] == 5
