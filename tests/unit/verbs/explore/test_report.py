"""The report of an exploration: what stands in it of each violation."""

from __future__ import annotations

from dataclasses import replace

from devenv.core.render.sequence import SequenceMessage
from devenv.verbs.explore.report import document, picture, shown_reply
from devenv.verbs.explore.result import ShownStep
from tests.unit.verbs.explore.test_summary import FAILS, FOUND, UNKNOWN


def test_a_violation_has_its_numbers_its_picture_and_its_command() -> None:
    page = document(FAILS)
    section = page.sections[0]
    assert (section.title, section.note, section.explanation) == (
        "double-success", "both answers passed", ("v1 V1:GET V2:GET",),
    )  # fmt: skip
    [row] = section.tables[0].rows
    assert [cell.text for cell in row] == ["R+R", "in 4 of 36 traces", "3 of 3 times the same"]
    assert [command.text for command in page.commands] == [FOUND.reproduce]
    assert (page.holds, page.verdict) == (False, FAILS.verdict)
    lost = replace(FOUND, confirmed=False, replayed=0, why="interrupted", reproduce=None)
    page = document(replace(FAILS, violations=(lost,)))
    assert page.sections[0].tables[0].rows[0][2].text == "not confirmed: interrupted"
    assert page.commands == ()


def test_the_picture_has_an_arrow_for_each_step_and_a_note_for_each_event() -> None:
    steps = (ShownStep("V1", "GET", "(nil)"), ShownStep("", "expire", None), ShownStep("V2", "DEL", "lost"))
    assert picture(replace(FOUND, steps=steps)) == [
        SequenceMessage(0, "V1", "redis", "GET → nothing"),
        SequenceMessage(1, "redis", "redis", "expire", "note"),
        SequenceMessage(2, "V2", "redis", "DEL → lost", "failed"),
    ]


def test_what_lies_in_redis_is_not_in_the_picture() -> None:
    shown = [shown_reply(reply) for reply in ('{"secret": 1}', "-5", "[OK]", "lost", "(nil)", "word")]
    assert shown == ["a value", "-5", "[OK]", "lost", "nothing", "a value"]


def test_what_is_not_known_stands_in_it() -> None:
    page = document(UNKNOWN)
    assert not page.holds
    assert "Not everything was tried: the budget was used up." in page.sections[-1].explanation
