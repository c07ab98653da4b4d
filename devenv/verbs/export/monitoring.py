"""``devenv export prometheus|grafana|argo|flagger|flagd``: files for tools that watch and roll out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from devenv.core.rollout.plan import Plan
from devenv.core.rollout.progressive import Target, argo, flagd, flagger
from devenv.core.telemetry.grafana import dashboard
from devenv.core.telemetry.prometheus import RULES_FILE, rule_tests, rules, scrape_config
from devenv.stack.files import write_atomically

RECORDED = ("good", "bad")
DEFAULT_TARGETS = ("captcha-api-a:8000", "captcha-api-b:8000")


def recorded_runs() -> dict[str, dict[str, Any]]:
    """The recorded runs: two pods with the atomic store, and two of which one alone has Redis."""
    folder = files("devenv").joinpath("monitoring")
    return {
        name: json.loads(folder.joinpath(f"{name}.json").read_text(encoding="utf-8")) for name in RECORDED
    }


def prometheus_files(targets: tuple[str, ...]) -> dict[str, str]:
    """prometheus.yml, the rules, and promtool's tests of them, by file name."""
    return {
        "prometheus.yml": _yaml(scrape_config(targets)),
        RULES_FILE: _yaml(rules()),
        "captcha.rules.test.yml": _yaml(rule_tests(recorded_runs())),
    }


def grafana_text() -> str:
    """The dashboard's JSON."""
    return json.dumps(dashboard(), ensure_ascii=False, indent=2) + "\n"


def rollout_files(tool: str, plan: Plan, target: Target) -> dict[str, str]:
    """The files of a plan for ``tool``: argo, flagger or flagd."""
    if tool == "flagd":
        return {f"{plan.id}.flagd.json": json.dumps(flagd(plan), indent=2) + "\n"}
    objects = argo(plan, target) if tool == "argo" else flagger(plan, target)
    return {f"{plan.id}.{tool}.yaml": "---\n".join(map(_yaml, objects))}


def write_files(contents: Mapping[str, str], folder: Path) -> list[Path]:
    """Write every file; their paths."""
    paths = []
    for name, text in contents.items():
        write_atomically(folder / name, text, "--out")
        paths.append(folder / name)
    return paths


def _yaml(data: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=110))
