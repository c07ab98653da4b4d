"""A stack with the page in its control API, and pages of a real Chromium that complain about nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, expect
from playwright.sync_api import Error as PlaywrightError

from devenv.core.model.topology import StackSpec, StackStatus
from devenv.harness.runs.journal import JournaledStack
from devenv.verbs.operate.select import fresh_stack
from tests.support import HANG_GUARD_S, until

PACKAGES = (
    "typescript@5.9.3",
    "lit-html@3.3.3",
    "@preact/signals-core@1.14.5",
    "uplot@1.6.32",
    "axe-core@4.14.1",
)
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"
WAIT_MS = HANG_GUARD_S * 1000
expect.set_options(timeout=WAIT_MS)


@dataclass
class Stack:
    """A running stack, and where its page is."""

    journaled: JournaledStack
    status: StackStatus
    state_dir: Path

    @property
    def url(self) -> str:
        return self.status.endpoints.control

    def fresh(self, use_redis: bool = False, **settings: str) -> None:
        """Its pods as they were at the start, with these settings."""
        base = {
            "USE_REDIS": str(use_redis).lower(),
            "SESSION_STRATEGY": "atomic",
            "REDIS_TIMEOUT_MS": "20000",
        }
        now = {pod.name: pod.settings for pod in self.journaled.status().pods}
        wished = {**base, **settings}
        changed = {
            name: wished
            for name, has in now.items()
            if any(has.get(variable) != value for variable, value in wished.items())
        }
        if changed:
            self.journaled.restart_pods(changed, lambda line: None)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    spec = StackSpec(env={"REDIS_TIMEOUT_MS": "20000", "CAPTCHA_TTL": "600"})
    with fresh_stack("embedded", folder, spec, lambda line: None) as stack:
        [one_service] = (path for path in folder.iterdir() if path.is_dir())
        yield Stack(stack, stack.status(), one_service)


@dataclass
class Visit:
    """A page, what it asked for and what it complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """Requests that were broken off, each with the browser's reason."""
    answers: list[str] = field(default_factory=list)
    """Answers that are no success, as ``status url``."""

    def listen(self) -> Visit:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.failed.append(f"{request.failure} {request.url}"))
        self.page.on("response", self._answered)
        self.page.on("console", lambda message: self._complained(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.set_default_timeout(WAIT_MS)
        return self

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.answers.append(f"{response.status} {response.url}")

    def _complained(self, text: str) -> None:
        """Note it, unless a network of Docker's came or went: Chromium then breaks off every request."""
        if NETWORK_CHANGED not in text:
            self.complaints.append(text)

    def account(self) -> str:
        """What the page shows and what became of its requests, for who looks at a failure."""
        try:
            shown = self.page.locator("body").inner_text(timeout=5000)[:2000]
        except PlaywrightError as error:
            shown = f"(not to be had: {error})"
        parts = {
            "complaints": self.complaints,
            "broken off": self.failed[-20:],
            "refused": self.answers[-20:],
            "the latest requests": self.requests[-10:],
        }
        lines = [f"page {self.page.url}"]
        lines += [f"{name}: {item}" for name, items in parts.items() for item in items]
        return "\n".join([*lines, f"it shows: {shown}"])


OPENED: list[Visit] = []
"""The visits of the test that runs."""


@pytest.fixture
def chromium(chromium: Browser) -> Iterator[Browser]:
    """A browser whose pages are closed after the test; what they showed is printed, for failures."""
    yield chromium
    for opened in OPENED:
        print(opened.account())
        opened.page.context.close()
    OPENED.clear()


def visit(browser: Browser, url: str, view: str = "", **context: Any) -> Visit:
    """Open the page at a view, and wait until it shows the stack.

    Loaded once more only where the answer to the page itself was broken off, as a network of Docker's came or
    went: a browser then shows a page of its own. All else the page must get over by itself.
    """
    context.setdefault("viewport", {"width": 1440, "height": 1000})
    context.setdefault("locale", "en-GB")
    opened = Visit(browser.new_context(**context).new_page()).listen()
    OPENED.append(opened)
    until(lambda: loaded(opened.page, f"{url}/{f'#/{view}' if view else ''}"), "the page is loaded")
    expect(opened.page.locator(".sign.open")).to_be_visible()
    knows = "() => devenvModules['js/state.js'].overview.value !== null"
    until(lambda: opened.page.evaluate(knows), "the page knows the stack")
    return opened


def loaded(page: Page, address: str) -> bool:
    """Whether the page could be loaded; False where a network that came or went broke it off."""
    try:
        page.goto("about:blank")  # an address that differs in nothing but its fragment would load nothing
        page.goto(address)
    except PlaywrightError as error:
        if NETWORK_CHANGED not in str(error):
            raise
        return False
    return True


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages that check the page, from npm; DEVENV_REQUIRE_TOOLS=1 installs them."""
    if not os.environ.get("DEVENV_REQUIRE_TOOLS"):
        pytest.skip("DEVENV_REQUIRE_TOOLS=1 installs typescript and axe-core into a temporary folder")
    assert shutil.which("node")
    assert shutil.which("npm")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text(json.dumps({"private": True}))
    command = ["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
    subprocess.run(command, cwd=folder, check=True, timeout=600, capture_output=True)
    return folder / "node_modules"
