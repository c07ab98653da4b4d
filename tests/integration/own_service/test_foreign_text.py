"""No output of any verb holds a control character of a service, a file or another person's run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from devenv.core.render.visible import is_visible
from tests.support import devenv_run

PLANT = "\\x1b]0;owned\\x07\\x1b[2J\\x9b31m\\u202e\\u200b\\r"
"""As Python and (without \\x) JSON write it: it is planted in each source of foreign text."""
HOSTILE = PLANT.encode().decode("unicode_escape")

SERVICE = f"""
import json, os, secrets, sys
import redis
from fastapi import FastAPI, Response

app = FastAPI()
store = redis.Redis(port=int(os.environ["REDIS_PORT"])) if os.environ.get("USE_REDIS") == "true" else None
memory = {{}}
HOSTILE = "{PLANT}"
sys.stdout.reconfigure(encoding="utf-8")


@app.post("/tickets")
def create(response: Response):
    ticket = HOSTILE + secrets.token_hex(16)
    response.headers["X-Served-By"] = "redis\\x9b2J"
    print("log " + HOSTILE, flush=True)
    print("log " + HOSTILE, file=sys.stderr, flush=True)
    document = json.dumps({{"attempts": HOSTILE, HOSTILE: HOSTILE}}, ensure_ascii=False)
    if store is None:
        memory[ticket] = 0
    else:
        store.setex("tickets/" + HOSTILE + ticket, 60, document)
    return {{"ticket": ticket, HOSTILE: HOSTILE}}


@app.post("/answers")
def verify(body: dict, response: Response):
    response.headers["X-Served-By"] = "redis\\x9b2J"
    ticket = body["ticket"]
    known = memory.pop(ticket, None) if store is None else store.get("tickets/" + HOSTILE + ticket)
    if known is None:
        return {{"success": False, "message": "Challenge not found " + HOSTILE, "attempts": HOSTILE}}
    return {{"success": body["answer"] == "yes", "attempts": 1, "message": HOSTILE}}
"""
TOML = f"""
preset = "captcha"
[service]
app = "main:app"
[service.env]
HOSTILE = {json.dumps(HOSTILE, ensure_ascii=True)}
[profile]
id = {{ field = "ticket" }}
[[profile.not-found]]
equals = {{ message = {json.dumps("Challenge not found " + HOSTILE)} }}
[profile.kinds.puzzle]
create = {{ path = "/tickets" }}
verify = {{ path = "/answers", body = {{ ticket = "{{id}}", answer = "{{answer}}" }} }}
answers = {{ right = "yes", wrong = "no" }}
"""
SCENARIO = f"""
version: 1
id: hostile
title: "[a]({PLANT}) `b` <script>"
about: "x {PLANT}"
cause: pod-memory
needs: [R]
stores:
  memory: {{ shows: "{PLANT}" }}
  guide: {{ shows: "{PLANT}" }}
  atomic: {{ shows: "{PLANT}" }}
sessions: {{ s: any }}
steps:
  - create: s
  - verify: s
    pod: B
    answer: right
    expect: {{ outcome: success, message: "other {PLANT}" }}
"""
LOOKING = (
    "status", "logs", "explain", "explain latest", "check latest", "gate list", "gate status", "doctor --yes",
    "seed -n 1 --type abstract",
)  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Path]:
    """A folder in which every verb was run on the hostile service; the outputs are files of it."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "main.py").write_text(SERVICE, encoding="utf-8")
    (folder / "devenv.toml").write_text(TOML, encoding="utf-8")
    (folder / "hostile.yaml").write_text(SCENARIO, encoding="utf-8")
    outputs = folder / "outputs"
    outputs.mkdir()

    def run(*words: str) -> None:
        done = devenv_run(folder, environment, *words)
        name = "-".join(words).replace("/", "_")[:100]
        (outputs / f"{name}.txt").write_text(done.stdout + done.stderr, "utf-8", "surrogatepass", "")

    run("up", "-d")
    try:
        for more in ((), ("--json",)):
            replay = (
                "replay",
                "hostile.yaml",
                "--strategy",
                "memory",
                "--junit",
                "outputs/j.xml",
                "--summary",
                "outputs/s.md",
            )
            run(*replay, *more)
            run("explain", "--report", "outputs/r.html", *more)
            run("toggle", "on", *more)
            run("replay", "hostile.yaml", "--strategy", "atomic", *more)
            for words in LOOKING:
                run(*words.split(), *more)
            run("toggle", "off", *more)
        run("explain", "latest", "--mermaid")
        run("demo", "--trials", "1")
        run("record", "--for", "1s")
        run("export", "k8s")
    finally:
        run("down")
    yield folder


