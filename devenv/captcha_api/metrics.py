"""Prometheus metrics: the migration guide's monitoring points (its section 8).

Each uvicorn worker answers /metrics for itself, unless PROMETHEUS_MULTIPROC_DIR names a directory: then
prometheus_client shares the counts through files and whichever worker is asked answers for all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from devenv.captcha_api.stores import Verdict

_VERIFIED = ("success", "wrong", "not_found", "expired", "already_solved")

_SERVER_GAUGES = {
    "connected_clients": "Connections that Redis has",
    "used_memory": "Bytes that Redis uses",
    "expired_keys": "Keys that expired since Redis started",
    "evicted_keys": "Keys that Redis evicted for want of memory since it started",
    "total_commands_processed": "Commands since Redis started",
}


class Metrics:
    """The counts of one process."""

    def __init__(self) -> None:
        """With a registry of its own, so that several apps can live in one process."""
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "captcha_requests",
            "HTTP requests by endpoint, status and outcome (success, wrong, not_found, expired, …)",
            ("endpoint", "status", "outcome"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "captcha_request_seconds", "Time to answer, by endpoint", ("endpoint",), registry=self.registry
        )
        self._created = Counter(
            "captcha_sessions_created", "Challenges created", ("type",), registry=self.registry
        )
        self._ended = Counter(
            "captcha_sessions_ended",
            "Sessions ended by an answer: success or limit (the rest expires)",
            ("type", "reason"),
            registry=self.registry,
        )
        self._attempts = Histogram(
            "captcha_attempts",
            "Which attempt a graded answer was, by type and result",
            ("type", "result"),
            buckets=(1, 2, 3, 4, 5),
            registry=self.registry,
        )
        self._redis_seconds = Histogram(
            "captcha_redis_command_seconds",
            "Redis commands as the client sees them",
            ("command",),
            registry=self.registry,
        )
        self._redis_errors = Counter(
            "captcha_redis_errors",
            "Redis commands that failed",
            ("command", "error"),
            registry=self.registry,
        )

        self._mirrored = Counter(
            "captcha_migration_mirror",
            "What the store that does not decide answered, by comparison with the one that does",
            ("result",),
            registry=self.registry,
        )

    def mirrored(self, result: str) -> None:
        """The other store of a migration was written or compared (``stores.six_stages.MirrorObserver``)."""
        self._mirrored.labels(result).inc()

    def request(self, endpoint: str, status: int, outcome: str, seconds: float) -> None:
        """One HTTP request was answered."""
        self._requests.labels(endpoint, str(status), outcome).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def created(self, kind: str) -> None:
        """One challenge was created."""
        self._created.labels(kind).inc()

    def graded(self, kind: str, verdict: Verdict) -> None:
        """One answer was graded."""
        if verdict.attempts is not None:
            result = "success" if verdict.passed else "wrong"
            self._attempts.labels(kind, result).observe(verdict.attempts)
        if verdict.ended:
            self._ended.labels(kind, "success" if verdict.passed else "limit").inc()

    def redis_call(self, command: str, seconds: float, error: Exception | None) -> None:
        """One Redis command ran (``stores.client.RedisObserver``)."""
        self._redis_seconds.labels(command).observe(seconds)
        if error is not None:
            self._redis_errors.labels(command, type(error).__name__).inc()

    def page(
        self, sessions: Mapping[str, int], server: Mapping[str, Any], pod: Mapping[str, str] | None = None
    ) -> bytes:
        """The text of /metrics. ``sessions`` are held by this process; ``server`` is Redis' INFO.

        ``pod`` says how the pod keeps its sessions, as the labels of ``captcha_pod_info``.
        """
        counted = self.registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            counted = CollectorRegistry()
            MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        families = list(counted.collect())
        families += [_not_found_ratio(families), _held(sessions), *_server(server)]
        if pod is not None:
            families.append(_pod_info(pod))
        page = CollectorRegistry(auto_describe=False)
        page.register(_Families(families))
        return generate_latest(page)


class _Families:
    """A collector of what was already collected."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _not_found_ratio(families: Iterable[Metric]) -> Metric:
    verifies: dict[str, float] = dict.fromkeys(_VERIFIED, 0.0)
    for family in families:
        if family.name != "captcha_requests":
            continue
        for sample in family.samples:
            outcome = sample.labels.get("outcome", "")
            if sample.name == "captcha_requests_total" and outcome in verifies:
                verifies[outcome] += sample.value
    total = sum(verifies.values())
    gauge = GaugeMetricFamily(
        "captcha_challenge_not_found_ratio",
        "Share of verifies answered 'Challenge not found' (0 without verifies)",
    )
    gauge.add_metric((), verifies["not_found"] / total if total else 0.0)
    return gauge


def _pod_info(pod: Mapping[str, str]) -> Metric:
    gauge = GaugeMetricFamily(
        "captcha_pod_info", "How this pod keeps its sessions; always 1", labels=tuple(pod)
    )
    gauge.add_metric(tuple(pod.values()), 1)
    return gauge


def _held(sessions: Mapping[str, int]) -> Metric:
    gauge = GaugeMetricFamily(
        "captcha_sessions_in_process", "Open sessions that this process itself holds", labels=("type",)
    )
    for kind, count in sessions.items():
        gauge.add_metric((kind,), count)
    return gauge


def _server(server: Mapping[str, Any]) -> Iterator[Metric]:
    for name, text in _SERVER_GAUGES.items():
        if isinstance(server.get(name), int | float):
            yield GaugeMetricFamily(f"captcha_redis_server_{name}", text, value=server[name])
    databases = {
        name: info for name, info in server.items() if name.startswith("db") and isinstance(info, dict)
    }
    if server:
        gauge = GaugeMetricFamily("captcha_redis_server_keys", "Keys in Redis, by database", labels=("db",))
        for name, info in databases.items():
            gauge.add_metric((name.removeprefix("db"),), float(info.get("keys", 0)))
        yield gauge
