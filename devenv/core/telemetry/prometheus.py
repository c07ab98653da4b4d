"""Prometheus' files: what to scrape, the rules, and promtool's tests of the rules from recorded runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from devenv.core.telemetry.alarms import ALARMS, RECORDINGS

RULES_FILE = "captcha.rules.yml"
PLAY_SECONDS = 15
"""promtool plays the recorded looks, which were a second apart, this many seconds apart: Prometheus' usual
scrape interval. Shares stay as they were, rates are a fifteenth."""


def scrape_config(targets: Sequence[str]) -> dict[str, Any]:
    """prometheus.yml: every pod by itself, ``targets`` as host:port; a balancer would give any pod's page."""
    return {
        "global": {"scrape_interval": f"{PLAY_SECONDS}s", "evaluation_interval": f"{PLAY_SECONDS}s"},
        "rule_files": [RULES_FILE],
        "scrape_configs": [{"job_name": "captcha-api", "static_configs": [{"targets": list(targets)}]}],
    }


def rules() -> dict[str, Any]:
    """The rules file: recording rules, then alarms."""
    recording = [{"record": rule.name, "expr": rule.expression} for rule in RECORDINGS]
    alerting = [
        {
            "alert": alarm.name,
            "expr": f"{alarm.expression} > {alarm.above:g}",
            "for": alarm.lasting,
            "labels": {"severity": alarm.severity},
            "annotations": {"summary": alarm.summary},
        }
        for alarm in ALARMS
    ]
    return {"groups": [{"name": "captcha", "rules": recording + alerting}]}


def rule_tests(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """promtool's test file: each recorded run is played, and the alarms that it must and must not raise.

    A run has ``series`` (name with labels → values, one per look) and ``alarms`` (names).
    """
    return {
        "rule_files": [RULES_FILE],
        "evaluation_interval": f"{PLAY_SECONDS}s",
        "tests": [_test(name, run) for name, run in runs.items()],
    }


def _test(name: str, run: Mapping[str, Any]) -> dict[str, Any]:
    looks = max(len(values) for values in run["series"].values())
    end = (looks - 1) * PLAY_SECONDS
    return {
        "name": name,
        "interval": f"{PLAY_SECONDS}s",
        "input_series": [
            {
                "series": series,
                "values": " ".join(f"{value:g}" if value is not None else "_" for value in values),
            }
            for series, values in run["series"].items()
        ],
        "alert_rule_test": [
            {
                "eval_time": f"{end}s",
                "alertname": alarm.name,
                "exp_alerts": [
                    {
                        "exp_labels": {"severity": alarm.severity},
                        "exp_annotations": {"summary": alarm.summary},
                    }
                ]
                if alarm.name in run["alarms"]
                else [],
            }
            for alarm in ALARMS
        ],
    }
