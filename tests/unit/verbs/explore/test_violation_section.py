"""A violation in a report: its counts beside whether real pods showed it again, and its command."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.render.document import Cell, Command
from devenv.verbs.explore.result import ExploredViolation
from devenv.verbs.explore.violation_section import commands, section
from tests.unit.verbs.explore.test_summary import FOUND


@pytest.mark.parametrize(
    ("violation", "last"),
    [
        (FOUND, Cell("3 of 3 times the same", "good")),
        (replace(FOUND, confirmed=False, why="interrupted"), Cell("not confirmed: interrupted", "bad")),
    ],
)
def test_the_last_cell_says_whether_it_was_seen_again(violation: ExploredViolation, last: Cell) -> None:
    made = section(violation, [("met", "in 4 of 36")], "run again", "a:GET b:SET", [])
    [table] = made.tables
    assert (table.head, table.rows) == (("met", "run again"), ((Cell("in 4 of 36"), last),))
    assert (made.title, made.note, made.good) == (FOUND.kind, FOUND.sentence, False)
    assert (made.explanation_title, made.explanation) == ("The order", ("a:GET b:SET",))


def test_a_violation_without_a_command_has_none() -> None:
    assert FOUND.reproduce is not None
    known = Command(FOUND.reproduce, f"{FOUND.kind}: plays this order again")
    assert commands([replace(FOUND, reproduce=None), FOUND]) == (known,)
