"""Each captcha solved as a person does: pictures and cells clicked, a word written with the mouse."""

from __future__ import annotations

from random import Random
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from mock_ml.strokes import Hand, write
from tests.browser.dashboard.conftest import Stack, visit

pytestmark = pytest.mark.browser


def oracle(running: Stack, url: str, label: str | None = None) -> dict[str, object]:
    params = {"url": urlsplit(url).path} | ({"label": label} if label else {})
    answer: dict[str, object] = httpx.get(f"{running.status.endpoints.ml}/oracle", params=params).json()
    return answer


def wanted(page: Page) -> str:
    """The English word that the question asks for."""
    return (page.locator(".captcha h3").text_content() or "").split(": ")[1].split(" (")[0]


def solve_pictures(page: Page, running: Stack) -> None:
    for cell in page.locator(".nine .cell").all():
        url = cell.locator("img").get_attribute("src")
        assert url is not None
        if oracle(running, url)["class"] == wanted(page):
            cell.click()
            expect(cell).to_have_attribute("aria-pressed", "true")


def solve_grid(page: Page, running: Stack) -> None:
    url = page.locator(".whole img").get_attribute("src")
    assert url is not None
    cells = oracle(running, url, wanted(page))["correct_cells"]
    assert isinstance(cells, list)
    for cell in cells:
        page.click(f'.whole .cell[aria-label="cell {cell}"]')


def write_word(page: Page, running: Stack) -> None:
    url = page.locator(".samples img").first.get_attribute("src")
    assert url is not None
    strokes = write(str(oracle(running, url)["class"]), Hand(), Random(1))
    paper = page.locator("#paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    assert box is not None
    xs = [x for stroke in strokes for x, _ in stroke]
    ys = [y for stroke in strokes for _, y in stroke]
    scale = min(box["width"] * 0.9 / (max(xs) - min(xs)), box["height"] * 0.8 / (max(ys) - min(ys)))
    for stroke in strokes:
        points = [
            (box["x"] + 12 + (x - min(xs)) * scale, box["y"] + 12 + (y - min(ys)) * scale) for x, y in stroke
        ]
        page.mouse.move(*points[0])
        page.mouse.down()
        for x, y in points[1:]:
            page.mouse.move(x, y)
        page.mouse.up()


@pytest.mark.parametrize(
    ("kind", "solve"), [("abstract", solve_pictures), ("imagegrid", solve_grid), ("handwriting", write_word)]
)
def test_a_person_passes_on_another_pod(chromium: Browser, running: Stack, kind: str, solve: object) -> None:
    running.fresh(use_redis=True)
    opened = visit(chromium, running.url, "try")
    page = opened.page
    page.select_option("#try-pod", "captcha-api-a")
    page.click(f"#try-{kind}")
    expect(page.locator(".captcha h3")).to_be_visible()
    assert callable(solve)
    solve(page, running)
    page.select_option("#try-pod", "captcha-api-b")
    page.click("#check")
    expect(page.locator("#outcome strong")).to_have_text("Passed")
    expect(page.locator("#outcome")).to_contain_text("The pod that verified is not the pod that created.")
    assert opened.complaints == []


def test_a_person_is_told_that_the_challenge_is_not_found(chromium: Browser, running: Stack) -> None:
    running.fresh()
    page = visit(chromium, running.url, "try", locale="ko-KR").page
    page.select_option("#try-pod", "captcha-api-a")
    page.click("#try-abstract")
    expect(page.locator(".captcha h3")).to_contain_text("이미지를 모두 골라주세요")
    page.select_option("#try-pod", "captcha-api-b")
    page.click("#check")
    expect(page.locator("#outcome strong")).to_have_text("Challenge not found")
    expect(page.locator("#outcome")).to_contain_text("검증한 파드는 만든 파드가 아닙니다.")
    page.click("#outcome a")
    expect(page.locator(".finding h3").first).to_contain_text("pod-memory")
