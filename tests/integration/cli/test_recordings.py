"""record, import, replay and shrink as people run them, on a stack of two pods with USE_REDIS=false."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support import HANG_GUARD_S, ROOT

DATA = ROOT / "tests" / "unit" / "verbs" / "recordings" / "data"


def post(status: dict[str, Any], path: str, body: Any = None, pod: str = "a") -> dict[str, Any]:
    url = status["endpoints"]["traffic"] + path
    answer = httpx.post(url, json=body, headers={"X-Devenv-Pod": pod}, trust_env=False)
    received: dict[str, Any] = answer.json()
    return received


def steps(path: Path) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["steps"]
    return result


@pytest.mark.parametrize("browser", ["chromium", "firefox", "safari"])
def test_a_browsers_recording_fails_across_pods_and_shrinks(running: Any, browser: str) -> None:
    shutil.copy(DATA / f"{browser}.har", running.folder)
    made = running.json("import", "har", f"{browser}.har", "--pods", "2", "--out", f"{browser}.yaml")
    assert (made["requests"] >= 8, made["sessions"]) == (True, 3)
    played = running.json("replay", f"{browser}.yaml", "--pace", "0", code=1)
    assert any('got "not_found"' in violation["told"] for violation in played["deviations"])
    small = running.json("shrink", f"{browser}.yaml", "--out", "small.yaml", code=1)
    assert (small["after"], small["confirmed"]) == (2, 3)
    create, verify = steps(running.folder / "small.yaml")
    assert create["pod"] != verify["pod"]
    assert create["create"] == verify["verify"]


def test_with_a_shared_store_the_recording_holds(running: Any) -> None:
    shutil.copy(DATA / "chromium.har", running.folder)
    running.json("import", "har", "chromium.har", "--pods", "2", "--no-pauses", "--out", "held.yaml")
    played = running.json("replay", "held.yaml", "--strategy", "atomic")
    assert played["verdict"] == "holds"
    # As it was recorded, sent to one pod, it holds without Redis too.
    assert running.json("replay", "held.yaml", "--pods", "1")["verdict"] == "holds"
    message = running.run("shrink", "held.yaml", "--strategy", "atomic")
    assert (message.returncode, "nothing to reduce" in message.stdout) == (0, True)


def test_an_access_log_is_enough_to_meet_the_bug(running: Any) -> None:
    line = '1.1.1.1 - - [24/Nov/2026:10:00:0{} +0000] "POST /api/{} HTTP/1.1" 200 5 "-" "-"\n'
    calls = ["imagecaptcha-challenge", "imagecaptcha-verify", "abstract-captcha", "abstract-verify"]
    text = "".join(line.format(second, path) for second, path in enumerate(calls))
    (running.folder / "access.log").write_text(text, encoding="utf-8")
    done = running.run("import", "log", "access.log")
    assert done.returncode == 0
    assert "a log has no bodies" in done.stderr
    (running.folder / "log.yaml").write_text(done.stdout, encoding="utf-8")
    played = running.json("replay", "log.yaml", "--pace", "0", code=1)
    assert [violation["told"] for violation in played["deviations"]] == [
        'outcome: expected wrong, got "not_found"'
    ] * 2


def test_record_writes_what_went_through_the_proxy(running: Any) -> None:
    status = running.json("status")
    process = running.start("record", "--out", "recorded.yaml")
    running.read_until(process, "recording what goes through")
    post(status, "/api/next-captcha", {"behavior_data": {"password": "hunter2"}})
    created = post(status, "/api/abstract-captcha", pod="b")
    post(status, "/api/abstract-verify", {"challenge_id": created["challenge_id"], "selections": []}, "a")
    running.read_until(process, "3 requests")
    running.interrupt(process)
    rest = process.communicate(timeout=HANG_GUARD_S)[0]
    assert process.returncode == 0, rest
    text = (running.folder / "recorded.yaml").read_text(encoding="utf-8")
    assert "hunter2" not in text
    assert created["challenge_id"] not in text
    first, create, verify = [step for step in steps(running.folder / "recorded.yaml") if "pause" not in step]
    assert first["request"] == "POST /api/next-captcha"
    assert first["json"] == {"behavior_data": {"password": "REDACTED"}}
    assert (create["pod"], verify["pod"], verify["answer"]) == ("B", "A", "wrong")
    assert running.json("replay", "recorded.yaml", "--pace", "0", code=1)["violations"]


def test_any_request_is_filled_sent_and_captured(running: Any) -> None:
    scenario = {
        "version": 1, "id": "any", "title": "Any requests", "cause": "pod-memory", "needs": [],
        "stores": {store: {"shows": "x"} for store in ("memory", "guide", "atomic")},
        "sessions": {"c": "abstract"},
        "steps": [
            {"create": "c", "pod": "A"},
            {"request": "POST /api/next-captcha", "pod": "A", "json": {"behavior_data": {}},
             "capture": {"kind": "captcha_type", "pod": "header:x-served-by"},
             "expect": {"status": 200, "fields": {"status": "success"}, "contains": "captcha"}},
            {"pause": 0.01},
            {"together": {
                "good": {"request": "POST /api/abstract-verify", "pod": "A",
                         "json": {"challenge_id": "{challenge:c}", "selections": []}},
                "lost": {"request": "POST /api/abstract-verify", "pod": "B",
                         "headers": {"content-type": "application/json"},
                         "body": '{"challenge_id": "{challenge:c}", "selections": []}'}},
             "expect": {"requests": {"good": {"outcome": "wrong"}, "lost": {"outcome": "not_found"}}}},
            {"request": "GET /{captured:pod}?of={captured:kind}", "pod": "B", "expect": {"status": 404}},
        ],
    }  # fmt: skip
    (running.folder / "any.yaml").write_text(yaml.safe_dump(scenario), encoding="utf-8")
    assert running.json("replay", "any.yaml", "--repeat", "2")["identical"]
    latest = running.folder / ".devenv" / "runs" / "latest"
    trace = [json.loads(line) for line in (latest / "trace.jsonl").read_text(encoding="utf-8").splitlines()]
    paths = [item["path"] for item in trace if item["kind"] == "exchange"]
    assert any(re.fullmatch(r"/captcha-api-a\?of=\w+", path) for path in paths)


@pytest.mark.parametrize(
    ("form", "text", "sentence"),
    [
        ("har", '{"log": {"entries": [{}]}}', "bad.txt: entry 1: request is missing"),
        ("log", "nonsense\n", "bad.txt:1: this is no line of an access log"),
        ("curl", "curl http://x/\nwget\n", "bad.txt:2: this is no curl command"),
    ],
)
def test_a_broken_file_is_one_message(devenv: Any, form: str, text: str, sentence: str) -> None:
    (devenv.folder / "bad.txt").write_text(text, encoding="utf-8")
    done = devenv.run("import", form, "bad.txt")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"error: {sentence}"
    assert done.stdout == ""