def outputs_of(folder: Path) -> dict[str, str]:
    return {
        path.name: path.read_text("utf-8", "surrogatepass")
        for path in sorted((folder / "outputs").rglob("*"))
        if path.is_file()
    }


def test_no_output_of_a_verb_holds_what_the_service_sent(ran: Path) -> None:
    outputs = outputs_of(ran)
    assert {name: text for name, text in outputs.items() if not is_visible(text)} == {}
    shown = [name for name, text in outputs.items() if "owned" in text]
    assert len(shown) > 12, shown


def test_no_kept_picture_or_report_does(ran: Path) -> None:
    kept = [
        path for path in (ran / ".devenv" / "runs").rglob("*") if path.suffix in (".mmd", ".html", ".yaml")
    ]
    assert len(kept) > 4
    assert [path.name for path in kept if not is_visible(path.read_text(encoding="utf-8"))] == []


def test_a_pod_is_no_part_that_it_calls_itself(ran: Path) -> None:
    """X-Served-By says redis: the picture has the pod, or a quoted word where it is not known, not Redis."""
    replayed = outputs_of(ran)["replay-hostile.yaml---strategy-atomic.txt"]
    head = next(line for line in replayed.splitlines() if "client" in line).split()
    assert head == ["client", '"redis\\x9b2J"', "captcha-api-b"]


def test_the_summary_has_no_markup_of_the_title(ran: Path) -> None:
    text = outputs_of(ran)["s.md"]
    assert "\\[a\\](" in text
    assert "<script>" not in text


def test_neither_does_what_shows_another_person_s_run(
    ran: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Folder and file names, a trace and a history that were changed by hand."""
    source = max((ran / ".devenv" / "runs").glob("*hostile*"))
    name = "20260101-000000-\x1b[31m\u202ex"
    run = tmp_path / ".devenv" / "runs" / name
    shutil.copytree(source, run)
    (run / f"junk{HOSTILE[:4]}.txt").write_text("x")
    for file in ("trace.jsonl", "history.jsonl"):
        lines = (run / file).read_text("utf-8").splitlines()
        changed = [_planted(json.loads(line)) for line in lines]
        (run / file).write_text("\n".join(map(json.dumps, changed)), "utf-8")
    broken = tmp_path / f"br{HOSTILE[:4]}oken.yaml"
    broken.write_text(f"id: x\ntitle: {HOSTILE!r}\n{json.dumps(HOSTILE)}: 1\n", "utf-8")
    (tmp_path / "env").write_text(f"REDIS_HOST=x{HOSTILE}\nREDIS_PORT={HOSTILE}\nA{HOSTILE}=1\n", "utf-8")
    har = {"log": {"entries": [{"request": {"method": f"P{HOSTILE}", "url": f"http://h/{HOSTILE}"}}]}}
    (tmp_path / "x.har").write_text(json.dumps(har), "utf-8")
    (tmp_path / "x.log").write_text(f"1.2.3.4 {HOSTILE}\n", "utf-8")
    (tmp_path / "x.curl").write_text(
        f"curl http://h/api/abstract-captcha -H 'A: {HOSTILE}'\ncurl {HOSTILE}\n", "utf-8"
    )
    for words in (
        ("explain", name), ("explain", f"x{HOSTILE}"), ("check", name), ("check", str(run / "trace.jsonl")),
        ("replay", name), ("replay", str(broken)), ("replay", HOSTILE[:4]), ("shrink", str(broken)),
        ("explain", str(run / "trace.jsonl"), "--mermaid"), ("logs", HOSTILE), ("scenarios", HOSTILE),
        ("doctor", "--env-file", "env", "--no-probe"), ("import", "har", "x.har"), ("import", "log", "x.log"),
        ("import", "curl", "x.curl"), ("import", "har", HOSTILE), ("up", "--app", HOSTILE), (HOSTILE,),
        ("up", f"--{HOSTILE}"),
        ("rollout", "plan", str(broken)), ("simulate", "--policy", HOSTILE),
        ("gate", "release", HOSTILE), ("export", "k8s", "--set", f"A={HOSTILE}"),
    ):  # fmt: skip
        for more in ((), ("--json",)):
            done = devenv_run(tmp_path, environment, *words, *more)
            assert is_visible(done.stdout + done.stderr), words
            assert "Traceback" not in done.stderr, words


def _planted(event: object) -> object:
    """``event`` with the plant at the end of every text but what says which event it is."""
    if isinstance(event, dict):
        return {
            key: value if key in ("kind", "type", "f", "what", "process") else _planted(value)
            for key, value in event.items()
        }
    if isinstance(event, list):
        return [_planted(item) for item in event]
    return event + HOSTILE if isinstance(event, str) else event
