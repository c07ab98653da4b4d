"""Hold and release by hand: the empty bypass, made with the mouse and with the keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from devenv.core.model.schedule import Schedule
from tests.browser.dashboard.conftest import Stack, visit

pytestmark = pytest.mark.browser

ORDER = "v1 guess:GET solve:GET solve:GET solve:TTL solve:EXEC solve:DEL guess:GET guess:TTL guess:EXEC"
"""The order in which an empty selection passes afterwards, with the guide's store."""
Press = Callable[[Page, str], None]
"""Uses the control with this id, however it is used."""


def by_mouse(page: Page, control: str) -> None:
    page.click(control)


def by_keyboard(page: Page, control: str) -> None:
    page.locator(control).focus()
    page.keyboard.press("Space")


def choose_pod(page: Page, pod: str, press: Press) -> None:
    if press is by_mouse:
        page.select_option("#send-pod", f"captcha-api-{pod}")
    else:
        page.locator("#send-pod").focus()
        page.keyboard.press("Home")
        for _ in range("ab".index(pod) + 1):
            page.keyboard.press("ArrowDown")
    expect(page.locator("#send-pod")).to_have_value(f"captcha-api-{pod}")


def release(page: Page, request: str, command: str, press: Press) -> None:
    """Let the held command of this request go, and wait until it is not held any more."""
    row = page.locator(".heldrow", has_text=request).filter(has_text=command)
    expect(row).to_have_count(1)
    seq = row.get_attribute("data-seq")
    if press is by_mouse:
        row.get_by_role("button", name="Release", exact=False).first.click()
    else:
        while page.locator(".heldrow").first.get_attribute("data-seq") != seq:
            by_keyboard(page, f'.heldrow[data-seq="{seq}"] button[aria-label$="forward"]')
        page.locator("#main").focus()
        page.keyboard.press("s")  # releases the first
    expect(page.locator(f'.heldrow[data-seq="{seq}"]')).to_have_count(0)


@pytest.mark.parametrize("press", [by_mouse, by_keyboard])
def test_the_empty_bypass_by_hand(chromium: Browser, running: Stack, press: Press) -> None:
    running.fresh(use_redis=True, SESSION_STRATEGY="guide")
    opened = visit(chromium, running.url)
    page = opened.page
    choose_pod(page, "a", press)
    press(page, "#send-create")
    expect(page.locator("#send-last")).to_contain_text("made by pod a")
    press(page, "#hold-all")
    expect(page.locator("#hold-all")).to_be_checked()
    press(page, "#send-right")
    expect(page.locator(".heldrow")).to_have_count(1)
    choose_pod(page, "b", press)
    press(page, "#send-wrong")
    expect(page.locator(".heldrow")).to_have_count(2)
    for step in Schedule.parse(ORDER):
        request, command = str(step).split(":")
        release(page, request, command, press)
    expect(page.locator("#send-last")).to_have_text("guess at pod b: wrong")
    expect(page.locator("#schedule")).to_have_value(ORDER)
    assert "schedule=v1" in page.url
    press(page, "#hold-all")
    expect(page.locator("#hold-all")).not_to_be_checked()
    press(page, "#send-empty")
    expect(page.locator("#send-last")).to_have_text("empty at pod b: passed")
    page.goto(f"{running.url}/#/live?why=all")
    expect(page.locator(".finding h3", has_text="empty-bypass")).to_be_visible()
    assert opened.complaints == []


