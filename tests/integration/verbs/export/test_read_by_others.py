"""What ``export`` writes, as the tools read it for which it is written."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from devenv.core.rollout.plan import Plan, parse_plan
from devenv.core.rollout.progressive import Target, argo, flagd
from devenv.core.telemetry.grafana import dashboard
from tests.integration.foreign.packages import missing, of_npm, of_pip

HERE = Path(__file__).parent
PLANS = ("births", "guide", "cohort", "six-stages")
FLAGD = "openfeature-provider-flagd==0.6.1"
GRAFANA = "grafana-foundation-sdk==1769699998!10.1.0"
"""Grafana's own classes of a dashboard (Apache-2.0), of Grafana 10.1."""


def plan(name: str) -> Plan:
    return parse_plan(files("devenv").joinpath("rollouts", f"{name}.yaml").read_text("utf-8"), name)


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[Any]], list[str | None]]:
    """The validators of @kubernetes-models/argo-rollouts 2.0.0 (MIT), made from Argo's own types."""
    if not os.environ.get("DEVENV_REQUIRE_TOOLS"):
        missing("DEVENV_REQUIRE_TOOLS=1 installs Argo's validators into a temporary folder")
    folder = tmp_path_factory.mktemp("argo")
    of_npm(HERE / "package.json", folder)
    shutil.copy(HERE / "argo_validators.mjs", folder)

    def validated(objects: Sequence[Any]) -> list[str | None]:
        command = ["node", "argo_validators.mjs"]
        text = json.dumps(objects)
        done = subprocess.run(command, cwd=folder, input=text, capture_output=True, check=True, text=True)
        answers: list[str | None] = json.loads(done.stdout)
        return answers

    return validated


def test_argo_takes_every_plan_and_none_that_was_spoiled(
    problems: Callable[[Sequence[Any]], list[str | None]],
) -> None:
    made = [each for name in PLANS for each in argo(plan(name), Target())]
    spoiled = copy.deepcopy(made[:2])
    spoiled[0]["spec"]["metrics"][0]["provider"] = "prometheus"
    spoiled[1]["spec"]["strategy"]["canary"]["steps"][0]["setWeight"] = "25"
    answers = problems([*made, *spoiled])
    assert answers[:-2] == [None] * len(made)
    assert "provider" in (answers[-2] or "")
    assert "setWeight" in (answers[-1] or "")


def test_flagd_gives_redis_to_about_the_first_share_of_the_pods(tmp_path: Path) -> None:
    """And the same pod the same answer, each time that it is asked."""
    if not os.environ.get("DEVENV_REQUIRE_TOOLS"):
        missing("DEVENV_REQUIRE_TOOLS=1 installs flagd's provider into a temporary folder")
    file = tmp_path / "flags.json"
    file.write_text(json.dumps(flagd(plan("births"))), encoding="utf-8")
    pods = [f"captcha-api-{number}" for number in range(400)]
    command = [sys.executable, str(HERE / "flag_reader.py"), str(file), *pods]
    environ = {**os.environ, "PYTHONPATH": str(of_pip(FLAGD))}
    answers = [
        json.loads(subprocess.run(command, env=environ, capture_output=True, check=True, text=True).stdout)
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert {reason for _, reason in answers[0].values()} == {"TARGETING_MATCH"}
    on = sum(value for value, _ in answers[0].values())
    assert 70 <= on <= 130, "25 % of 400; four standard deviations are 35"


def test_grafanas_own_classes_keep_every_field_of_the_dashboard() -> None:
    """They drop a field that they do not know."""
    if not os.environ.get("DEVENV_REQUIRE_TOOLS"):
        missing("DEVENV_REQUIRE_TOOLS=1 installs Grafana's classes into a temporary folder")
    command = [sys.executable, str(HERE / "dashboard_reader.py")]
    environ = {**os.environ, "PYTHONPATH": str(of_pip("--no-deps", GRAFANA))}

    def kept(made: dict[str, Any]) -> Any:
        text = json.dumps(made)
        done = subprocess.run(command, env=environ, input=text, capture_output=True, check=True, text=True)
        return json.loads(done.stdout)

    made, spoiled = dashboard(), dashboard()
    spoiled["panels"][0]["targets"][0]["legendFromat"] = "x"
    spoiled["refesh"] = "10s"
    assert list(lost(made, kept(made))) == []
    assert list(lost(spoiled, kept(spoiled))) == ["panels.0.targets.0.legendFromat", "refesh"]


def lost(made: Any, kept: Any, place: str = "") -> Iterator[str]:
    """The places where ``kept`` has nothing, or another value, for what ``made`` has."""
    if isinstance(made, dict):
        for name, value in made.items():
            if name in kept:
                yield from lost(value, kept[name], f"{place}{name}.")
            else:
                yield place + name
    elif isinstance(made, list) and len(made) == len(kept):
        for number, pair in enumerate(zip(made, kept, strict=True)):
            yield from lost(*pair, f"{place}{number}.")
    elif made != kept:
        yield place.removesuffix(".")
