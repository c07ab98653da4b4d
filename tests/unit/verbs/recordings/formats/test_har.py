"""HAR files: of a real Chromium (recorded through Playwright), and in the forms of Firefox and Safari."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Kind, ServiceProfile
from devenv.core.model.service import Request as Template
from devenv.core.scenario import parse
from devenv.verbs.recordings.composing import ImportOptions, compose
from devenv.verbs.recordings.formats.har import parse_har
from devenv.verbs.recordings.formats.recorded import Recorded, Recording

DATA = Path(__file__).parents[1] / "data"
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
    ("text", "sentence"),
    [
        ('{\n "log": {\n', "x.har:3: not readable as JSON: "),
        ("[" * 100_000, "x.har: not readable as JSON: nested deeper than 200 levels"),
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
def test_what_is_wrong_is_told_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse_har(text, "x.har")
    assert caught.value.message.startswith(sentence)


EXPORTERS = DATA / "exporters"
SHOP = replace(
    CAPTCHA, name="shop", oracle="", limit=0,
    kinds={
        "order": Kind(
            Template("/create"), Template("/verify", body={"challenge_id": "{id}", "answer": "{answer}"}),
            answers={"right": "right", "wrong": "wrong"},
        )
    },
)  # fmt: skip
BASKETS = replace(
    SHOP, id_field="", id_cookie="sid",
    kinds={
        "basket": Kind(
            Template("/basket"),
            Template("/basket/items", headers={"Cookie": "sid={id}"}, body={"answer": "{answer}"}),
            answers={"right": "right", "wrong": "wrong"},
        )
    },
)  # fmt: skip
PLAYED = ["create c1", "create c2", "verify c2 right", "verify c1 wrong", "verify c1 wrong"]
WORKER = ["create c3", "verify c3 right"]
ONE_JAR = ["create c1", "verify c1 wrong", "create c2", "verify c2 right"]


def imported(name: str, profile: ServiceProfile = SHOP) -> tuple[list[str], str]:
    """The story that the scenario tells, and the notes."""
    text = (EXPORTERS / f"{name}.har").read_text(encoding="utf-8")
    composed = compose(parse_har(text, f"{name}.har"), profile, ImportOptions(waits=False))
    parse(composed.text, "scenario.yaml")
    steps = [
        f"create {step['create']}" if "create" in step else f"verify {step['verify']} {step['answer']}"
        for step in composed.data["steps"]
        if "create" in step or "verify" in step
    ]
    return steps, "\n".join(composed.notes)


@pytest.mark.parametrize("place", ["json", "form", "multipart"])
@pytest.mark.parametrize(
    "exporter", ["playwright-embed", "playwright-minimal", "mitmproxy", "chrome-har-text"]
)
def test_the_sessions_are_those_that_were_played(exporter: str, place: str) -> None:
    steps, notes = imported(f"{exporter}-{place}")
    assert steps[: len(PLAYED)] == PLAYED
    assert "guess" not in notes
    assert "left out as redirected (307, 308), what they led to is kept: 1" in notes
    if exporter == "playwright-embed":
        assert steps[len(PLAYED) :] == WORKER
        assert "left out as requests that a service worker passed on, listed twice: 3" in notes
    else:
        assert steps == PLAYED


@pytest.mark.parametrize("place", ["json", "form", "multipart"])
@pytest.mark.parametrize("exporter", ["playwright-omit", "chrome-har"])
def test_where_bodies_are_missing_nothing_is_guessed(exporter: str, place: str) -> None:
    steps, notes = imported(f"{exporter}-{place}")
    assert steps == ["create c1", "create c2"]
    assert "left out: uses of a session, as bodies that say which one are missing: entries" in notes
    assert "no use of a session is left: a replay of this shows nothing about lost sessions" in notes


def test_bodies_that_an_exporter_now_and_then_loses() -> None:
    """puppeteer-har asks for bodies before they are there: some are missing, others not."""
    steps, notes = imported("puppeteer-har-json")
    assert steps == ["create c1", "create c2"]
    assert "left out: uses of a session" in notes
    steps, notes = imported("puppeteer-har-multipart")
    assert steps == PLAYED
    steps, notes = imported(
        "puppeteer-har-form"
    )  # the second create's answer is missing: the other one is not it
    assert steps == [step.replace("right", "wrong") for step in PLAYED]
    assert "ids that no answer gave" in notes


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("mitmproxy", ["create c1", "create c2", "verify c2 right", "verify c1 wrong"]),
        ("chrome-har-text", ONE_JAR),
        ("chrome-har", [step.replace("right", "wrong") for step in ONE_JAR]),
        ("puppeteer-har", [step.replace("right", "wrong") for step in ONE_JAR]),
    ],
)
def test_ids_in_cookies(name: str, steps: list[str]) -> None:
    played, notes = imported(f"{name}-cookie", BASKETS)
    assert played == steps
    guessed = "which challenge an answer is about is not recorded: taken as the same client's latest one"
    assert (guessed in notes) is (name == "puppeteer-har")  # its file has no cookies


def test_a_json_body_of_params_is_an_object_again() -> None:
    recording = parse_har((EXPORTERS / "chrome-har-text-cookie.har").read_text(), "x.har")
    assert [request.sent for request in recording.requests if request.path == "/basket/items"] == [
        {"answer": "wrong", "n": [1, 2]},
        {"answer": "right", "n": [1, 2]},
    ]
    assert {request.headers["content-type"] for request in recording.requests if request.body} == {
        "application/json"
    }
    assert any(note.startswith("JSON bodies made of a list of fields") for note in recording.notes)


def test_headers_that_are_listed_twice() -> None:
    listed = [
        {"name": "Content-Type", "value": "application/json"},
        {"name": "content-type", "value": "application/json"},
        {"name": "Cookie", "value": "a=1"}, {"name": "cookie", "value": "b=2"},
        {"name": "Vary", "value": "a"}, {"name": "Vary", "value": "b"},
        {"name": "X-Once", "value": "first"}, {"name": "X-Once", "value": "last"},
    ]  # fmt: skip
    answer = {"status": 200, "cookies": [{"name": "sid", "value": "x"}, {"name": "n", "value": "y"}]}
    changed = har(request={"method": "GET", "url": "http://x/", "headers": listed}, response=answer)
    request = parse_har(changed, "x").requests[1]
    assert request.headers == {
        "content-type": "application/json", "cookie": "a=1; b=2", "vary": "a, b", "x-once": "last"
    }  # fmt: skip
    assert request.answer_headers == {"set-cookie": "sid=x\nn=y"}
