"""The page's files: as their makers wrote them, small, and closed against what comes from elsewhere."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest
from fastapi.testclient import TestClient

from devenv.dashboard import pages
from devenv.wire.control.server import control_app
from tests.support import ROOT

STATIC = ROOT / "devenv" / "dashboard" / "static"
VENDOR = STATIC / "vendor"
MOST_BYTES = 120_000
"""Of all that the page loads, as it is sent."""


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


def test_the_whole_page_is_small(client: TestClient) -> None:
    sent = len(client.get("/").content) + sum(len(file.packed) for file in pages.static_files().values())
    assert sent < MOST_BYTES


def test_the_page_lets_nothing_run_that_is_not_its_own(client: TestClient) -> None:
    answer = client.get("/")
    rules = dict(
        rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; ") if " " in rule
    )
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["require-trusted-types-for"] == "'script'"
    inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\son\w+=|\sstyle=", answer.text)
    assert inline == []


def test_the_page_has_the_token_and_names_every_module(client: TestClient) -> None:
    text = client.get("/").text
    assert "{{token}}" not in text
    token = re.search(r'name="devenv-token" content="([^"]+)"', text)
    assert token is not None
    app = client.app
    assert token[1] == app.state.token  # type: ignore[attr-defined]
    modules = {f"/static/js/{path.name}" for path in (STATIC / "js").glob("*.js")}
    assert set(re.findall(r'modulepreload" href="([^"]+)"', text)) == modules


def test_files_come_packed_whole_or_not_at_all(client: TestClient) -> None:
    source = (STATIC / "js" / "main.js").read_bytes()
    packed = client.get("/static/js/main.js", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/static/js/main.js", headers={"Accept-Encoding": "identity"})
    assert packed.content == plain.content == source
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert plain.headers["content-type"].startswith("text/javascript")
    assert plain.headers["x-content-type-options"] == "nosniff"
    again = client.get("/static/js/main.js", headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "js/nothing.js",
        "../pages.py",
        "%2e%2e/pages.py",
        "vendor/SHA256SUMS",
        "index.html",
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
