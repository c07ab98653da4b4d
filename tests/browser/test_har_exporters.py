"""HAR files of test tools, made anew: with each exporter and each place of the id, the sessions as played."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Kind, Request
from devenv.core.scenario import parse
from devenv.verbs.recordings.composing import ImportOptions, compose
from devenv.verbs.recordings.import_file import FORMS
from tests.browser.conftest import ARGUMENTS, chromium_path
from tests.browser.exporters import PLACES, play, play_with_worker, post_of, service
from tests.support import free_port, until

EMBED: Mapping[str, Any] = {"record_har_content": "embed"}
MODES: Mapping[str, Mapping[str, Any]] = {
    "embed": EMBED,
    "minimal": {**EMBED, "record_har_mode": "minimal"},
    "omit": {"record_har_content": "omit"},
    "attach": {"record_har_content": "attach"},
}
PACKAGES = ("chrome-har@1.3.1", "puppeteer-har@1.1.2", "puppeteer-core@25.16.0")
MITMPROXY = "mitmproxy==12.3.1" if sys.version_info >= (3, 12) else "mitmproxy==11.0.2"
ANSWERS = {"right": "right", "wrong": "wrong"}
BODY = {"challenge_id": "{id}", "answer": "{answer}"}
SHOP = replace(
    CAPTCHA, name="shop", oracle="", limit=0,
    kinds={"order": Kind(Request("/create"), Request("/verify", body=BODY), answers=ANSWERS)},
)  # fmt: skip
ADD = Request("/basket/items", headers={"Cookie": "sid={id}"}, body={"answer": "{answer}"})
BASKETS = replace(
    SHOP, id_field="", id_cookie="sid", kinds={"basket": Kind(Request("/basket"), ADD, answers=ANSWERS)}
)
PLAYED = ["create c1", "create c2", "verify c2 right", "verify c1 wrong", "verify c1 wrong"]
WORKER = ["create c3", "verify c3 right", "verify c3 wrong"]
ONE_JAR = ["create c1", "verify c1 wrong", "create c2", "verify c2 right"]


@pytest.fixture
def address() -> Iterator[str]:
    with service() as base:
        yield base


def imported(path: Path, place: str) -> tuple[list[str], str]:
    """The story that an import tells, and its notes."""
    profile = BASKETS if place == "cookie" else SHOP
    composed = compose(
        FORMS["har"](path.read_bytes(), path.name, path.parent), profile, ImportOptions(waits=False)
    )
    parse(composed.text, "scenario.yaml")
    assert not any("together" in step or "request" in step for step in composed.data["steps"])
    steps = [
        f"create {step['create']}" if "create" in step else f"verify {step['verify']} {step['answer']}"
        for step in composed.data["steps"]
    ]
    return steps, "\n".join(composed.notes)


def wrong(steps: list[str]) -> list[str]:
    """Where answers are missing, whether they passed is not known."""
    return [step.replace("right", "wrong") for step in steps]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mode", MODES)
def test_playwright(mode: str, place: str, chromium: Browser, address: str, tmp_path: Path) -> None:
    file = tmp_path / "x.har"
    context = chromium.new_context(record_har_path=str(file), **MODES[mode])
    page = context.new_page()
    page.goto(address)
    play(post_of(page), place)
    worker = place != "cookie" and mode in ("embed", "attach")
    if worker:
        play_with_worker(page, post_of(page), place)
    context.close()
    steps, notes = imported(file, place)
    if mode == "omit" and place != "cookie":
        assert steps == ["create c1", "create c2"]
        assert "left out: uses of a session, as bodies that say which one are missing" in notes
        return
    played = ONE_JAR if place == "cookie" else PLAYED + WORKER * worker
    assert steps == (wrong(played) if mode == "omit" else played)
    assert ("passed on, listed twice: 3" in notes) is worker
    assert "which challenge an answer is about is not told" not in notes or mode == "minimal"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["zip", "trace"])
def test_playwright_zip(kind: str, place: str, chromium: Browser, address: str, tmp_path: Path) -> None:
    file = tmp_path / "x.zip"
    context = chromium.new_context(record_har_path=str(file) if kind == "zip" else None)
    if kind == "trace":
        context.tracing.start(snapshots=True)
    page = context.new_page()
    page.goto(address)
    play(post_of(page), place)
    if kind == "trace":
        context.tracing.stop(path=str(file))
    context.close()
    steps, notes = imported(file, place)
    assert steps == (ONE_JAR if place == "cookie" else PLAYED)
    assert "missing" not in notes


def required(*programs: str) -> None:
    """Skip, but where everything that a test needs must be there (DEVENV_REQUIRE_TOOLS=1)."""
    if not os.environ.get("DEVENV_REQUIRE_TOOLS"):
        pytest.skip("DEVENV_REQUIRE_TOOLS=1 installs exporters into a temporary folder")
    missing = [program for program in programs if shutil.which(program) is None]
    assert not missing, f"not found: {missing}"


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    required("node", "npm")
    folder = tmp_path_factory.mktemp("exporters")
    (folder / "package.json").write_text("{}")
    command = ["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
    subprocess.run(command, cwd=folder, check=True, timeout=600, capture_output=True)
    return folder


@pytest.mark.parametrize("place", PLACES)
def test_chrome_har_and_puppeteer_har(place: str, node_modules: Path, address: str, tmp_path: Path) -> None:
    script = Path(__file__).with_name("exporters.cjs")
    command = ["node", str(script), str(node_modules), chromium_path(), address, place, str(tmp_path)]
    subprocess.run(command, check=True, timeout=300)
    played = ONE_JAR if place == "cookie" else PLAYED
    assert imported(tmp_path / "chrome-har-text.har", place)[0] == played
    steps, notes = imported(tmp_path / "chrome-har.har", place)
    assert steps == (wrong(played) if place == "cookie" else played[:2])
    assert "missing" in notes or "without their bodies" in notes
    # Its bodies are there or not as it happens: the sessions as played, or a note which uses are left out.
    steps, notes = imported(tmp_path / "puppeteer-har.har", place)
    if "left out: uses of a session" in notes:
        assert [step for step in steps if step.startswith("create")] == played[:2]
        assert all(step in (*played, *wrong(played)) for step in steps)
    else:
        assert wrong(steps) == wrong(played)


@pytest.fixture(scope="module")
def mitmdump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    required()
    folder = tmp_path_factory.mktemp("mitmproxy")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=300)
    command = [str(folder / "bin" / "pip"), "install", "--quiet", MITMPROXY]
    subprocess.run(command, check=True, timeout=900, capture_output=True)
    return folder / "bin" / "mitmdump"


@pytest.mark.parametrize("place", PLACES)
def test_mitmproxy(place: str, mitmdump: Path, address: str, tmp_path: Path) -> None:
    file, port = tmp_path / "x.har", free_port()
    listen = ["--listen-host", "127.0.0.1", "-p", str(port)]
    proxy = subprocess.Popen([str(mitmdump), "-q", *listen, "--set", f"hardump={file}"])
    try:
        until(lambda: _listens(port), "mitmdump listens")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium_path(),
                args=[*ARGUMENTS, "--disable-component-update"],
                proxy={"server": f"http://127.0.0.1:{port}", "bypass": "<-loopback>"},
            )
            posts = []
            for _ in range(2):
                page = browser.new_context().new_page()
                page.goto(address)
                posts.append(post_of(page))
            if place == "cookie":
                for visitor in (0, 1):
                    posts[visitor]("/basket", "json", {})
                for visitor, answer in ((1, "right"), (0, "wrong")):
                    posts[visitor]("/basket/items", "json", {"answer": answer})
            else:
                play(posts[0], place)
            browser.close()
    finally:
        proxy.terminate()
        proxy.wait(60)
    assert imported(file, place)[0] == (PLAYED[:4] if place == "cookie" else PLAYED)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
