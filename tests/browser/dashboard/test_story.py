"""The story by clicks: the bug, why, the toggle, the fix; and what the page keeps to itself."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Error as PlaywrightError

from tests.browser.conftest import ARGUMENTS, chromium_path
from tests.browser.dashboard.conftest import Stack, loaded, visit
from tests.support import until

pytestmark = pytest.mark.browser

CAME_AT_LEAST_FIVE = (
    "() => Number(document.querySelector('.count').textContent.match(/, (\\d+) came/)[1]) >= 5"
)


def test_bug_reason_toggle_and_fix(chromium: Browser, running: Stack) -> None:
    running.fresh()
    opened = visit(chromium, running.url)
    page = opened.page
    page.click("#send-ten")
    expect(page.locator("#send-last")).to_have_text(
        '10 visitors with the right answer: 0 passed, 10 got "Challenge not found"'
    )
    red = page.locator(".pod.bad a.why").first
    expect(red).to_contain_text("Challenge not found")
    expect(page.locator(".lanes .row.bad").first).to_contain_text("Challenge not found")
    red.click()
    expect(page.locator(".finding h3").first).to_contain_text("pod-memory")
    expect(page.locator(".finding .change").first).to_contain_text("USE_REDIS=true")
    expect(page.locator(".chip.lost").first).to_be_visible()  # in the memory of the pod that made it
    page.click("#all-atomic")
    expect(page.locator(".use-redis:checked")).to_have_count(2)
    expect(page.locator(".banner.busy")).to_have_count(0)
    expect(page.locator(".chip")).to_have_count(0)  # gone with the memory, and not in Redis
    page.click("#send-ten")
    expect(page.locator("#send-last")).to_have_text(
        '10 visitors with the right answer: 10 passed, 0 got "Challenge not found"'
    )
    page.select_option('select[aria-label="kind"]', "redis")
    expect(page.locator(".lanes .row.redis").first).to_be_visible()
    assert "kind=redis" in page.url
    assert opened.complaints == []
    assert {urlsplit(url).netloc for url in opened.requests} == {urlsplit(running.url).netloc}


def test_a_foreign_page_changes_nothing(chromium: Browser, running: Stack) -> None:
    running.fresh()
    page = visit(chromium, running.url).page
    page.goto(running.status.endpoints.ml + "/catalog")  # another origin of this machine
    sent = """async ([url, headers]) => {
        try {
            const mode = headers ? "cors" : "no-cors";
            const answer = await fetch(url, {method: "POST", mode, headers: headers ?? {}, body:
            '{"use_redis": true}'}); return answer.type + answer.status;
        } catch (error) { return String(error); }
    }"""
    for headers in (None, {"Content-Type": "application/json", "X-Devenv-Token": "guess"}):
        outcome = page.evaluate(sent, [f"{running.url}/dashboard/pods", headers])
        assert re.match(r"opaque0|TypeError", outcome), outcome
    assert {pod.settings["USE_REDIS"] for pod in running.journaled.status().pods} == {"false"}
    refused = httpx.post(
        f"{running.url}/dashboard/pods", json={"use_redis": True}, headers={"Origin": "http://localhost:3000"}
    )
    assert refused.status_code == 403


def test_a_foreign_name_for_this_machine_opens_nothing(chromium: Browser, running: Stack) -> None:
    """A name that somebody lets point here (DNS rebinding): its page has this port as its own origin."""
    running.fresh()
    rules = "--host-resolver-rules=MAP foreign.example 127.0.0.1"
    browser = chromium.browser_type.launch(executable_path=chromium_path(), args=[*ARGUMENTS, rules])
    try:
        page = browser.new_page()
        foreign = running.url.replace("127.0.0.1", "foreign.example")
        answer = page.goto(foreign)
        assert answer is not None
        assert answer.status == 403
        assert "answers only to this machine" in answer.text()
        assert "token" not in answer.text()
        asked = """async ([url, method, body]) => {
            const headers = {"Content-Type": "application/json", "X-Devenv-Token": "guess"};
            const answer = await fetch(url, {method, headers, body});
            return answer.status;
        }"""
        assert page.evaluate(asked, [f"{foreign}/dashboard/overview", "GET", None]) == 403
        assert page.evaluate(asked, [f"{foreign}/dashboard/pods", "POST", '{"use_redis": true}']) == 403
        assert page.evaluate(asked, [f"{foreign}/policy", "PUT", '{"policy": "random"}']) == 403
        with pytest.raises(PlaywrightError, match="Failed to fetch"):  # by its true address: another origin
            page.evaluate(asked, [f"{running.url}/dashboard/pods", "POST", '{"use_redis": true}'])
    finally:
        browser.close()
    status = running.journaled.status()
    assert {pod.settings["USE_REDIS"] for pod in status.pods} == {"false"}
    assert status.spec.policy == "round-robin"


def test_nothing_of_an_answer_is_read_as_html(chromium: Browser, running: Stack) -> None:
    opened = visit(chromium, running.url)
    page = opened.page
    text = '<img src=x onerror="document.title=1">'
    wrong = {"challenge_id": text, "selections": []}
    httpx.post(f"{running.status.endpoints.traffic}/api/abstract-verify", json=wrong)
    row = page.locator(".lanes .row.bad").last
    expect(row).to_be_visible()
    row.click()
    expect(page.locator(".detail pre").first).to_contain_text("onerror")
    assert page.locator(".lanes img, .detail img").count() == 0
    assert page.title() == "devenv"
    assert opened.complaints == []


def test_two_tabs_show_the_same(chromium: Browser, running: Stack) -> None:
    running.fresh()
    first, second = (visit(chromium, running.url).page for _ in range(2))
    first.click("#send-create")
    expect(first.locator("#send-last")).to_contain_text("made by pod")
    challenge = re.findall(r"challenge (\w{6})", first.locator("#send-last").text_content() or "")[0]
    for page in (first, second):
        expect(page.locator(".lanes .row", has_text=challenge)).to_be_visible()
        expect(page.locator(".chip", has_text=challenge)).to_be_visible()
    second.select_option("#policy", "random")
    expect(first.locator("#policy")).to_have_value("random")
    second.select_option("#policy", "round-robin")
    expect(first.locator("#policy")).to_have_value("round-robin")


def test_the_search_is_over_all_records_and_in_the_address(chromium: Browser, running: Stack) -> None:
    page = visit(chromium, running.url).page
    for number in range(60):
        httpx.get(f"{running.status.endpoints.traffic}/?page-{number}")
    expect(page.locator(".lanes .row", has_text="GET").last).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("page-7")
    expect(page.locator(".count")).to_have_text(re.compile(r"^1 of \d+$"))
    assert "q=page-7" in page.url
    address = page.url
    until(lambda: loaded(page, address), "the page is loaded again")
    expect(page.locator(".count")).to_have_text(re.compile(r"^1 of \d+$"))
    expect(page.locator("#search")).to_have_value("page-7")


def test_the_view_is_paused_and_not_the_collection(chromium: Browser, running: Stack) -> None:
    page = visit(chromium, running.url, "live?q=pause-me").page
    page.click("#pause")
    for number in range(5):
        httpx.get(f"{running.status.endpoints.traffic}/?pause-me-{number}")
    came = re.compile(r"^0 of \d+, \d+ came$")
    expect(page.locator(".count")).to_have_text(came)
    page.wait_for_function(CAME_AT_LEAST_FIVE)
    expect(page.locator(".lanes .row")).to_have_count(0)
    page.click("#pause")
    expect(page.locator(".lanes .row")).to_have_count(5)
