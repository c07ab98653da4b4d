"""Lines of JSON logs of several servers: the same request each time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devenv.verbs.recordings.formats.log_json import json_line

STARTED = 1751362500.0  # 2025-07-01 09:35:00 UTC
ENDED = "2025-07-01T09:35:02Z"
LINES: dict[str, dict[str, Any]] = {
    "caddy": {"ts": STARTED + 2, "request": {"method": "POST", "uri": "/a?b=1", "remote_ip": "203.0.113.5"},
              "duration": 2.0, "status": 200, "resp_headers": {"X-Served-By": ["captcha-api-b"]}},
    "caddy, durations as text": {"ts": ENDED, "request": {"method": "POST", "uri": "/a?b=1",
                                 "client_ip": "203.0.113.5", "headers": {}}, "duration": "2s", "status": 200},
    "traefik": {"RequestMethod": "POST", "RequestPath": "/a?b=1", "DownstreamStatus": 200,
                "Duration": 2_000_000_000, "StartUTC": "2025-07-01T09:35:00Z", "time": "2025-07-01T09:35:09Z",
                "ClientHost": "203.0.113.5"},
    "envoy": {"start_time": "2025-07-01T09:35:00.000Z", "method": "POST", "path": "/a?b=1",
              "response_code": 200, "duration": 2000, "x_forwarded_for": "-",
              "downstream_remote_address": "203.0.113.5:4711"},
    "pino-http": {"time": 1751362502000, "responseTime": 2000,
                  "req": {"method": "POST", "url": "/a?b=1", "remoteAddress": "203.0.113.5"},
                  "res": {"statusCode": 200}},
    "nginx": {"time_iso8601": ENDED, "request": "POST /a?b=1 HTTP/1.1", "status": "200",
              "request_time": "2.000", "remote_addr": "203.0.113.5"},
    "a suffix": {"time": ENDED, "method": "post", "path": "/a?b=1", "status": 200, "latency_ms": 2000,
                 "client": "203.0.113.5"},
    "elastic": {"@timestamp": ENDED, "http": {"request": {"method": "POST"},
                "response": {"status_code": 200}}, "url": {"original": "/a?b=1"},
                "client": {"ip": "203.0.113.5"},
                "event": {"duration": 2_000_000_000}},
}  # fmt: skip


@pytest.mark.parametrize("form", LINES)
def test_the_same_request(form: str) -> None:
    line = json_line(json.dumps(LINES[form]), 1, "")
    assert line is not None
    request = line.recorded(line.client)
    assert (request.method, request.target, request.status, request.client) == (
        "POST", "/a?b=1", 200, "203.0.113.5"
    )  # fmt: skip
    assert (request.started, request.seconds) == (STARTED, 2.0)
    assert not line.unit_unknown


@pytest.mark.parametrize("field", ["duration", "latency", "elapsed", "response_time", "responseTime"])
def test_a_number_in_a_unit_that_is_not_known_is_no_duration(field: str) -> None:
    data = {"method": "GET", "path": "/", field: 12, "time": ENDED}
    line = json_line(json.dumps(data), 1, "")
    assert line is not None
    assert (line.seconds, line.started, line.unit_unknown) == (None, STARTED + 2, True)
    line = json_line(json.dumps({**data, field: "2s"}), 1, "")
    assert line is not None
    assert (line.seconds, line.unit_unknown) == (2.0, False)


def test_addresses_and_pods() -> None:
    data = {
        "method": "GET",
        "path": "/",
        "http_x_forwarded_for": "198.51.100.9, 10.0.0.1",
        "remote_addr": "10.0.0.2",
    }
    line = json_line(json.dumps(data), 1, "")
    assert line is not None
    assert (line.forwarded, line.client) == ("198.51.100.9, 10.0.0.1", "10.0.0.2")
    caddy = LINES["caddy"] | {
        "request": LINES["caddy"]["request"] | {"headers": {"X-Forwarded-For": ["1.1.1.1"]}}
    }
    line = json_line(json.dumps(caddy), 1, "")
    assert line is not None
    assert (line.forwarded, line.pod) == ("1.1.1.1", "captcha-api-b")


def test_a_line_without_a_request() -> None:
    assert json_line('{"level": "info", "msg": "started"}', 1, "") is None
    assert (
        json_line('{"start_time": "2025-07-01T09:35:00Z", "response_code": 0, "path": null}', 1, "") is None
    )
