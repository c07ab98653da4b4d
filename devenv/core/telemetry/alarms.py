"""The alarms of the migration guide's section 8: as PromQL for Prometheus, and as limits for ``watch``."""

from __future__ import annotations

from dataclasses import dataclass

VERIFIED = ("success", "wrong", "not_found", "expired", "already_solved")
"""The outcomes of a verify that reached a session store."""
_OUTCOMES = "|".join(VERIFIED)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording rule."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm."""

    name: str
    """In Prometheus, and in ``watch``."""
    point: str
    """The monitoring point that it looks at: a field of ``monitoring.Points``."""
    above: float
    """It fires where the point is above this."""
    expression: str
    """The same as PromQL, without the comparison."""
    lasting: str
    """How long before Prometheus fires."""
    severity: str
    summary: str
    """What it means and what to look at."""


RECORDINGS = (
    Recording("captcha:verifies:rate1m", f'sum(rate(captcha_requests_total{{outcome=~"{_OUTCOMES}"}}[1m]))'),
    Recording(
        "captcha:not_found:ratio1m",
        '(sum(rate(captcha_requests_total{outcome="not_found"}[1m])) or vector(0)) / captcha:verifies:rate1m',
    ),
    Recording(
        "captcha:server_errors:ratio1m",
        'sum(rate(captcha_requests_total{status=~"5.."}[1m])) / sum(rate(captcha_requests_total[1m]))',
    ),
    Recording(
        "captcha:redis_seconds:p99",
        "histogram_quantile(0.99, sum by (le) (rate(captcha_redis_command_seconds_bucket[1m])))",
    ),
    Recording("captcha:request_seconds:mean1m",
              "sum by (endpoint) (rate(captcha_request_seconds_sum[1m])) / "
              "sum by (endpoint) (rate(captcha_request_seconds_count[1m]))"),
)  # fmt: skip

ALARMS = (
    Alarm(
        "CaptchaSessionsNotFound", "not_found", 0.05, "captcha:not_found:ratio1m", "1m", "critical",
        "More than 5 % of the verifies are told 'Challenge not found': sessions are looked for in the wrong "
        "place. Expired challenges alone are fewer. See captcha_pod_info and `devenv doctor`.",
    ),
    Alarm(
        "CaptchaPodsDiffer", "kinds_of_pods", 1,
        "count(count by (store, strategy, stage) (captcha_pod_info))", "5m", "warning",
        "Pods keep their sessions in different ways. During a rollout that is meant; when none is under way, "
        "a restart has brought back an old setting.",
    ),
    Alarm(
        "CaptchaServerErrors", "server_errors", 0.01, "captcha:server_errors:ratio1m", "1m", "critical",
        "More than 1 % of the requests end with HTTP 5xx: Redis or the ML service is out of reach.",
    ),
    Alarm(
        "CaptchaRedisErrors", "redis_errors", 0, "sum(rate(captcha_redis_errors_total[1m]))", "1m",
        "critical",
        "Redis commands fail: see the labels command and error, and the pods' logs.",
    ),
    Alarm(
        "CaptchaRedisSlow", "redis_p99", 0.1, "captcha:redis_seconds:p99", "5m", "warning",
        "One Redis command in a hundred takes longer than 100 ms.",
    ),
    Alarm(
        "CaptchaRedisEvicts", "evicted", 0, "max(rate(captcha_redis_server_evicted_keys[1m]))", "1m",
        "critical",
        "Redis evicts keys for want of memory: sessions vanish before their TTL. Set maxmemory-policy "
        "noeviction, or give it memory.",
    ),
)  # fmt: skip
