"""The page's files: as their makers wrote them, small, and closed against what comes from elsewhere."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from base64 import b64encode
from hashlib import sha256

import pytest
from fastapi.testclient import TestClient

from devenv.core.model.errors import UsageProblem
from devenv.dashboard import pages
from devenv.wire.control.server import control_app
from tests.support import ROOT

STATIC = ROOT / "devenv" / "dashboard" / "static"
VENDOR = STATIC / "vendor"
MOST_BYTES = 120_000
"""Of the page as it is first shown, and of all that it can load besides, as it is sent."""


@pytest.fixture
def client() -> TestClient:
    return TestClient(control_app([pages.router()]), base_url="http://127.0.0.1:8081")


def test_vendored_files_are_as_they_were_published() -> None:
    lines = (VENDOR / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    present = {
        path.relative_to(VENDOR).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert present == listed
    assert {name.split("/")[0] for name in listed if name.endswith("LICENSE")} == {
        folder.name for folder in VENDOR.iterdir() if folder.is_dir()
    }


def test_the_page_is_small(client: TestClient) -> None:
    unpacked = len(client.get("/").content)
    sent = len(gzip.compress(client.get("/").content, pages.COMPRESSION))
    assert unpacked < MOST_BYTES
    assert sent + sum(len(file.packed) for file in pages.static_files().values()) < MOST_BYTES


def test_no_template_has_preformatted_text_over_several_lines() -> None:
    """The indentation of templates is left out, which is seen nowhere but there."""
    for path in (STATIC / "js").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"<(?:pre|textarea)\b[^>]*>[^<`]*\n", text) == [], path.name


def test_the_style_says_what_its_files_say() -> None:
    def rules(text: str) -> list[str]:
        return re.findall(r"[^\s{};:,>]+", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))

    assert rules(pages.style()) == rules("".join((STATIC / name).read_text("utf-8") for name in pages.STYLES))
    assert "\n" not in pages.style()


def digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_the_page_lets_nothing_run_that_is_not_its_own(client: TestClient) -> None:
    answer = client.get("/")
    rules = dict(
        rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; ") if " " in rule
    )
    scripts = re.findall(r'<script type="module">(.*?)</script>', answer.text, re.DOTALL)
    [style] = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert rules["script-src"] == f"'self' {digest(scripts[0])}"
    assert rules["style-src"] == f"'self' {digest(style)}"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["require-trusted-types-for"] == "'script'"
    [data] = re.findall(r'<script type="(?!module)([^"]+)"', answer.text)
    assert (len(scripts), data) == (1, "application/json")
    outside = answer.text.replace(scripts[0], "")
    assert re.findall(r"<script(?! type=)|\son\w+=|\sstyle=", outside) == []


def test_the_page_is_one_answer(client: TestClient) -> None:
    text = client.get("/").text
    assert re.findall(r'(?:href|src)="([^"]+)"', text.split("<script")[0]) == ["/static/icon.svg"]
    assert "{{" not in re.sub(r"\$\{[^`]*", "", text.split("<script")[0])
    token = re.search(r'name="devenv-token" content="([^"]+)"', text)
    assert token is not None
    app = client.app
    assert token[1] == app.state.token  # type: ignore[attr-defined]


def test_every_module_is_in_the_page_or_loaded_later() -> None:
    linked = pages.scripts()
    all_texts = "".join((linked.first, *linked.later.values()))
    ours = {f"js/{path.name}" for path in (STATIC / "js").glob("*.js")}
    joined = set(re.findall(r'^devenvModules\["(js/[^"]+)"\] \?\?=', all_texts, re.MULTILINE))
    assert ours - joined == {"js/types.js", "js/report.js"}, "only types; what runs in a report"
    for text in (linked.first, *linked.later.values()):
        assert re.findall(r"</?script|<!--", text) == []


def state_of(text: str) -> str:
    [state] = re.findall(r'id="first-state">(.*?)</script>', text, re.DOTALL)
    return str(state)


def test_what_is_shown_first_is_in_the_page() -> None:
    text = "</script><script>alert(1)</script>"

    async def first_state() -> dict[str, str]:
        return {"policy": text}

    app = control_app([pages.router(first_state)])
    answer = TestClient(app, base_url="http://127.0.0.1:8081").get("/").text
    assert "<" not in state_of(answer)
    assert json.loads(state_of(answer)) == {"policy": text}


def test_the_page_does_not_wait_for_a_stack_that_does_not_answer() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    async def refused() -> None:
        raise UsageProblem("no stack")

    for first_state in (never, refused):
        app = control_app([pages.router(first_state)])
        answer = TestClient(app, base_url="http://127.0.0.1:8081").get("/")
        assert (answer.status_code, state_of(answer.text)) == (200, "null")


def test_files_come_packed_whole_or_not_at_all(client: TestClient) -> None:
    path = "/static/vendor/uplot/uPlot.iife.min.js"
    source = (VENDOR / "uplot" / "uPlot.iife.min.js").read_bytes()
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.content == plain.content == source
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert plain.headers["content-type"].startswith("text/javascript")
    assert plain.headers["x-content-type-options"] == "nosniff"
    again = client.get(path, headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_comes_packed_too(client: TestClient) -> None:
    packed = client.get("/", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content


@pytest.mark.parametrize(
    "path",
    [
        "js/nothing.js",
        "../pages.py",
        "%2e%2e/pages.py",
        "vendor/SHA256SUMS",
        "index.html",
        "js/main.js",
        "later/js/main.js",
        "js/../../pages.py",
    ],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


def test_no_module_names_another_machine() -> None:
    for path in (STATIC / "js").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == [], path.name
        assert re.findall(r"innerHTML|insertAdjacentHTML|document\.write|unsafeHTML|\beval\(", text) == []
