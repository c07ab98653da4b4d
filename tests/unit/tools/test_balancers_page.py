"""docs/balancers.md is what its data make of it, covers its settings, and agrees with the earlier figures."""

from __future__ import annotations

import json
from typing import Any

from devenv.core.balancers import PRODUCTS, parse_balancer
from tests.support import ROOT
from tools.balancers_page.__main__ import data_text
from tools.balancers_page.measuring import PATTERNS
from tools.balancers_page.page import COMMAND, render
from tools.balancers_page.settings import SESSIONS, SETTINGS, STARTS

DATA: dict[str, Any] = json.loads((ROOT / "docs/balancers.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs/balancers.md").read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    assert render(DATA) == PAGE, f"run {COMMAND}"
    assert data_text(DATA) == (ROOT / "docs/balancers.json").read_text(encoding="utf-8")


def test_every_setting_was_measured_and_is_one_that_the_command_line_takes() -> None:
    assert list(DATA["settings"]) == [setting.title for setting in SETTINGS]
    for setting in SETTINGS:
        if setting.target.partition(":")[0] in PRODUCTS:
            assert parse_balancer(setting.target).text == setting.target
        record = DATA["settings"][setting.title]
        assert set(PATTERNS) <= set(record["shares"])
        assert bool(record["failures"]) is setting.failures
        assert setting.version in record["title"]


def test_a_difference_to_the_earlier_figures_has_its_reason() -> None:
    compared = PAGE.partition("## Compared")[2]
    assert "not known" not in compared
    assert "not measured again" not in compared
    for setting in SETTINGS:
        record = DATA["settings"][setting.title]
        for name, _ in setting.differing(record):
            assert [sessions for _, sessions in record["again"][name]] == [SESSIONS] * STARTS


def test_strict_turns_lose_all_or_none_in_every_product() -> None:
    for setting in SETTINGS:
        if setting.reference == (100, 100, setting.reference and setting.reference[2]):
            shares = DATA["settings"][setting.title]["shares"]
            assert shares["new"][0] == shares["new"][1], setting.title
            assert shares["kept"][0] == shares["kept"][1], setting.title
