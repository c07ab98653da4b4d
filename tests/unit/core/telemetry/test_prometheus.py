"""Rules and dashboard: every metric exists in /metrics, and promtool plays the recorded runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from devenv.captcha_api.factory import create_app
from devenv.captcha_api.settings import Settings
from devenv.core.telemetry.alarms import ALARMS, RECORDINGS
from devenv.core.telemetry.grafana import UID, dashboard, expressions
from devenv.core.telemetry.prometheus import rule_tests, rules, scrape_config
from devenv.verbs.export.monitoring import prometheus_files, recorded_runs
from tests.support import HANG_GUARD_S

RECORDED_NAMES = {rule.name for rule in RECORDINGS}


def metric_names(node: Any) -> Iterator[str]:
    """The names of all selectors below a node of promql_parser's tree."""
    if isinstance(node, promql_parser.VectorSelector):
        yield str(node.name)
        return
    for child in ("expr", "lhs", "rhs", "vector_selector", "args", "param"):
        below = getattr(node, child, None)
        for item in below if isinstance(below, list | tuple) else [below]:
            if isinstance(item, promql_parser.Expr):
                yield from metric_names(item)


def names_of(expression: str) -> set[str]:
    values = set(metric_names(promql_parser.parse(expression)))
    assert values, f"no metric found in {expression}"
    return values


def served() -> set[str]:
    """The names of a pod's page, whether or not something was counted, and of the recorded pages."""
    text = TestClient(create_app(Settings.model_validate({}))).get("/metrics").text
    names = set()
    for family in text_string_to_metric_families(text):
        names.add(family.name)
        if family.type == "counter":
            names.add(f"{family.name}_total")
        if family.type == "histogram":
            names |= {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
    return names | {name for run in recorded_runs().values() for name in run["metrics"]}


EVERY = [
    *(rule.expression for rule in RECORDINGS), *(alarm.expression for alarm in ALARMS), *expressions()
]  # fmt: skip


@pytest.mark.parametrize("expression", EVERY)
def test_every_metric_of_a_rule_or_panel_is_served(expression: str) -> None:
    assert names_of(expression) - served() - RECORDED_NAMES == set()


def test_a_metric_that_is_not_served_would_be_noticed() -> None:
    assert names_of("sum(rate(captcha_request_total[1m])) / max(captcha_no_such)") - served() == {
        "captcha_request_total", "captcha_no_such"
    }  # fmt: skip


def test_the_dashboard_has_its_uid_and_asks_for_the_data_source() -> None:
    made = json.loads(json.dumps(dashboard()))
    assert made["uid"] == UID
    assert [item["name"] for item in made["templating"]["list"]] == ["datasource"]
    assert {panel["datasource"]["uid"] for panel in made["panels"]} == {"${datasource}"}
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"]) == len(expressions())
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in made["panels"]]
    assert len(set(places)) == len(places)


def test_every_alarm_is_a_rule_and_is_tested_in_every_run() -> None:
    alerts = [rule["alert"] for rule in rules()["groups"][0]["rules"] if "alert" in rule]
    assert alerts == [alarm.name for alarm in ALARMS]
    for test in rule_tests(recorded_runs())["tests"]:
        assert [case["alertname"] for case in test["alert_rule_test"]] == alerts


def test_targets_are_scraped_by_themselves() -> None:
    [job] = scrape_config(["a:1", "b:2"])["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["a:1", "b:2"]}]


@pytest.fixture
def promtool(tmp_path: Path) -> Iterator[Any]:
    program = shutil.which("promtool")
    if program is None:
        assert not os.environ.get("DEVENV_REQUIRE_TOOLS"), "promtool is missing: apt-get install prometheus"
        pytest.skip("promtool is missing: apt-get install prometheus")
    for name, text in prometheus_files(("a:1",)).items():
        tmp_path.joinpath(name).write_text(text, encoding="utf-8")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *words], cwd=tmp_path, capture_output=True, text=True, timeout=HANG_GUARD_S, check=False
        )

    yield run


def test_promtool_takes_the_files_and_the_recorded_runs_pass(promtool: Any) -> None:
    checked = promtool("check", "config", "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    played = promtool("test", "rules", "captcha.rules.test.yml")
    assert played.returncode == 0, played.stdout + played.stderr


def test_the_rules_tests_fail_where_an_alarm_is_missing(promtool: Any, tmp_path: Path) -> None:
    file = tmp_path / "captcha.rules.yml"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("captcha:not_found:ratio1m > 0.05", "captcha:not_found:ratio1m > 5"), encoding="utf-8"
    )
    assert promtool("test", "rules", "captcha.rules.test.yml").returncode == 1
