"""Pictures of every view of the page: ``python -m tools.page_pictures FOLDER``; ``--readme``: docs/page.png.

A stack is started, the story is told by clicks, and each view is taken as it then is: light and dark, on a
desktop and 380 pixels wide, in English and Korean.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

from devenv.core.model.topology import StackSpec
from devenv.verbs.operate.select import fresh_stack
from tools.endings import ended
from tools.pages import progress

WIDTHS = {"desktop": (1340, 1010), "phone": (380, 800)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOCALES = {"en": "en-GB", "ko": "ko-KR"}
WAIT_MS = 300_000
expect.set_options(timeout=WAIT_MS)
SETTLED_MS = 1000
"""A picture is for people: what still comes in this time is on it."""
README = Path(__file__).parents[1] / "docs" / "page.png"


def _bug(page: Page) -> None:
    page.click("#send-ten")
    expect(page.locator(".part.pod.bad").first).to_be_visible()
    expect(page.locator("#send-last")).to_contain_text("10")


def _explained(page: Page) -> None:
    expect(page.locator(".finding").first).to_be_visible()


def _held(page: Page) -> None:
    page.click("#all-guide")
    expect(page.locator(".use-redis:checked")).to_have_count(2)
    expect(page.locator(".banner.busy")).to_have_count(0)
    page.click("#send-create")
    page.click("#hold-all")
    page.click("#send-right")
    expect(page.locator(".heldrow")).to_have_count(1)


def _released(page: Page) -> None:
    page.click("#hold-all")
    expect(page.locator(".heldrow")).to_have_count(0)


def _played(page: Page) -> None:
    page.get_by_role("button", name="guide").first.click()
    expect(page.locator("#order")).to_be_visible(timeout=WAIT_MS)


def _simulated(page: Page) -> None:
    page.locator("#simulate-sweep").fill("pods=1..6")
    page.click("#simulate-run")
    expect(page.locator("#simulated tbody tr")).to_have_count(6)


def _explored(page: Page) -> None:
    page.locator("#explore-target").fill("R+W")
    page.click("#explore-run")
    expect(page.locator(".finding").first).to_be_visible(timeout=WAIT_MS)


def _stepped(page: Page) -> None:
    page.locator(".runs .list a", has_text="An empty selection passes").first.click()
    expect(page.locator(".walk .row").first).to_be_visible()
    for _ in range(9):
        page.locator(".walk .forward").click()


def _nothing(page: Page) -> None:
    expect(page.locator("main")).not_to_contain_text("loading")


STORY: tuple[tuple[str, str, Callable[[Page], None]], ...] = (
    ("live", "live", _bug),
    ("live?why=all", "live-why", _explained),
    ("live", "live-held", _held),
    ("live", "live-released", _released),
    ("keys", "keys", _nothing),
    ("try", "try", _nothing),
    ("scenarios", "scenarios", _nothing),
    ("scenarios?scenario=empty-bypass", "scenario", _played),
    ("explore", "explore", _explored),
    ("simulate", "simulate", _simulated),
    ("runs", "runs", _stepped),
)
"""In order: the view with its parameters, the picture's name, and what is done there before."""


@contextmanager
def _browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def take(folder: Path, *, whole: bool = True) -> None:
    """Write the pictures into ``folder``; ``whole``: of all views, not of the first alone."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as state,
        fresh_stack("embedded", Path(state), StackSpec(use_redis=False), progress) as stack,
        _browser() as browser,
    ):
        address = stack.status().endpoints.control
        width, height = WIDTHS["desktop"]
        page = browser.new_page(viewport={"width": width, "height": height}, locale="en-GB")
        page.set_default_timeout(WAIT_MS)
        for view, name, prepare in STORY if whole else STORY[:1]:
            page.goto(f"{address}/#/{view}")
            expect(page.locator(".sign.open")).to_be_visible()
            prepare(page)
            page.mouse.move(1, 1)
            page.screenshot(path=folder / f"{name}.png")
            progress(name)
            if whole:
                _each_way(browser, page.url, folder, name)


def _each_way(browser: Browser, url: str, folder: Path, name: str) -> None:
    """The same address in every scheme, width and language."""
    for scheme in SCHEMES:
        for device, (width, height) in WIDTHS.items():
            for language, locale in LOCALES.items():
                page = browser.new_page(
                    viewport={"width": width, "height": height}, color_scheme=scheme, locale=locale
                )
                page.goto(url)
                expect(page.locator(".sign.open")).to_be_visible(timeout=WAIT_MS)
                knows = "() => devenvModules['js/state.js'].overview.value !== null"
                page.wait_for_function(knows, timeout=WAIT_MS)
                page.wait_for_timeout(SETTLED_MS)
                page.wait_for_function(
                    "() => !document.querySelector('main > p[role=status]')", timeout=WAIT_MS
                )
                if name == STORY[0][1]:
                    _bug(page)  # a pod is red for a while only
                page.evaluate("scrollTo(0, 0)")
                page.screenshot(path=folder / f"{name}-{device}-{scheme}-{language}.png", full_page=True)
                page.close()


def main() -> None:
    """Take the pictures that the command line asks for."""
    parser = argparse.ArgumentParser(description="Pictures of every view of the page.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("page-pictures"), help="where to")
    parser.add_argument("--readme", action="store_true", help="only docs/page.png")
    given = parser.parse_args()
    if not given.readme:
        take(given.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        take(Path(folder), whole=False)
        shutil.copyfile(Path(folder, f"{STORY[0][1]}.png"), README)


if __name__ == "__main__":
    sys.exit(ended(main))
