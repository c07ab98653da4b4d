"""A Grafana dashboard of the monitoring points: classic JSON, a fixed uid, the data source as a variable."""

from __future__ import annotations

from typing import Any

from devenv.core.telemetry.alarms import ALARMS

UID = "captcha-devenv"
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_PANELS = (
    ("Challenge not found, share of verifies", "percentunit", "captcha:not_found:ratio1m", ""),
    ("How pods keep their sessions", "short", "count by (store, strategy, stage) (captcha_pod_info)",
     "{{store}} {{strategy}} {{stage}}"),
    ("Requests by outcome", "reqps", "sum by (outcome) (rate(captcha_requests_total[1m]))", "{{outcome}}"),
    ("Requests by endpoint and status", "reqps",
     "sum by (endpoint, status) (rate(captcha_requests_total[1m]))", "{{endpoint}} {{status}}"),
    ("Time to answer", "s", "captcha:request_seconds:mean1m", "{{endpoint}}"),
    ("Redis commands, 99th percentile", "s", "captcha:redis_seconds:p99", ""),
    ("Redis errors", "ops", "sum by (command, error) (rate(captcha_redis_errors_total[1m]))",
     "{{command}} {{error}}"),
    ("Redis connections", "short", "max(captcha_redis_server_connected_clients)", ""),
    ("Redis keys", "short", "max by (db) (captcha_redis_server_keys)", "db {{db}}"),
    ("Redis memory", "bytes", "max(captcha_redis_server_used_memory)", ""),
    ("Keys expired and evicted", "ops", "max(rate(captcha_redis_server_expired_keys[1m]))", "expired"),
    ("Sessions in the pods' memory", "short", "sum by (type) (captcha_sessions_in_process)", "{{type}}"),
    ("Migration: the other store", "ops", "sum by (result) (rate(captcha_migration_mirror_total[1m]))",
     "{{result}}"),
)  # fmt: skip
"""Title, unit, PromQL, legend."""


def dashboard() -> dict[str, Any]:
    """The dashboard; two panels a row."""
    return {
        "uid": UID,
        "title": "captcha-api: sessions, pods, Redis",
        "tags": ["captcha", "devenv"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}
            ]
        },
        "panels": [_panel(number, *panel) for number, panel in enumerate(_PANELS)],
    }


def _panel(number: int, title: str, unit: str, expression: str, legend: str) -> dict[str, Any]:
    limits = [alarm.above for alarm in ALARMS if alarm.expression == expression]
    steps = [{"color": "green", "value": None}, *({"color": "red", "value": limit} for limit in limits)]
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": _SOURCE,
        "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
        "fieldConfig": {
            "defaults": {"unit": unit, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "targets": [
            {"refId": "A", "datasource": _SOURCE, "expr": expression, "legendFormat": legend or title}
        ],
    }


def expressions() -> tuple[str, ...]:
    """The PromQL of every panel."""
    return tuple(expression for _, _, expression, _ in _PANELS)
