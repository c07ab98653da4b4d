"""Access logs: nginx' combined form and JSON lines."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.formats.access_log import parse_access_log

COMBINED = """\
203.0.113.5 - - [24/Nov/2026:10:00:01 +0900] "POST /api/abstract-captcha HTTP/1.1" 200 812 "-" "M (\\"x\\")"

203.0.113.5 - joe [24/Nov/2026:10:00:04 +0900] "POST /api/abstract-verify?a=1 HTTP/2.0" 200 13 "-" "" rt=0.250
203.0.113.9 - - [24/Nov/2026:10:00:04 +0900] "-" 400 0 "-" "-"
203.0.113.9 - - [24/Nov/2026:10:00:04 +0900] "\\x16\\x03\\x01" 400 157
2001:db8::1 - - [24/Nov/2026:01:00:05 +0000] "GET / HTTP/1.0" 200 -
"""


def test_combined() -> None:
    recording = parse_access_log(COMBINED, "access.log")
    create, verify, page = recording.requests
    assert (create.number, create.method, create.target) == (1, "POST", "/api/abstract-captcha")
    assert (create.client, create.status, create.seconds) == ("203.0.113.5", 200, None)
    assert (verify.number, verify.target, verify.path) == (
        3,
        "/api/abstract-verify?a=1",
        "/api/abstract-verify",
    )
    assert verify.seconds == 0.25
    # A log says when an answer was finished; 10:00 in Seoul is 01:00 UTC.
    assert (verify.started or 0) - (create.started or 0) == 2.75
    assert (page.started or 0) - (create.started or 0) == 4
    assert page.client == "2001:db8::1"
    assert not recording.bodies
    assert recording.notes == ("lines without an HTTP request, left out: 2",)


@pytest.mark.parametrize(
    "line",
    [
        '{"request_method": "POST", "request_uri": "/api/a?b=1", "status": 200, "time_iso8601": '
        '"2026-11-24T10:00:01+09:00", "request_time": "0.5", "remote_addr": "203.0.113.5"}',
        '{"request": "POST /api/a?b=1 HTTP/1.1", "status": "200", "msec": 1795482001.0, "request_time": 0.5, '
        '"client": "203.0.113.5"}',
        '{"http": {"request": {"method": "POST"}, "response": {"status_code": 200}}, "url": {"original": '
        '"/api/a?b=1"}, "@timestamp": "2026-11-24T01:00:01Z", "duration_ms": 500, "client": '
        '{"ip": "203.0.113.5"}}',
        '{"httpRequest": {"requestMethod": "POST", "requestUrl": "https://x/api/a?b=1", "status": 200, '
        '"latency": "0.5s", "remoteIp": "203.0.113.5"}, "ts": 1795482001000}',
    ],
)  # fmt: skip
def test_json_lines_under_the_names_that_are_in_use(line: str) -> None:
    [result] = parse_access_log(line, "x").requests
    assert (result.method, result.target, result.status, result.client) == (
        "POST",
        "/api/a?b=1",
        200,
        "203.0.113.5",
    )
    assert (result.started, result.seconds) == (1795482000.5, 0.5)


def test_json_lines_may_know_more() -> None:
    text = (
        '{"method": "POST", "path": "/v", "pod": "captcha-api-b", "challenge_id": "abc"}\n{"level": "info"}\n'
    )
    [result] = parse_access_log(text, "x").requests
    assert (result.pod, result.sent, result.started) == ("captcha-api-b", {"challenge_id": "abc"}, None)


GOOD = '1.2.3.4 - - [24/Nov/2026:10:00:01 +0900] "GET / HTTP/1.1" 200 5\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "x.log:1: the file is empty"),
        (f"{GOOD}\nnonsense\n", "x.log:3: this is no line of an access log"),
        (GOOD.replace("24/Nov", "24/Nix"), "x.log:1: '24/Nix/2026:10:00:01 +0900' is no time"),
        (GOOD.replace("24/Nov", "31/Nov"), "x.log:1: '31/Nov/2026:10:00:01 +0900' is no time"),
        ('{"method": "GET", "path": "/"}\n{"method": ', "x.log:2: not readable as JSON: "),
        (f'{{"method": "GET", "path": "/"}}\n{GOOD}', "x.log:2: not readable as JSON: "),
        ('{"method": "GET", "path": "/"}\n[1]', "x.log:2: this is no JSON object"),
        ('{"method": "GET", "path": "/", "status": "ok"}', "x.log:1: status is 'ok', expected a number"),
        ('{"method": "GET", "path": "/", "duration": "long"}', "x.log:1: 'long' is no duration"),
        ('{"method": "GET", "path": "/", "time": "soon"}', "x.log:1: 'soon' is no time"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse_access_log(text, "x.log")
    assert caught.value.message.startswith(sentence), caught.value.message
