"""What a folder of state and the control API hold of secrets: not the values of headers."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support import devenv_run

SECRET, OTHER = "fo0b4r-header-secret", "other-header-secret"
QUERY, VARIABLE = "query-secret-77", "variable-secret-88"
SERVICE = f"""
import secrets
from fastapi import FastAPI, Header, HTTPException

app = FastAPI()
known = set()


@app.post("/tickets")
def create(x_team: str = Header(""), x_open: str = Header("")):
    if x_team != "{SECRET}" or x_open != "{OTHER}":
        raise HTTPException(401, "who are you?")
    ticket = secrets.token_hex(16)
    known.add(ticket)
    return {{"ticket": ticket}}


@app.get("/")
def root():
    return {{}}


@app.post("/answers")
def verify(body: dict, x_team: str = Header("")):
    if x_team != "{SECRET}":
        raise HTTPException(401, "who are you?")
    if body["ticket"] not in known:
        return {{"success": False, "message": "Challenge not found"}}
    return {{"success": body["answer"] == "yes", "attempts": 1}}
"""
TOML = f"""
preset = "captcha"
[service]
app = "main:app"
[service.env]
SMTP_LOGIN = "{VARIABLE}"
[profile]
id = {{ field = "ticket" }}
headers = {{ X-Team = "{SECRET}" }}
[profile.kinds.puzzle]
create = {{ path = "/tickets", headers = {{ X-Open = "{OTHER}" }} }}
verify = {{ path = "/answers", body = {{ ticket = "{{id}}", answer = "{{answer}}" }} }}
answers = {{ right = "yes", wrong = "no" }}
"""
SCENARIO = f"""
version: 1
id: asks
title: a request with a query
cause: pod-memory
needs: [R]
stores:
  memory: {{ shows: "x" }}
  guide: {{ shows: "x" }}
  atomic: {{ shows: "x" }}
sessions: {{ s: any }}
steps:
  - create: s
    pod: A
  - request: GET /nothing?api_key={QUERY}
    pod: A
    expect: {{ status: 200 }}
  - get: /?api_key={QUERY}
    expect: {{ status: 200 }}
"""


def test_header_values_lie_in_one_private_file(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "main.py").write_text(SERVICE, encoding="utf-8")
    (tmp_path / "devenv.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "asks.yaml").write_text(SCENARIO, encoding="utf-8")
    state = tmp_path / ".devenv"

    started = devenv_run(tmp_path, environment, "up", "-d")
    try:
        assert started.returncode == 0, started.stderr
        status = devenv_run(tmp_path, environment, "status", "--json")
        control = json.loads(status.stdout)["endpoints"]["control"]
        with urlopen(f"{control}/stack") as answer:
            stack = answer.read().decode()
        # The service answers 401 unless the values reach it.
        played = devenv_run(
            tmp_path, environment, "replay", "asks.yaml", "--strategy", "memory", "--junit", "j.xml",
            "--summary", "s.md",
        )  # fmt: skip
        devenv_run(tmp_path, environment, "trace", "latest", "--otlp", "spans.json")
        lost = devenv_run(tmp_path, environment, "replay", "lost-session", "--strategy", "memory")
    finally:
        devenv_run(tmp_path, environment, "down")
    assert lost.returncode == 0, lost.stdout + lost.stderr
    assert played.returncode == 1, played.stdout + played.stderr
    for text in (started.stdout, stack, status.stdout):
        assert "X-Team" in text
        assert SECRET not in text
        assert OTHER not in text
    for secret in (SECRET, OTHER, VARIABLE):
        # A Python that compiles a service in its pod's folder writes what the service's own file says.
        kept = [
            path
            for path in files(state)
            if path.suffix != ".pyc" and secret in path.read_text("utf-8", "replace")
        ]
        assert [path.name for path in kept] == ["spec.json"], secret
    spans = (tmp_path / "spans.json").read_text(encoding="utf-8")
    assert "api_key=REDACTED" in spans
    assert QUERY not in spans
    for name in ("j.xml", "s.md"):
        assert "GET /nothing" in (tmp_path / name).read_text(encoding="utf-8")
        assert QUERY not in (tmp_path / name).read_text(encoding="utf-8")
    assert QUERY not in played.stdout + played.stderr
    results = [path for path in files(state) if path.name in ("results.json", "sequence.mmd", "report.html")]
    assert len(results) > 3
    assert [path for path in results if QUERY in path.read_text(encoding="utf-8").replace(SCENARIO, "")] == []
    assert (state / ".gitignore").read_text(encoding="utf-8") == "*\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits; the profile protects it")
def test_only_the_owner_reads_what_is_kept(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / ".devenv").mkdir(mode=0o755)
    before = os.umask(0o022)
    try:
        (tmp_path / "x.log").write_text("nothing", encoding="utf-8")
        done = devenv_run(tmp_path, environment, "replay", "lost-session", "--strategy", "memory")
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    state = tmp_path / ".devenv"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    kept = [path for path in files(state) if path.suffix in (".jsonl", ".json")]
    assert {path.name for path in kept} >= {"history.jsonl", "trace.jsonl", "results.json"}
    assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in kept} == {
        path.name: "0o600" for path in kept
    }


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
