"""findings/: every script has what the others have, and stands in the table of its README."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support import ROOT

FOLDER = ROOT / "findings"
SCRIPTS = sorted(FOLDER.glob("*.sh"))


def test_the_table_names_every_script_and_no_other() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert SCRIPTS, "there are findings"
    assert sorted(re.findall(r"^\| \[([\w.-]+\.sh)\]\(", page, re.MULTILINE)) == [
        path.name for path in SCRIPTS
    ]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_says_what_was_seen_and_tidies_up(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert text.startswith("#!")
    assert "# seen:" in text
    assert "trap " in text
    assert "mktemp" in text
    assert os.access(script, os.X_OK)
