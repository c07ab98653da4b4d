"""A report as a person opens it: from a file, offline, in light and dark, wide and narrow, step by step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Request, expect

from devenv.core.diagnosis.findings import Diagnosis
from devenv.core.model.backends import Language
from devenv.core.model.events import Exchange, RedisCommand, StackEvent, TraceEvent
from devenv.core.model.ids import ChallengeId
from devenv.core.model.key_listing import KeyInfo
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.render.html import render
from devenv.core.render.sequence import SequenceMessage
from devenv.harness.client.cross_pod import Tally, TypeResult
from devenv.harness.client.recording import Recording
from devenv.verbs.demo.acts import Act, Story
from devenv.verbs.demo.race import Race
from devenv.verbs.demo.report import document
from devenv.verbs.explain.explanation import Group, Line, explain_trace
from devenv.verbs.explain.report import document as explained

pytestmark = pytest.mark.browser

A, B = "captcha-api-a", "captcha-api-b"
PICTURE = (
    SequenceMessage(1.0, "client", A, "create abstract", "request"),
    SequenceMessage(1.5, A, "redis", "SET abstract:3f2a44… EX 60", "request"),
    SequenceMessage(2.0, A, "client", "abstract 3f2a44", "reply"),
    SequenceMessage(3.0, "client", B, "verify <b>abstract</b> 3f2a44: right", "request"),
    SequenceMessage(4.0, B, "client", "Challenge not found", "failed"),
)
CROSSING = (
    SequenceMessage(1.0, B, "gate", "GET 3f2a44"),
    SequenceMessage(1.1, "gate", "gate", "held", "note"),
    SequenceMessage(1.2, A, "redis", "DEL 3f2a44 → 1"),
    SequenceMessage(1.3, "redis", "redis", '{"attempts": 1}, no TTL', "note"),
)
GROUP = Group(
    Diagnosis("empty-bypass", ChallengeId("3f2a"), "an empty selection passed", ()), 5, ("3f2a",), (),
    (Line(0.25, "redis #27 captcha-api-b: GET → <b>{}</b>", None),), (),
)  # fmt: skip
ORDER = "v1 guess:GET solve:GET solve:GET solve:TTL solve:EXEC solve:DEL guess:GET guess:TTL guess:EXEC"
RACE = Race("empty-bypass", 5, True, 5, ORDER, (GROUP,), CROSSING, ())
KEY = KeyInfo("rcaptcha:abstract:3f2a", "abstract", "string", 59.5, 0, ("type", "cid"), ())


@pytest.fixture(params=["en", "ko"])
def page_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    passed, lost = Tally(5, success=5), Tally(5, not_found=5)
    results = {kind: TypeResult(lost, passed) for kind in CaptchaType}
    acts = (
        Act(False, Strategy.MEMORY, results, PICTURE, (), ()),
        Act(True, Strategy.GUIDE, results, PICTURE, (KEY,), ("abstract cross-pod: expected 5 success",)),
        Act(True, Strategy.GUIDE, {}, RACE.picture, (), (), RACE),
    )
    story = Story("embedded", (A, B), 5, 1, acts, "redis", "7.0.15", 1.0, 5.0, Recording())
    language: Language = request.param
    path = tmp_path / "report.html"
    path.write_text(render(document(story, language, "devenv demo")), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_report_opens_without_network_or_complaint(
    chromium: Browser, page_file: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    requests: list[str] = []
    complaints: list[str] = []

    def asked(request: Request) -> None:
        requests.append(request.url)

    def note(message: ConsoleMessage) -> None:
        complaints.append(message.text)

    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.on("request", asked)
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(page_file.as_uri())
    assert requests == [page_file.as_uri()]
    assert complaints == []
    assert page.locator("svg.sequence").count() == 3
    assert "Challenge not found" in (page.locator("svg.sequence").first.text_content() or "")
    assert page.locator("td.bad .pips i.bad").count() == 35
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert (_light(back) > _light(ink)) is (scheme == "light")
    context.close()


KEY_NAME = "rcaptcha:abstract:3f2a44"
EVIL = "<img src=http://192.0.2.1/x onerror=alert(1)>"
RECORDED: list[TraceEvent] = [
    StackEvent(0.5, "pod", A, {"USE_REDIS": "true"}),
    Exchange(
        1, "r1", "127.0.0.1:1", "POST", "/api/abstract-captcha", "round-robin", A, 200, 1.0, 12.0,
        response_body='{"challenge_id": "3f2a44"}', outcome="answered",
    ),
    RedisCommand(1, A, 1, "SET", (KEY_NAME, EVIL), KEY_NAME, "OK", 1.1, 1.2),
    RedisCommand(2, B, 2, "GET", (KEY_NAME,), KEY_NAME, "nil", 2.1, 2.2,
                 fate="released"),
    Exchange(
        2, "r2", "127.0.0.1:2", "POST", "/api/abstract-verify", "round-robin", B, 200, 2.0, 400.0,
        request_body='{"challenge_id": "3f2a44"}',
        response_body='{"success": false, "message": "Challenge not found"}', outcome="answered",
    ),
]  # fmt: skip
"""A trace with a request to each pod."""


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_report_is_stepped_through(chromium: Browser, tmp_path: Path, language: Language) -> None:
    explanation = explain_trace(RECORDED, "a trace")
    path = tmp_path / "report.html"
    page_text = replace(explained(explanation, "What happened", "devenv explain"), language=language)
    path.write_text(render(page_text), encoding="utf-8")
    context = chromium.new_context(locale={"en": "ko-KR", "ko": "en-GB"}[language])
    page, asked, complaints = context.new_page(), list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    rows = page.locator(".walk .row")
    expect(rows).to_have_count(len(RECORDED))
    expect(page.locator(".walk .later")).to_have_count(0)
    page.click(".walk .forward")
    page.click(".walk .forward")
    expect(page.locator(".walk .chosen")).to_contain_text({"en": "created", "ko": "생성됨"}[language])
    expect(page.locator(".walk .later")).to_have_count(3)
    page.click(".walk .forward")
    page.mouse.move(1, 1)
    expect(page.locator(".walk .detail")).to_contain_text(EVIL)
    page.click(".walk .back")
    expect(page.locator(".walk .detail")).to_contain_text('"challenge_id": "3f2a44"')
    page.locator(".walk .scroll").press("End")
    expect(page.locator(".walk .detail")).to_contain_text("released · nil")
    page.keyboard.press("ArrowUp")
    expect(page.locator(".walk .detail")).to_contain_text("Challenge not found")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".walk .chosen")).to_contain_text("Challenge not found")
    rows.filter(has_text="GET").hover()
    expect(page.locator(".walk .detail")).to_contain_text("released")
    page.locator("body").press("/")
    page.keyboard.type("nil")
    expect(rows).to_have_count(1)
    assert {url.partition("#")[0] for url in asked} == {path.as_uri()}
    assert complaints == []
    context.close()


def test_labels_of_the_picture_lie_inside_it(chromium: Browser, page_file: Path) -> None:
    page = chromium.new_page()
    page.goto(page_file.as_uri())
    outside = page.evaluate(
        """() => [...document.querySelectorAll('svg.sequence')].flatMap(svg => {
            const frame = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(text => {
                const box = text.getBoundingClientRect();
                return box.left < frame.left - 1 || box.right > frame.right + 1;
            }).map(text => text.textContent);
        })"""
    )
    assert outside == []
    page.close()


def _light(colour: str) -> float:
    """The mean of an ``rgb(r, g, b)``."""
    parts = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return sum(parts) / 3
