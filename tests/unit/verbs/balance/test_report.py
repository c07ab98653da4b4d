"""The report of measured balancers: what a reader takes from it."""

from __future__ import annotations

from dataclasses import replace

from devenv.core.balance.verdict import judge
from devenv.core.render.html import render
from devenv.verbs.balance.report import document
from devenv.verbs.balance.usecase import Measured
from tests.unit.core.balance.results import all_patterns, balance, result

TURNS = balance(result("new", 100, cycle=2), result("new+image", 0, cycle=2))
NONE_LOST = balance(*all_patterns(0))


def test_a_share_that_something_hides_is_no_good_result() -> None:
    page = document([Measured(TURNS, judge(TURNS))], 1)
    rows = {row[0].text: row[1] for row in page.sections[1].tables[0].rows}
    assert rows["new"].tone == "bad"
    assert rows["new+image"].tone == "quiet"
    assert rows["new+image"].text.endswith(": hidden, parity")
    assert page.verdict.startswith("nginx: sessions are lost: 100 %")


def test_the_lines_of_a_teams_file_are_shown() -> None:
    measured = replace(TURNS, decided_by=("which server gets a request: `ip_hash;` (nginx.conf, line 5)",))
    tables = document([Measured(measured, judge(measured))], 1).sections[1].tables
    assert ["`ip_hash;` (nginx.conf, line 5)" in row[0].text for row in tables[1].rows] == [True]


def test_several_are_counted_in_one_line_and_no_empty_part_is_shown() -> None:
    measured = [Measured(each, judge(each)) for each in (TURNS, NONE_LOST)]
    page = document(measured, 1)
    assert page.verdict.startswith("sessions are lost: nginx; ")
    assert not page.holds
    assert ">Commands<" not in render(page)
