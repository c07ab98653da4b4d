"""docs/sessions.md is what its data make of it, and the data are whole."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from tests.support import ROOT
from tools.sessions_page.compared import CASES
from tools.sessions_page.measuring import PROGRAMS, configuration, shortened
from tools.sessions_page.page import COMMAND, cell, render
from tools.sessions_page.setups import EXPRESSIONS, SETUPS, Setup

DOCS = ROOT / "docs"
DATA: dict[str, list[dict[str, Any]]] = json.loads((DOCS / "sessions.json").read_text(encoding="utf-8"))


def test_the_page_is_current() -> None:
    assert render(DATA) == (DOCS / "sessions.md").read_text(encoding="utf-8"), f"run {COMMAND}"


def test_every_set_up_was_measured_and_every_order_tried() -> None:
    rows = DATA["libraries"]
    assert [row["title"] for row in rows] == [setup.title for setup in SETUPS]
    results = [row["results"][expression] for row in rows for expression in EXPRESSIONS]
    assert all(result["complete"] for result in results)
    assert all(violation["confirmed"] for result in results for violation in result["violations"])


def test_each_service_was_compared_as_it_is_and_with_both_fixes() -> None:
    assert [(row["example"], row["fix"]) for row in DATA["compared"]] == [
        (example, fix) for example, (_, fixes) in CASES.items() for fix in fixes
    ]
    for row in DATA["compared"]:
        right = CASES[row["example"]][1][-1]
        assert row["devenv"]["holds"] is (row["fix"] == right)
        assert row["frontrun"]["holds"] in (row["devenv"]["holds"], None)


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.title)
def test_a_set_up_has_its_program_and_a_file_that_can_be_read(setup: Setup) -> None:
    assert (PROGRAMS / setup.program).is_file()
    data = tomllib.loads(configuration(setup, "/a/python"))
    assert data["service"]["env"] == setup.env
    assert setup.program in data["service"]["command"]
    assert "{python}" not in data["service"]["command"]
    names = {"ask", *data["session"]["requests"]}
    assert all(set(expression.split("+")) <= names for expression in EXPRESSIONS)


def test_an_exploration_that_could_not_be_judged_is_no_zero() -> None:
    error = shortened({"error": {"message": "no lock"}})
    assert cell(error) == "not known: no lock"
    seen = {"orders": 6, "complete": False, "inconclusive": "", "refused": 2, "violations": []}
    assert cell(seen) == "0 of 6, 2 refused, not complete"
    found = {**seen, "complete": True, "refused": 0, "violations": [{"orders": 3}, {"orders": 1}]}
    assert cell(found) == "**4 of 6**"
