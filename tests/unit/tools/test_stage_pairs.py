"""docs/rollout.md has the table of adjacent stages as it is explored."""

from __future__ import annotations

import pytest

from tools import stage_pairs


def test_the_page_has_the_table() -> None:
    page = stage_pairs.PAGE.read_text(encoding="utf-8")
    assert stage_pairs.with_table(page) == page


def test_a_row_that_is_wrong_is_replaced_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    stage_pairs.main([])
    table = capsys.readouterr().out
    stale = f"before\n\n{stage_pairs.HEAD}| births | gone | – | – |\n\nafter |\n"
    assert stage_pairs.with_table(stale) == f"before\n\n{table}\nafter |\n"
    assert "| six-stages | `shadow` beside `live` | double-success, lost-attempt | lost-attempt |" in table
    with pytest.raises(ValueError, match="no table"):
        stage_pairs.with_table("before\n")