def test_what_is_shown_held_is_what_the_gate_holds(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True, REDIS_TIMEOUT_MS="300000")
    page = visit(chromium, running.url).page
    page.locator("#main").focus()
    page.keyboard.press("n")
    page.click("#send-create")
    expect(page.locator(".heldrow")).to_have_count(1)
    held = httpx.get(f"{running.url}/held").json()["held"]
    assert [str(one["seq"]) for one in held] == [page.locator(".heldrow").get_attribute("data-seq")]
    row = page.locator(f"#row-c{held[0]['seq']}")
    expect(row).to_have_class(re.compile(r"\bheld\b"))
    left = page.locator(".heldrow .left")  # seconds until the pod's own time-out
    first = int(left.inner_text().removesuffix(" s"))
    expect(left).not_to_have_text(f"{first} s")
    assert 0 < int(left.inner_text().removesuffix(" s")) < first <= 300
    row.get_by_role("button", name="Release").click()
    expect(page.locator(".heldrow")).to_have_count(0)
    expect(row).to_have_class(re.compile(r"\bplain\b"))
    expect(page.locator("#send-last")).to_contain_text("made by pod")
    assert httpx.get(f"{running.url}/held").json()["held"] == []


def test_a_lost_reply_is_seen_as_one(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True)
    page = visit(chromium, running.url).page
    page.locator("#main").focus()
    page.keyboard.press("n")
    page.click("#send-create")
    expect(page.locator(".heldrow")).to_have_count(1)
    held = httpx.get(f"{running.url}/held").json()["held"][0]
    page.keyboard.press("l")
    row = page.locator(f"#row-c{held['seq']}")
    expect(row).to_contain_text("reply-dropped")
    expect(row).to_have_class(re.compile(r"\bbad\b"))
    assert "!lost" in page.url or "%21lost" in page.url


def test_what_destroys_asks_first(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True)
    page = visit(chromium, running.url).page
    page.click("text=Kill Redis")
    expect(page.locator("dialog[open]")).to_contain_text("Every session in it is lost")
    page.click("dialog >> text=Cancel")
    assert running.journaled.status().redis_state == "running"
    page.click('button[aria-label="Kill pod b"]')
    page.click("dialog button.danger")
    expect(page.locator(".part.pod.down")).to_have_count(1)
    page.click('button[aria-label="Restart pod b"]')
    expect(page.locator(".part.pod.down")).to_have_count(0)
    expect(page.locator(".lanes .row.stack", has_text="restart b").first).to_be_visible()
    page.click("text=Pause Redis")
    expect(page.locator(".part.store.down")).to_be_visible()
    expect(page.locator(".lanes .row.stack", has_text="redis pause")).to_be_visible()
    page.click("text=Resume Redis")
    expect(page.locator(".part.store.down")).to_have_count(0)


def test_pods_are_added_at_once_and_removed_after_a_question(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True)
    opened = visit(chromium, running.url)
    page = opened.page
    pods = page.locator(".part.pod")
    expect(pods).to_have_count(2)
    page.click("#add-pod")
    expect(pods).to_have_count(3)
    expect(page.locator(".lanes .row.stack", has_text="pod c").first).to_be_visible()
    page.fill("#pods", "2")
    page.locator("#pods").press("Enter")
    expect(page.locator("dialog[open]")).to_contain_text("Remove pod c?")
    page.click("dialog >> text=Cancel")
    expect(page.locator("#pods")).to_have_value("3")
    assert len(running.journaled.status().pods) == 3
    page.click('button[aria-label="Remove pod c"]')
    page.click("dialog button.danger")
    expect(pods).to_have_count(2)
    assert [pod.name[-1] for pod in running.journaled.status().pods] == ["a", "b"]
    assert opened.complaints == []


def test_many_held_requests_do_not_stand_in_the_way_of_their_release(
    chromium: Browser, running: Stack
) -> None:
    running.fresh(use_redis=True)
    page = visit(chromium, running.url).page
    page.click("#hold-all")
    for number in range(1, 9):  # a browser opens six connections to one server
        page.click("#send-create")
        expect(page.locator(".heldrow")).to_have_count(number)
    page.locator("#main").focus()
    for left in range(7, -1, -1):
        page.keyboard.press("s")
        expect(page.locator(".heldrow")).to_have_count(left)
    page.click("#hold-all")
    expect(page.locator("#send-last")).to_contain_text("made by pod")
