"""docs/tour.md and its Korean twin: every command runs, every click shows what the tour says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.dashboard.conftest import Stack, visit
from tests.support import ROOT, command_environment, devenv_run

TOURS = {"en": "tour.md", "ko": "tour.ko.md"}
PAGE = re.compile(r"^(On the page|페이지(에서는| http\S+ 에서는))", re.MULTILINE)
MAY_FAIL = ("devenv explain", "devenv balance")
"""Exit code 1: it explains what went wrong."""


def text(language: str) -> str:
    return (ROOT / "docs" / TOURS[language]).read_text(encoding="utf-8")


def commands(language: str) -> list[str]:
    """The lines of code blocks, without their comments."""
    blocks = re.findall(r"```\n(.*?)```", text(language), re.DOTALL)
    return [re.split(r"\s+#", line)[0] for block in blocks for line in block.splitlines()]


def clicks(language: str) -> list[tuple[str, str]]:
    """In order what the paragraphs about the page name: ``("click", control)`` and ``("see", text)``."""
    matches: list[tuple[str, str]] = []
    for paragraph in text(language).split("\n\n"):
        if not PAGE.match(paragraph):
            continue
        message = paragraph.replace("\n", " ").split(": ", 1)[1] if ": " in paragraph else paragraph
        for control, shown in re.findall(r"\*\*(.+?)\*\*|`([^`]+)`", message):
            matches.append(("click", control) if control else ("see", shown))
    return matches


def test_the_twins_have_the_same_commands_headings_and_clicks() -> None:
    assert commands("ko") == commands("en")
    levels = {language: re.findall(r"^(#+ \d?)", text(language), re.MULTILINE) for language in TOURS}
    assert levels["ko"] == levels["en"]
    kinds = {language: [kind for kind, _ in clicks(language)] for language in TOURS}
    assert kinds["ko"] == kinds["en"]
    assert kinds["en"].count("click") > 10


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    unwanted = ("USE_REDIS", "SESSION_STRATEGY", "CAPTCHA_TTL", "LANG", "NO_COLOR")
    variables = {name: value for name, value in command_environment().items() if name not in unwanted}
    yield variables
    devenv_run(tmp_path, variables, "down")


def test_every_command_of_the_tour_runs(tmp_path: Path, environment: dict[str, str]) -> None:
    ours = [line for line in commands("en") if line.startswith("devenv ")]
    assert len(ours) > 10
    for line in ours:
        done = devenv_run(tmp_path, environment, *line.split()[1:])
        allowed = (0, 1) if line.startswith(MAY_FAIL) else (0,)
        assert done.returncode in allowed, f"{line}: {done.stderr}{done.stdout}"


def control(page: Page, name: str) -> None:
    """Click what has this name, whatever it is."""
    named = page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name))
    result = named.or_(page.get_by_role("switch", name=name)).first
    expect(result).to_be_enabled()
    result.click()


@pytest.mark.browser
@pytest.mark.parametrize("language", TOURS)
def test_every_click_of_the_tour_shows_what_it_says(chromium: Browser, running: Stack, language: str) -> None:
    running.fresh(SESSION_STRATEGY="atomic")
    page = visit(chromium, running.url, locale={"en": "en-GB", "ko": "ko-KR"}[language]).page
    expect(page.locator("svg.picture")).to_be_visible()
    *steps, last = clicks(language)
    for kind, words in steps:
        if kind == "see":
            expect(page.get_by_text(words).first).to_be_visible()
        else:
            expect(page.locator(".banner.busy")).to_have_count(0)
            control(page, words)
    assert last == ("see", {"en": "connection lost", "ko": "연결이 끊겼습니다"}[language])
    assert (
        last[1]
        in {"en": "connection lost, trying again", "ko": "연결이 끊겼습니다. 다시 시도합니다"}[language]
    )
