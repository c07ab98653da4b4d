"""docs/sessions.md is what its data make of it, and the data are whole."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from devenv.core.model.errors import EnvironmentProblem
from tests.support import ROOT
from tools.sessions_page.compared import CASES
from tools.sessions_page.measuring import PROGRAMS, init_words, shared, shortened
from tools.sessions_page.page import COMMAND, cell, first_verdict, render
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


COUNTS = {
    "express-session, resave: false": ((4, 6), (2, 6), (0, 6)),
    "express-session, resave: true": ((4, 6), (2, 6), (2, 6)),
    "koa-session, koa-redis": ((4, 6), (2, 6), (0, 3)),
    "@fastify/session": ((4, 6), (2, 6), (2, 6)),
    "Flask-Session": ((4, 6), (2, 6), (2, 6)),
    "Django, cache": ((18, 20), (1, 4), (0, 2)),
    "Django, cached_db": ((4, 6), (0, 2), (0, 2)),
    "starsessions": ((4, 6), (2, 6), (2, 6)),
    "aiohttp-session": ((4, 6), (2, 6), (0, 3)),
    "PHP, locking off": ((4, 6), (2, 6), (0, 6)),
    "PHP, locking on": ((32, 40), (7, 60), (0, 72)),
    "PHP, locking on, lock_retries -1": ((0, 8), (3, 19), (0, 19)),
    "Rack::Session::Redis": ((4, 6), (6, 16), (6, 16)),
}
"""Wrong orders, and all, with both requests under way: counted by hand before, but for PHP with locking."""


def test_the_counts_are_those_that_were_counted_by_hand() -> None:
    assert {
        row["title"]: tuple(tuple(row["results"][expression]["together"]) for expression in EXPRESSIONS)
        for row in DATA["libraries"]
    } == COUNTS
    [half] = [row for row in DATA["libraries"] if row["title"] == "Django, cached_db"]
    [back] = half["results"]["a+logout"]["violations"]
    assert back["order"] == "a:GET logout:start logout:DEL a:SET", "the row is written before logout starts"


def test_from_a_folder_to_the_first_verdict_it_is_two_commands_and_a_minute() -> None:
    assert all(first_verdict(row) <= 60 for row in DATA["libraries"])


def test_each_service_was_compared_as_it_is_and_with_both_fixes() -> None:
    assert [(row["example"], row["fix"]) for row in DATA["compared"]] == [
        (example, fix) for example, (_, fixes) in CASES.items() for fix in fixes
    ]
    for row in DATA["compared"]:
        right = CASES[row["example"]][1][-1]
        assert row["devenv"]["holds"] is (row["fix"] == right)
        assert row["frontrun"]["holds"] in (row["devenv"]["holds"], None)
        assert row["luck"]["violations"] == 0 or row["devenv"]["holds"] is False


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.title)
def test_a_set_up_has_its_program_and_is_looked_at_with_its_variables(setup: Setup) -> None:
    assert (PROGRAMS / setup.program).is_file()
    words = init_words(setup, "/a/python")
    command = words[words.index("--command") + 1]
    assert setup.program in command and "{python}" not in command
    assert [word for word in words if "=" in word] == [f"{name}={value}" for name, value in setup.env.items()]


def test_a_folder_is_shared_by_one_line_more() -> None:
    text = shared('[service]\nredis = "always"\n\n[session]\n')
    assert tomllib.loads(text)["service"] == {"redis": "always", "shared-folder": True}
    with pytest.raises(EnvironmentProblem, match="init did not write redis"):
        shared("[service]\n")


def test_an_exploration_that_could_not_be_judged_is_no_zero() -> None:
    error = shortened({"error": {"message": "no lock"}})
    assert cell(error) == "not known: no lock"
    seen = {"orders": 6, "complete": False, "inconclusive": "", "refused": 2, "violations": []}
    assert cell(seen) == "0 of 6, 2 refused, not complete"
    values = {**seen, "complete": True, "refused": 0, "violations": [{"orders": 3}, {"orders": 1}]}
    assert cell(values) == "**4 of 6**"
