"""Pictures of every view of the page: ``python -m tools.page_pictures FOLDER``; ``--readme``: docs/page.png.

A stack is started, the story is told by clicks, and each view is taken as it then is, in English and Korean,
light and dark, on a desktop and 380 pixels wide; the first view and a run also 2560 pixels wide. It is one
page in all of these ways: what a person has typed and held is on all pictures.
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

WIDTHS = {"desktop": (1340, 1010), "phone": (380, 800), "wide": (2560, 1440)}
WIDE = ("live", "runs")
"""Of these views there is a picture on a wide screen too."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOCALES = {"en": "en-GB", "ko": "ko-KR"}
WAIT_MS = 300_000
expect.set_options(timeout=WAIT_MS)
SETTLED_MS = 400
"""What is still drawn or moves is on the picture after this time."""
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
    expect(page.locator("#send-right")).to_be_enabled()
    page.locator("#hold-all").check()
    page.click("#send-right")
    expect(page.locator(".heldrow")).to_have_count(1)
    page.click("#send-wrong")
    expect(page.locator(".heldrow")).to_have_count(2)


def _released(page: Page) -> None:
    page.keyboard.press("s")
    expect(page.locator("#schedule")).to_be_visible()
    page.locator("#hold-all").uncheck()
    expect(page.locator(".heldrow")).to_have_count(0)


def _asked(page: Page) -> None:
    page.locator(".controls .fields button.danger").click()
    expect(page.locator("dialog[open]")).to_be_visible()


def _keys(page: Page) -> None:
    page.locator("dialog[open] button").first.click()
    page.click("#send-create")
    expect(page.locator(".chip:not(.lost)").first).to_be_visible()
    page.goto(page.url.split("#")[0] + "#/keys")
    expect(page.locator("tbody tr").first).to_be_visible()


def _captcha(kind: str) -> Callable[[Page], None]:
    def solve(page: Page) -> None:
        page.click(f"#try-{kind}")
        expect(page.locator(".captcha h3")).to_be_visible()
        page.click("#check")
        expect(page.locator("#outcome")).to_be_visible()

    return solve


def _played(page: Page) -> None:
    page.locator(".scenario.open button.primary", has_text="guide").first.click()
    expect(page.locator("#order")).to_be_visible()


def _simulated(page: Page) -> None:
    page.locator("#simulate-sweep").fill("pods=1..6")
    page.click("#simulate-run")
    expect(page.locator("#simulated tbody tr")).to_have_count(6)


def _explored(page: Page) -> None:
    page.locator("#explore-target").fill("R+W")
    page.click("#explore-run")
    expect(page.locator(".finding").first).to_be_visible()


def _stepped(page: Page) -> None:
    page.locator(".runs .list a[href*=empty-bypass]").first.click()
    expect(page.locator(".walk .row").first).to_be_visible()
    for _ in range(9):
        page.locator(".walk .forward").click()


def _search(page: Page) -> None:
    page.locator(".runs .list a[href*=explore]").first.click()
    expect(page.locator(".finding").first).to_be_visible()


def _nothing(page: Page) -> None:
    expect(page.locator("main > p[role=status]")).to_have_count(0)
    expect(page.locator("main > *").first).to_be_visible()


STORY: tuple[tuple[str, str, Callable[[Page], None]], ...] = (
    ("live", "live", _bug),
    ("live?why=all", "live-why", _explained),
    ("live", "live-held", _held),
    ("", "live-released", _released),
    ("", "live-asked", _asked),
    ("", "keys", _keys),
    ("try", "try-images", _captcha("abstract")),
    ("", "try-grid", _captcha("imagegrid")),
    ("", "try-handwriting", _captcha("handwriting")),
    ("scenarios", "scenarios", _nothing),
    ("scenarios?scenario=empty-bypass", "scenario", _played),
    ("explore", "explore", _explored),
    ("simulate", "simulate", _simulated),
    ("runs", "runs", _stepped),
    ("runs", "run-of-a-search", _search),
)
"""In order: the view with its parameters (none: the page stays as it is), the picture's name, and what is
done there before."""


@contextmanager
def _browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def take(folder: Path, *, whole: bool = True) -> None:
    """Write the pictures into ``folder``; ``whole``: of all views in every way, not of the first alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in LOCALES if whole else ("en",):
        with (
            tempfile.TemporaryDirectory() as state,
            fresh_stack("embedded", Path(state), StackSpec(use_redis=False), progress) as stack,
            _browser() as browser,
        ):
            address = stack.status().endpoints.control
            width, height = WIDTHS["desktop"]
            viewport = {"width": width, "height": height}
            page = browser.new_page(viewport=viewport, locale=LOCALES[language])
            page.set_default_timeout(WAIT_MS)
            page.goto(address)
            for view, name, prepare in STORY if whole else STORY[:1]:
                if view:
                    page.goto(f"{address}/#/{view}")
                expect(page.locator(".sign.open")).to_be_visible()
                prepare(page)
                page.mouse.move(1, 1)
                if not whole:
                    page.screenshot(path=folder / f"{name}.png")
                else:
                    _each_way(page, folder, f"{name}-{language}", name in WIDE)
                progress(f"{name} {language}")


def _each_way(page: Page, folder: Path, name: str, wide: bool) -> None:
    """The page as it is, in every scheme and width."""
    for device, (width, height) in WIDTHS.items():
        if device == "wide" and not wide:
            continue
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_timeout(SETTLED_MS)
            page.screenshot(path=folder / f"{name}-{device}-{scheme}.png", full_page=True)
    width, height = WIDTHS["desktop"]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="light")


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
