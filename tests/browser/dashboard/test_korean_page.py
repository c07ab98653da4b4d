"""The page in Korean says everything in Korean: every view is walked, and no English sentence is found."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from devenv.core.scenario import catalogue
from tests.browser.dashboard.conftest import Stack, visit

pytestmark = pytest.mark.browser

TEXTS = """() => {
    const literal = "code, pre, kbd, script, style, noscript, .lanes .row, #language, option, .facts dd";
    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const inside = walker.currentNode.parentElement;
        if (!inside.closest(literal)) texts.push(walker.currentNode.data);
    }
    for (const element of document.querySelectorAll("[aria-label], [title], [placeholder]")) {
        if (element.closest(literal)) continue;
        texts.push(...["aria-label", "title", "placeholder"].map((name) => element.getAttribute(name) ?? ""));
    }
    return texts;
}"""
"""What the page says: its texts and names. What is typed, sent or received stays as it is: commands, records
of the stream, the choices of a list that are names of the program."""
SENTENCE = re.compile(r"\b[A-Za-z][a-z']+ (?:[a-z']+ )+[a-z]{2,}\b|\b[a-z']{3,} [a-z']{3,}\b")
"""At least two English words one after the other, in small letters."""
IDS = re.compile(r"\b[0-9a-f]{6,}\b")
"""Of challenges, cut or whole: some have letters alone."""
ANSWERS = ("Challenge not found", "Challenge already solved", "not found", "already solved")
"""Of the service: its clients read them in every language."""


def english(page: Page) -> list[str]:
    """The texts of the page that are English."""
    wrong = []
    for text in page.evaluate(TEXTS):
        rest = IDS.sub("", text)
        for answer in ANSWERS:
            rest = rest.replace(answer, "")
        if SENTENCE.search(rest):
            wrong.append(text.strip())
    return list(dict.fromkeys(wrong))


def live(page: Page) -> None:
    page.click("#send-ten")
    expect(page.locator("#send-last")).to_contain_text("방문자 10명")
    expect(page.locator(".pod.bad a.why").first).to_be_visible()


def why(page: Page) -> None:
    page.locator(".pod.bad a.why").first.click()
    expect(page.locator(".finding").first).to_be_visible()
    page.locator(".finding details summary").first.click()
    expect(page.locator(".evidence li").first).to_be_visible()


def held(page: Page) -> None:
    page.click("#all-guide")
    expect(page.locator(".use-redis:checked")).to_have_count(2)
    expect(page.locator(".banner.busy")).to_have_count(0)
    page.click("#send-create")
    expect(page.locator("#send-last")).to_contain_text("생성")
    page.locator("#hold-all").check()
    page.click("#send-right")
    expect(page.locator(".heldrow")).to_have_count(1)
    page.locator(".rules summary").click()


def asked(page: Page) -> None:
    page.get_by_role("button", name="Redis 강제 종료").click()
    expect(page.locator("dialog[open]")).to_be_visible()


def released(page: Page) -> None:
    page.locator("dialog button").first.click()
    page.locator("#hold-all").uncheck()
    expect(page.locator(".heldrow")).to_have_count(0)


def captcha(kind: str) -> Callable[[Page], None]:
    def solve(page: Page) -> None:
        page.click(f"#try-{kind}")
        expect(page.locator(".captcha h3")).to_be_visible()
        page.click("#check")
        expect(page.locator("#outcome")).to_be_visible()

    return solve


def played(page: Page) -> None:
    page.get_by_role("button", name="실행: guide").click()
    expect(page.locator(".verdict")).to_be_visible()


def explored(page: Page) -> None:
    page.locator("#explore-target").fill("R+W")
    page.click("#explore-run")
    expect(page.locator(".finding").first).to_be_visible()
    expect(page.locator("#explore-run")).to_be_enabled()


def refused_search(page: Page) -> None:
    page.locator("#explore-target").fill("Q+W")
    page.click("#explore-run")
    expect(page.locator("p.bad")).to_contain_text("Q")


def simulated(page: Page) -> None:
    page.locator("#simulate-sweep").fill("pods=1..2")
    page.click("#simulate-run")
    expect(page.locator("#simulated tbody tr")).to_have_count(2)


def refused_sweep(page: Page) -> None:
    page.locator("#simulate-sweep").fill("pods=many")
    page.click("#simulate-run")
    expect(page.locator("p.bad")).to_contain_text("many")


def looked_up(page: Page) -> None:
    page.locator(".runs .list a", has_text="빈 선택이 통과함").first.click()
    expect(page.locator(".walk .row").first).to_be_visible()
    page.locator(".walk .row").first.click()


def nothing(page: Page) -> None:
    expect(page.locator("main > p[role=status]")).to_have_count(0)


WALK: tuple[tuple[str, Callable[[Page], None]], ...] = (
    ("live", live),
    ("live", why),
    ("live", held),
    ("live", asked),
    ("live", released),
    ("keys", nothing),
    ("try", captcha("abstract")),
    ("try", captcha("imagegrid")),
    ("try", captcha("handwriting")),
    ("scenarios", nothing),
    ("scenarios?scenario=empty-bypass", played),
    ("explore", explored),
    ("explore", refused_search),
    ("simulate", simulated),
    ("simulate", refused_sweep),
    ("runs", looked_up),
)


def test_no_view_says_anything_in_english(chromium: Browser, running: Stack) -> None:
    running.fresh()
    opened = visit(chromium, running.url, locale="ko-KR")
    page = opened.page
    expect(page.locator("header nav")).to_contain_text("실시간")
    wrong = {}
    present_view = "live"
    for view, step in WALK:
        if view != present_view:
            page.goto(f"{running.url}/#/{view}")
            present_view = view
        step(page)
        wrong[f"{view}: {step.__name__}"] = english(page)
    page.goto(f"{running.url}/#/scenarios")
    expect(page.locator(".scenario").first).to_be_visible()
    for scenario in catalogue():
        page.evaluate("(address) => { location.hash = address; }", f"#/scenarios?scenario={scenario.id}")
        expect(page.locator(".scenario.open code").first).to_have_text(scenario.id)
        wrong[scenario.id] = english(page)
    assert {place: texts for place, texts in wrong.items() if texts} == {}
    assert opened.complaints == []


def test_an_english_sentence_would_be_found(chromium: Browser, running: Stack) -> None:
    page = visit(chromium, running.url, locale="en-GB").page
    assert "Hold the next command" in english(page)
