"""docs/failures.md is what its data and the catalogue make of it, and says something about everything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devenv.core.scenario import Scenario, catalogue
from devenv.core.scenario.schema import schema
from devenv.verbs.replay.observed import title
from tests.support import ROOT
from tools.failures_page import data_text, render
from tools.failures_page.measuring import shown_store
from tools.failures_page.page import COMMAND

DOCS = ROOT / "docs"
DATA: dict[str, Any] = json.loads((DOCS / "failures.json").read_text(encoding="utf-8"))
PAGE = (DOCS / "failures.md").read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    assert render(DATA) == PAGE, f"run {COMMAND}"


def test_the_data_reads_back() -> None:
    assert json.loads(data_text(DATA)) == DATA


@pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.id)
def test_each_scenario_was_played_with_each_store_and_held(scenario: Scenario) -> None:
    measured = DATA["scenarios"][scenario.id]
    assert sorted(measured) == sorted(scenario.strategies)
    assert {item["verdict"] for item in measured.values()} == {"holds"}
    assert f"devenv replay {scenario.id} --strategy" in PAGE
    if scenario.needs:
        assert measured[shown_store(scenario)]["picture"]
    assert all(title(step) for step in scenario.steps)


def test_every_cause_has_its_place() -> None:
    for cause in schema()["properties"]["cause"]["enum"]:
        assert f"\n## {cause}\n" in PAGE or f"| `{cause}` |" in PAGE, cause
