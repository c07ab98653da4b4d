"""Lines of text logs of several servers: the same request each time."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.formats.log_text import text_line

STARTED = 1751362500.0  # 2025-07-01 09:35:00 UTC
NGINX = '203.0.113.5 - - [01/Jul/2025:09:35:02 +0000] "POST /a?b=1 HTTP/1.1" 200 31 "-" "M (\\"x\\")"'
FORMS = {
    "nginx": f"{NGINX} rt=2.000",
    "nginx, quoted": f'{NGINX} request_time="2.0"',
    "a unit": f"{NGINX} duration=2000ms",
    "apache with the host": f"shop.test:443 {NGINX} took=2s",
    "traefik": '203.0.113.5 - - [01/Jul/2025:09:35:00 +0000] "POST /a?b=1 HTTP/1.1" 200 31 "-" "M" '
    '17 "shop@docker" "http://10.0.0.2:80" 2000ms',
    "haproxy": "Jul  1 09:35:02 lb haproxy[14389]: 203.0.113.5:33317 [01/Jul/2025:09:35:00.000] in~ "
    'api/captcha-api-b 10/0/30/69/2000 200 2750 - - ---- 1/1/1/1/0 0/0 {shop.test} {} "POST /a?b=1 HTTP/1.1"',
    "envoy": '[2025-07-01T09:35:00.000Z] "POST /a?b=1 HTTP/2" 200 - 154 0 2000 100 "203.0.113.5" '
    '"M" "cc21d9b0" "shop.test" "10.0.35.28:80"',
    "istio": '[2025-07-01T09:35:00.000Z] "POST /a?b=1 HTTP/2" 200 - via_upstream - "-" 154 0 2000 100 '
    '"203.0.113.5" "M" "cc21d9b0" "shop.test" "10.0.35.28:80" outbound|80||a.b 10.1.1.1:33 10.1.1.2:80 - -',
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_same_request(form: str) -> None:
    line = text_line(FORMS[form], 1, "")
    assert line is not None
    request = line.recorded(line.client)
    assert (request.method, request.target, request.status) == ("POST", "/a?b=1", 200)
    assert (request.started, request.seconds) == (STARTED, 2.0)
    assert "203.0.113.5" in (request.client, line.forwarded)
    assert not line.unit_unknown


@pytest.mark.parametrize("rest", ["duration=2000", 'latency="3"'])
def test_a_duration_without_a_unit_is_none(rest: str) -> None:
    line = text_line(f"{NGINX} {rest}", 1, "")
    assert line is not None
    assert (line.seconds, line.unit_unknown) == (None, True)


def test_addresses_behind_a_balancer() -> None:
    line = text_line(f'{NGINX} "198.51.100.9, 10.0.9.1" rt=1', 1, "")
    assert line is not None
    assert line.forwarded == "198.51.100.9, 10.0.9.1"
    captured = FORMS["haproxy"].replace("{shop.test}", "{shop.test|198.51.100.9}")
    line = text_line(captured, 1, "")
    assert line is not None
    assert (line.forwarded, line.pod) == ("198.51.100.9", "captcha-api-b")


def test_lines_that_are_about_no_request() -> None:
    assert text_line("Jul  1 09:35:02 lb haproxy[1]: Proxy in started.", 1, "") is None
    assert text_line(FORMS["haproxy"].replace("POST /a?b=1 HTTP/1.1", "<BADREQ>"), 1, "") is None
    assert text_line(NGINX.replace("POST /a?b=1 HTTP/1.1", "-"), 1, "") is None
    with pytest.raises(UsageProblem, match="x:1: this is no line of an access log"):
        text_line("nginx-1  | 203.0.113.5 starts", 1, "x:1: ")
