"""For everybody: no violation that axe-core knows, in both colour schemes; nothing wider than the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.dashboard.conftest import Stack, visit

pytestmark = pytest.mark.browser

VIEWS = ("live", "keys", "try", "scenarios?scenario=empty-bypass", "explore", "simulate", "runs")
RULES = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    const html = (one) => one.nodes.slice(0, 5).map(node => node.html.slice(0, 200)).join(" | ");
    return found.violations.map(one => `${one.id}: ${html(one)}`);
}"""

NARROWEST = 380
"""Pixels."""
WIDTH_WITH = """(all) => {
    devenvModules["js/explain.js"].explanation.value = all;
    const shown = [...document.querySelectorAll(".finding")].map((one) => one.textContent);
    const only = shown.length === 1 && shown[0].includes(all.verdict.slice(-20));
    return only && document.documentElement.scrollWidth;
}"""
"""Shows this explanation; the width in pixels once it is what is shown, else false."""
KEY = f"rcaptcha:abstract:{'0' * 40}"
LONG_KEY = {
    "verdict": f"resurrected-key: {KEY}", "remarks": [], "missing": [], "messages": [],
    "findings": [
        {
            "cause": "resurrected-key", "count": 1, "sentence": f"the write brought back {KEY}: a stub",
            "challenges": [], "evidence": [], "change": f"delete {KEY}",
        }
    ],
}  # fmt: skip
"""An explanation as the control API gives it, about a key longer than a phone is wide."""


def show(page: Page, running: Stack, view: str) -> None:
    """Open a view with something to see in it."""
    page.goto(f"{running.url}/#/{view}")
    expect(page.locator("main > *").first).to_be_visible()
    if view == "try":
        page.click("#try-abstract")
        expect(page.locator(".nine")).to_be_visible()
    elif view.startswith("scenarios"):
        expect(page.locator(".scenario.open")).to_be_visible()
    elif view == "live":
        page.click("#send-create")
        expect(page.locator("#send-last")).to_contain_text("made by pod")
        page.select_option("#send-pod", "captcha-api-b")
        page.click("#send-right")
        expect(page.locator(".lanes .row").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    chromium: Browser, running: Stack, node_modules: Path, scheme: Literal["light", "dark"]
) -> None:
    running.fresh()
    axe = (node_modules / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    page = visit(chromium, running.url, color_scheme=scheme, bypass_csp=True).page
    page.evaluate(axe)
    values: dict[str, Any] = {}
    for view in VIEWS:
        show(page, running, view)
        if violations := page.evaluate(RULES):
            values[view] = violations
    assert values == {}


@pytest.mark.parametrize("width", [NARROWEST, 768, 2560])
def test_no_view_is_wider_than_the_window(chromium: Browser, running: Stack, width: int) -> None:
    running.fresh()
    page = visit(chromium, running.url, viewport={"width": width, "height": 900}).page
    widths = {}
    for view in VIEWS:
        show(page, running, view)
        widths[view] = page.evaluate("() => document.documentElement.scrollWidth")
    if width == NARROWEST:
        page.goto(f"{running.url}/#/scenarios?scenario=empty-bypass")
        page.get_by_role("button", name="Run: guide").click()
        expect(page.locator("#order")).to_be_visible()
        widths["a scenario that was played"] = page.evaluate("() => document.documentElement.scrollWidth")
    page.goto(f"{running.url}/#/live?why=all")
    # Again and again: the page's own explanation, which it asks for, may come later.
    widths["a finding with a long key"] = page.wait_for_function(WIDTH_WITH, arg=LONG_KEY).json_value()
    assert {view: wide for view, wide in widths.items() if wide > width} == {}


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_where_motion_is_not_wanted(
    chromium: Browser, running: Stack, motion: Literal["reduce", "no-preference"]
) -> None:
    page = visit(chromium, running.url, reduced_motion=motion).page
    page.evaluate(
        """() => {
            window.moved = 0;
            const animate = Element.prototype.animate;
            Element.prototype.animate = function (...given) {
                window.moved += 1;
                return animate.apply(this, given);
            };
        }"""
    )
    page.click("#send-ten")
    expect(page.locator("#send-last")).to_contain_text("10 visitors")
    assert (page.evaluate("() => window.moved") > 0) == (motion == "no-preference")
