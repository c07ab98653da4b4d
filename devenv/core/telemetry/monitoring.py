"""The monitoring points of the migration guide's section 8, from two looks at the pods' /metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from devenv.core.telemetry.alarms import ALARMS, VERIFIED, Alarm

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted."""
Page = Mapping[tuple[str, Labels], float]
"""One pod's samples."""


@dataclass(frozen=True, slots=True)
class Points:
    """What is looked at. None: there is nothing to say, as nothing happened."""

    seconds: float
    """Between the two looks."""
    verifies: float
    """Verifies that reached a store."""
    not_found: float | None
    """The share of them told "Challenge not found"."""
    outcomes: Mapping[str, float]
    """Requests by outcome."""
    statuses: Mapping[str, Mapping[str, float]]
    """Requests of each endpoint by 2xx, 4xx, 5xx."""
    server_errors: float | None
    """The share of requests that ended with HTTP 5xx."""
    request_ms: float | None
    """Mean time to answer."""
    redis_errors: float
    """Failed Redis commands a second."""
    redis_p99: float | None
    """Seconds within which 99 of 100 Redis commands end: the bound of their histogram's bucket."""
    redis_clients: float | None
    redis_keys: float | None
    redis_memory: float | None
    """Bytes."""
    expired: float
    """Keys that expired, a second."""
    evicted: float
    """Keys that Redis evicted, a second."""
    pods: Mapping[str, Mapping[str, str]]
    """How each pod keeps its sessions: the labels of ``captcha_pod_info``."""
    silent: tuple[str, ...]
    """Pods that did not answer."""

    @property
    def kinds_of_pods(self) -> int:
        """In how many different ways the pods keep their sessions."""
        return len(
            {(info.get("store"), info.get("strategy"), info.get("stage")) for info in self.pods.values()}
        )

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Those whose limit is passed now."""
        alarms = []
        for alarm in ALARMS:
            value = getattr(self, alarm.point)
            if value is not None and value > alarm.above:
                alarms.append(alarm)
        return tuple(alarms)

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``."""
        data = asdict(self)
        data["alarms"] = [{"name": alarm.name, "severity": alarm.severity} for alarm in self.alarms]
        return data


def points(
    before: Mapping[str, Page], now: Mapping[str, Page], seconds: float, pods: tuple[str, ...]
) -> Points:
    """The points between two looks ``seconds`` apart; each look has the pages of the pods that answered."""
    changes = {pod: _changes(before[pod], page) for pod, page in now.items() if pod in before}
    requests = _summed(changes, "captcha_requests_total")
    outcomes: Counter[str] = Counter()
    statuses: dict[str, Counter[str]] = {}
    for labels, count in requests.items():
        named = dict(labels)
        outcomes[named.get("outcome", "")] += count  # type: ignore[assignment]
        family = f"{named.get('status', '?')[:1]}xx"
        statuses.setdefault(named.get("endpoint", ""), Counter())[family] += count  # type: ignore[assignment]
    verifies = sum(outcomes[name] for name in VERIFIED)
    total = sum(requests.values())
    errors = sum(counts["5xx"] for counts in statuses.values())
    answered = sum(_summed(changes, "captcha_request_seconds_count").values())
    taken = sum(_summed(changes, "captcha_request_seconds_sum").values())
    return Points(
        seconds=seconds,
        verifies=verifies,
        not_found=outcomes["not_found"] / verifies if verifies else None,
        outcomes={name: count for name, count in outcomes.items() if count},
        statuses={name: dict(counts) for name, counts in statuses.items() if sum(counts.values())},
        server_errors=errors / total if total else None,
        request_ms=1000 * taken / answered if answered else None,
        redis_errors=sum(_summed(changes, "captcha_redis_errors_total").values()) / seconds,
        redis_p99=_quantile(_summed(changes, "captcha_redis_command_seconds_bucket"), 0.99),
        redis_clients=_gauge(now, "captcha_redis_server_connected_clients", max),
        redis_keys=_gauge(now, "captcha_redis_server_keys", max),
        redis_memory=_gauge(now, "captcha_redis_server_used_memory", max),
        expired=_server_rate(changes, "captcha_redis_server_expired_keys", seconds),
        evicted=_server_rate(changes, "captcha_redis_server_evicted_keys", seconds),
        pods={pod: _info(page) for pod, page in now.items()},
        silent=tuple(pod for pod in pods if pod not in now),
    )


def _changes(before: Page, now: Page) -> Page:
    """How much each sample has grown; a counter that restarted has grown by what it is."""
    return {
        key: value - before.get(key, 0.0) if value >= before.get(key, 0.0) else value
        for key, value in now.items()
    }


def _summed(pages: Mapping[str, Page], name: str) -> dict[Labels, float]:
    """One metric of all pods together, by its labels."""
    sums: dict[Labels, float] = {}
    for page in pages.values():
        for (metric, labels), value in page.items():
            if metric == name:
                sums[labels] = sums.get(labels, 0.0) + value
    return sums


def _gauge(pages: Mapping[str, Page], name: str, choose: Callable[[list[float]], float]) -> float | None:
    """A gauge that every pod tells of the same server."""
    values = [value for page in pages.values() for (metric, _), value in page.items() if metric == name]
    return choose(values) if values else None


def _server_rate(changes: Mapping[str, Page], name: str, seconds: float) -> float:
    return (_gauge(changes, name, max) or 0.0) / seconds


def _quantile(buckets: Mapping[Labels, float], share: float) -> float | None:
    """The bound of the bucket that the quantile lies in; None without observations."""
    by_bound: dict[float, float] = {}
    for labels, count in buckets.items():
        bound = float(dict(labels)["le"])
        by_bound[bound] = by_bound.get(bound, 0.0) + count
    total = by_bound.get(float("inf"), 0.0)
    if not total:
        return None
    return next(bound for bound in sorted(by_bound) if by_bound[bound] >= share * total)


def _info(page: Page) -> dict[str, str]:
    return next((dict(labels) for (metric, labels), _ in page.items() if metric == "captcha_pod_info"), {})
