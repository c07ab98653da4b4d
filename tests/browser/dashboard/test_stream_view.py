"""The stream of many records, and of a stack that goes away and comes again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from devenv.core.model.topology import Ports, StackSpec
from devenv.verbs.operate.select import open_stack
from tests.browser.dashboard.conftest import Stack, visit
from tests.support import free_ports

pytestmark = pytest.mark.browser

MANY = """async (count) => {
    const { records } = devenvModules["js/state.js"];
    const exchange = (seq) => ({kind: "exchange", seq, request_id: `many-${seq}`, client: "c", method: "GET",
        path: `/many/${seq}`, policy: "random", pod: "captcha-api-a", status: 200, started: 2e9 + seq / 1000,
        duration_ms: 1, error: null, request_body: null, response_body: null, outcome: "answered"});
    const from = 1e6 + records.total;
    for (let at = 0; at < count; at += 50) {
        records.add(Array.from({length: 50}, (_, index) => exchange(from + at + index)), [], []);
        if (at % 2500 === 0) await new Promise(requestAnimationFrame);
    }
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return [records.total, records.rows.length, records.shown.length];
}"""
MOST_ROWS = 500
ALL_ELEMENTS = "() => document.querySelectorAll('*').length"


def rows(page: Page) -> int:
    return page.locator(".lanes .row").count()


def test_what_is_done_elsewhere_is_told_and_not_asked_for(chromium: Browser, running: Stack) -> None:
    running.fresh()
    page = visit(chromium, running.url).page
    page.route("**/dashboard/overview", lambda route: route.abort())
    running.journaled.redis("pause")
    try:
        expect(page.locator(".lanes .row.stack", has_text="redis pause").first).to_be_visible()
    finally:
        running.journaled.redis("resume")
    expect(page.locator(".lanes .row.stack", has_text="redis resume").first).to_be_visible()


def test_a_hundred_thousand_records_are_some_rows_of_the_document(chromium: Browser, running: Stack) -> None:
    page = visit(chromium, running.url).page
    page.evaluate(MANY, 10_000)
    elements = page.evaluate(ALL_ELEMENTS)
    assert 0 < rows(page) <= MOST_ROWS
    total, kept, shown = page.evaluate(MANY, 90_000)
    assert total >= 100_000
    assert kept <= 21_000
    assert shown <= kept
    assert 0 < rows(page) <= MOST_ROWS
    assert page.evaluate(ALL_ELEMENTS) <= elements * 1.5
    page.locator("#search").fill("many-1095000")
    expect(page.locator(".lanes .row")).to_have_count(1)


def test_no_row_is_there_twice_while_one_scrolls(chromium: Browser, running: Stack) -> None:
    page = visit(chromium, running.url).page
    page.evaluate(MANY, 5000)
    grid = page.locator(".lanes .scroll")
    page.wait_for_function("() => document.querySelector('.lanes .scroll').ariaRowCount >= 5000")
    grid.focus()
    for key in ("Home", "End", "PageUp", "ArrowUp", "PageUp", "ArrowDown", "Home", "PageDown"):
        page.keyboard.press(key)
        page.evaluate("() => new Promise(requestAnimationFrame)")
        ids = page.evaluate("() => [...document.querySelectorAll('.lanes .row')].map(row => row.id)")
        assert len(ids) == len(set(ids))
        assert len(ids) <= MOST_ROWS
        chosen = page.locator(".lanes .row.chosen")
        expect(chosen).to_have_count(1)
        expect(chosen).to_be_in_viewport()


LATE = """(grid) => {
    const { records } = devenvModules["js/state.js"];
    const late = {kind: "exchange", client: "c", method: "GET", path: "/late", policy: "random",
        pod: "captcha-api-a", status: 200, duration_ms: 1, error: null, request_body: null,
        response_body: null, outcome: "answered"};
    const one = (seq) => ({...late, seq, request_id: `late-${seq}`, started: 3e9 + seq});
    records.add(Array.from({length: 50}, (_, index) => one(5e6 + index)), [], []);
    grid.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
}"""
"""The last row is chosen before it is drawn."""


def test_a_row_that_is_not_drawn_yet_is_scrolled_to(chromium: Browser, running: Stack) -> None:
    page = visit(chromium, running.url).page
    page.evaluate(MANY, 500)
    grid = page.locator(".lanes .scroll")
    grid.focus()
    page.keyboard.press("Home")
    grid.evaluate(LATE)
    expect(page.locator(".lanes .row.chosen")).to_be_in_viewport()


def test_dropped_records_are_told(chromium: Browser, running: Stack) -> None:
    """The gap is one that the control process tells: a stream that has lost records is put in its place."""
    page = visit(chromium, running.url).page
    hello = json.dumps({"now": 2e9, "process": "another"})
    gap = json.dumps({"exchanges": 12, "commands": 5})
    text = f"retry: 600000\nevent: hello\ndata: {hello}\n\nevent: gap\ndata: {gap}\n\n"
    page.route("**/stream?*", lambda route: route.fulfill(content_type="text/event-stream", body=text))
    page.reload()
    expect(page.locator(".banner.bad")).to_contain_text("17 records were dropped")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_page_comes_again_with_the_stack(chromium: Browser, tmp_path: Path, end: str) -> None:
    traffic, control, ml, redis = free_ports(4)
    spec = StackSpec(ports=Ports(traffic, control, ml, redis, 0))
    stack = open_stack("embedded", tmp_path)
    status = stack.start(spec, _silent)
    try:
        page = visit(chromium, status.endpoints.control).page
        page.click("#send-create")
        expect(page.locator("#send-last")).to_contain_text("made by pod")
        if end == "kill":
            record = json.loads((tmp_path / "embedded.json").read_text(encoding="utf-8"))
            psutil.Process(record["pid"]).kill()
        stack.stop()
        expect(page.locator(".sign.lost")).to_be_visible()
        stack.start(spec, _silent)
        expect(page.locator(".sign.open")).to_be_visible()
        page.click("#send-create")  # with the new process's token
        expect(page.locator("#send-last")).to_contain_text("made by pod")
        expect(page.locator(".lanes .row", has_text="created")).to_have_count(1)
    finally:
        stack.stop()


def _silent(_line: str) -> None:
    pass


def test_a_stream_goes_on_where_it_stopped(running: Stack) -> None:
    with httpx.Client(base_url=running.url, timeout=60) as client:
        first = _events(client, {}, lambda events: bool(events))
        place = first[-1].split("id: ")[1].split("\\n")[0].split("\n")[0]
        for number in range(3):
            httpx.get(f"{running.status.endpoints.traffic}/?again-{number}")
        more = _events(client, {"Last-Event-ID": place}, lambda events: "again-2" in events[-1])
        text = "".join(more)
        assert [text.count(f"/?again-{number}") for number in range(3)] == [1, 1, 1]
        assert "event: gap" not in text


def _events(client: httpx.Client, headers: dict[str, str], enough: Callable[[list[str]], bool]) -> list[str]:
    events: list[str] = []
    with client.stream("GET", "/stream", headers=headers) as response:
        text = ""
        for chunk in response.iter_text():
            text += chunk
            *whole, text = text.split("\n\n")
            events += whole
            if events and enough(events):
                break
    return events
