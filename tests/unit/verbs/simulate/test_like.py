"""Thinking times of recordings: the time from an answer to the next request of the same session."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.vocabulary import CaptchaType
from devenv.verbs.simulate.like import thinking_like


def entry(moment: float, path: str, sent: object, answer: object) -> dict[str, object]:
    """A request that takes half a second."""
    return {
        "startedDateTime": f"2026-11-30T10:00:{moment:06.3f}Z",
        "time": 500,
        "request": {
            "method": "POST", "url": f"http://127.0.0.1:8080{path}", "headers": [],
            "postData": {"mimeType": "application/json", "text": json.dumps(sent)},
        },
        "response": {
            "status": 200, "headers": [],
            "content": {"mimeType": "application/json", "text": json.dumps(answer)},
        },
    }  # fmt: skip


def test_a_har_files_times(tmp_path: Path) -> None:
    kind = CAPTCHA.kind(CaptchaType.ABSTRACT)
    entries = []
    for number, (opened, used) in enumerate([(1.0, 5.5), (2.0, 11.5)]):
        challenge = f"{number:032x}"
        entries.append(entry(opened, kind.create.path, {}, {"challenge_id": challenge}))
        used_with = kind.verify.fill(challenge, [1])  # type: ignore[arg-type]
        entries.append(entry(used, used_with.path, used_with.body, {"success": False}))
    entries.sort(key=lambda each: str(each["startedDateTime"]))
    file = tmp_path / "clicks.har"
    file.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    assert thinking_like(file, CAPTCHA).samples == pytest.approx((4.0, 9.0))


def test_a_file_without_a_second_request_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_text('127.0.0.1 - - [30/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5\n')
    with pytest.raises(UsageProblem, match=r"access\.log"):
        thinking_like(file, CAPTCHA)
    with pytest.raises(UsageProblem, match=r"no\.har"):
        thinking_like(tmp_path / "no.har", CAPTCHA)
