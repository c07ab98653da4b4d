"""The report of an exploration of sessions."""

from __future__ import annotations

from dataclasses import replace

from devenv.verbs.explore.sessions.page import document
from devenv.verbs.explore.sessions.report import picture
from tests.unit.verbs.explore.sessions.test_report import FAILS, FOUND, UNKNOWN


def test_a_violation_has_its_numbers_its_picture_and_its_command() -> None:
    page = document(FAILS)
    section = page.sections[0]
    assert (section.title, section.note, section.explanation) == (FOUND.kind, FOUND.sentence, (FOUND.order,))
    [row] = section.tables[0].rows
    assert [cell.text for cell in row] == ["2 of 6 orders", "2 of 6 orders", "3 of 3 times the same"]
    assert section.picture == tuple(picture(FOUND))
    assert [command.text for command in page.commands] == [FOUND.reproduce]
    lost = replace(FOUND, confirmed=False, why="its order changed", reproduce=None)
    page = document(replace(FAILS, violations=(lost,)))
    assert page.sections[0].tables[0].rows[0][2].text == "not confirmed: its order changed"


def test_what_is_not_known_or_not_compared_stands_in_it() -> None:
    rests_on = document(UNKNOWN).sections[-1].explanation
    assert "A lost a cannot be seen." in rests_on
    assert "Not compared, as it changes from run to run: ask: nonce." in rests_on
