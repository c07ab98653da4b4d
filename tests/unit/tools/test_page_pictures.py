"""The pictures of the page: every view is among them."""

from __future__ import annotations

import re

from tests.support import ROOT
from tools.page_pictures import STORY, WIDE


def test_every_view_of_the_page_is_pictured() -> None:
    text = (ROOT / "devenv" / "dashboard" / "static" / "js" / "main.js").read_text(encoding="utf-8")
    views = set(re.findall(r'^  (\w+): \{ name: "', text, re.MULTILINE))
    assert len(views) == 7
    names = [name for _, name, _ in STORY]
    assert {view.partition("?")[0] for view, _, _ in STORY if view} | set(names) >= views
    assert len(set(names)) == len(names)
    assert set(WIDE) <= set(names)
