"""A real Chromium from PATH; without one the tests are skipped, or fail with DEVENV_REQUIRE_BROWSER=1."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]


def chromium_path() -> str:
    """Where Chromium is; without one the test is skipped, or fails with DEVENV_REQUIRE_BROWSER=1."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    path = next((result for name in names if (result := shutil.which(name))), None)
    if path is None:
        if os.environ.get("DEVENV_REQUIRE_BROWSER") == "1":
            pytest.fail("DEVENV_REQUIRE_BROWSER=1, and there is no Chromium on PATH")
        pytest.skip("no Chromium on PATH")
    return path


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """Ends with its test: while Playwright is open, its event loop counts as running in this thread, and
    asyncio.run fails in whatever test comes next."""
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
