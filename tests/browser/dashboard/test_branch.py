"""Rewind to a step of an order, and go on by hand: the same end, another end, and from a run that is over."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from devenv.core.model.schedule import Schedule
from tests.browser.dashboard.conftest import Stack, visit
from tests.browser.dashboard.test_touch import ORDER, by_mouse, release

pytestmark = pytest.mark.browser

STEPS = [str(step) for step in Schedule.parse(ORDER)]
REWOUND = 3


def release_all(page: Page, steps: list[str]) -> None:
    for step in steps:
        request, command = step.split(":")
        release(page, request, command, by_mouse)


def test_rewind_to_a_step_and_go_on_by_hand(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True, SESSION_STRATEGY="guide")
    order = f"scenarios?scenario=empty-bypass&store=guide&schedule={quote(ORDER)}"
    opened = visit(chromium, running.url, order)
    page = opened.page
    expect(page.locator("#order")).to_have_value(ORDER)  # the address is the order
    page.locator("#rewind-step").fill(str(REWOUND))
    page.locator("#rewind-step").blur()
    page.click("#rewind")
    expect(page.locator(".branch")).to_contain_text(f"Step {REWOUND} of empty-bypass is reached")
    expect(page.locator("#schedule")).to_have_value(" ".join(["v1", *STEPS[:REWOUND]]))
    expect(page.locator(".heldrow .who")).to_have_text(["guess", "solve"])
    page.reload()  # the address is the branch
    expect(page.locator(".heldrow .who")).to_have_text(["guess", "solve"])
    release_all(page, STEPS[REWOUND:])
    expect(page.locator(".branch .verdict.good")).to_be_visible()  # an empty selection passed
    expect(page.locator("#schedule")).to_have_value(ORDER)
    page.get_by_role("link", name="This order in the scenario").click()
    expect(page.locator("#order")).to_have_value(ORDER)
    assert opened.complaints == []


def test_a_run_is_rewound_and_ends_otherwise(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True, SESSION_STRATEGY="guide")
    recording = visit(chromium, running.url, "scenarios").page
    recording.get_by_role("button", name="An empty selection passes").click()
    recording.get_by_role("button", name="Run: guide").click()
    expect(recording.get_by_role("link", name="The run, with all its records")).to_be_visible()
    opened = visit(chromium, running.url, "runs?kind=redis")
    page = opened.page
    page.locator(".runs a", has_text="An empty selection passes").first.click()
    row = page.locator(".walk .row.redis", has_text="released").filter(
        has=page.get_by_text("pod b", exact=True)
    )
    row.first.click()
    page.mouse.move(1, 1)
    expect(page.locator(".detail #rewind")).to_contain_text("Rewind to after this step (1)")
    page.click("#rewind")
    expect(page.locator("#schedule")).to_have_value("v1 guess:GET")
    serial = ["guess:GET", "guess:TTL", "guess:EXEC", *[step for step in STEPS if step.startswith("solve")]]
    release_all(page, serial)
    expect(page.locator(".branch .verdict.bad")).to_be_visible()  # no bug in this order
    page.get_by_role("link", name="The run, with all its records").click()
    expect(page.locator(".walk .row").first).to_be_visible()
    assert opened.complaints == []
