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
from playwright.sync_api import Browser, Page, Request, expect

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
        yield Stack(stack, stack.status(), folder)


@dataclass
class Visit:
    """A page, what it asked for and what it complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    broken_off: int = 0
    """Requests that Chromium broke off as a network of the machine came or went."""

    def listen(self) -> Visit:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", self._failed)
        self.page.on("console", lambda message: self._complained(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.set_default_timeout(WAIT_MS)
        return self

    def _failed(self, request: Request) -> None:
        self.broken_off += NETWORK_CHANGED in (request.failure or "")

    def _complained(self, text: str) -> None:
        """Note it, unless a network of Docker's came or went: Chromium then breaks off every request."""
        if NETWORK_CHANGED not in text:
            self.complaints.append(text)


def visit(browser: Browser, url: str, view: str = "", **context: Any) -> Visit:
    """Open the page at a view, and wait until it shows the stack."""
    context.setdefault("viewport", {"width": 1440, "height": 1000})
    context.setdefault("locale", "en-GB")
    opened = Visit(browser.new_context(**context).new_page()).listen()
    here = opened.page.locator(".sign.open")
    while True:
        opened.broken_off = 0
        opened.page.goto(f"{url}/{f'#/{view}' if view else ''}")
        until(lambda: here.is_visible() or opened.broken_off, "the page shows the stack")
        if here.is_visible():
            return opened
        # A network of Docker's came or went while the modules were loaded: as a person would, load it again.


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
