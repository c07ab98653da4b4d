"""HAR files: of a real Chromium (recorded through Playwright), and in the forms of Firefox and Safari."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.har import parse_har
from devenv.verbs.recordings.recorded import Recorded, Recording

DATA = Path(__file__).parent / "data"
BROWSERS = ("chromium", "firefox", "safari")


def read(browser: str) -> Recording:
    return parse_har((DATA / f"{browser}.har").read_text(encoding="utf-8"), f"{browser}.har")


def api(recording: Recording) -> list[Recorded]:
    return [request for request in recording.requests if request.path.startswith("/api/")]


@pytest.mark.parametrize("browser", BROWSERS)
def test_each_browser_tells_the_same(browser: str) -> None:
    requests = api(read(browser))
    assert [request.path.removeprefix("/api/") for request in requests] == [
        "next-captcha", "abstract-captcha", "abstract-verify", "imagecaptcha-challenge",
        "imagecaptcha-verify", "imagecaptcha-verify", "abstract-captcha", "abstract-verify",
    ]  # fmt: skip
    assert {request.method for request in requests} == {"POST"}
    assert {request.status for request in requests} == {200}
    created, used = requests[1], requests[2]
    assert created.got["challenge_id"] == used.sent["challenge_id"]
    assert used.sent["selections"] == []
    first, second = requests[4], requests[5]
    assert None not in (first.started, first.ended, second.started)
    assert (first.started or 0) <= (second.started or 0) < (first.ended or 0)


def test_times_of_all_zones_are_the_same() -> None:
    starts = [[round(item.started or 0, 2) for item in api(read(browser))] for browser in BROWSERS]
    assert starts[0] == starts[1] == starts[2]


def test_what_a_browser_does_not_know_is_not_known() -> None:
    firefox, safari = read("firefox"), read("safari")
    assert firefox.requests[0].path == "/checkout"
    assert firefox.requests[0].answer is None  # "Response bodies are not included."
    assert firefox.notes == ("left out as preflight (OPTIONS): 1",)
    assert safari.notes == ("left out as answered by the browser's cache: 1",)
    assert [request.answer for request in safari.requests if request.path == "/assets/logo.png"] == [
        None
    ]  # a picture
    assert api(safari)[0].seconds is None  # "time": 0
    assert read("chromium").requests[2].pod == "captcha-api-b"
    assert {request.pod for request in firefox.requests} == {None}


def har(**changes: Any) -> str:
    request = {"method": "POST", "url": "http://x/api/a", "headers": [{"name": "A", "value": "b"}]}
    entry = {
        "startedDateTime": "2026-01-01T00:00:00Z",
        "time": 5,
        "request": request,
        "response": {"status": 200},
    }
    return json.dumps({"log": {"entries": [entry, {**entry, **changes}]}})


def test_little_is_needed() -> None:
    [first, second] = parse_har(har(), "x.har").requests
    assert (first.target, first.seconds, first.headers) == ("/api/a", 0.005, {"a": "b"})
    assert second.number == 2
    [bare, _] = parse_har(har(startedDateTime="", time=-1, response={}), "x.har").requests[::-1]
    assert (bare.started, bare.seconds, bare.status) == (None, None, None)


def test_forms_and_base64_bodies() -> None:
    post = {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a", "value": "1 2"}]}
    request = {"method": "POST", "url": "http://x/", "postData": post}
    assert parse_har(har(request=request), "x").requests[1].body == "a=1+2"
    content = {"text": "eyJhIjogMX0=", "encoding": "base64"}
    assert parse_har(har(response={"status": 200, "content": content}), "x").requests[1].got == {"a": 1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{\n "log": {\n', "x.har:3: not readable as JSON: "),
        ("[" * 100_000, "x.har: nested too deeply"),
        ("[]", "x.har: this is no HAR file: log.entries is missing"),
        ('{"log": {"entries": {}}}', "x.har: this is no HAR file: log.entries is missing"),
        ('{"log": {"entries": [1]}}', "x.har: entry 1: the entry is no object"),
        (har(request=None), "x.har: entry 2: request is missing"),
        (har(request={"method": "GET"}), "x.har: entry 2: request.url is missing"),
        (har(request={"url": "http://x/", "method": 5}), "x.har: entry 2: request.method is missing"),
        (har(response={"status": "200"}), "x.har: entry 2: response.status is '200', expected a number"),
        (har(response={"status": 200, "headers": "no"}), "x.har: entry 2: response.headers is no list"),
        (har(response={"status": 200, "headers": [1]}), "x.har: entry 2: response.headers is no object"),
        (har(startedDateTime="soon"), "x.har: entry 2: startedDateTime is 'soon', expected a time as in ISO"),
        (har(startedDateTime=5), "x.har: entry 2: startedDateTime is 5, expected a time as in ISO 8601"),
        (har(time="5"), "x.har: entry 2: time is '5', expected milliseconds"),
        (
            har(response={"status": 200, "content": {"text": "!", "encoding": "base64"}}),
            "x.har: entry 2: response.content.text is said to be base64 and is not",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse_har(text, "x.har")
    assert caught.value.message.startswith(told)
