"""haproxy.cfg."""

from __future__ import annotations

from devenv.core.balancers.haproxy import PRODUCT
from tests.unit.core.balancers.place import file_of


def test_the_default() -> None:
    lines = file_of("haproxy").splitlines()
    assert lines[lines.index("backend pods") :] == [
        "backend pods",
        "  balance roundrobin",
        "  server captcha-api-a 127.0.0.1:9001",
        "  server captcha-api-b 127.0.0.1:9002",
    ]
    assert {"  nbthread 1", "  mode http", "  bind 127.0.0.1:8080"} <= set(lines)


def test_a_cookie_names_the_pod() -> None:
    text = file_of("haproxy:cookie,check=on,workers=2")
    assert "  balance roundrobin\n  cookie SRV insert indirect nocache\n" in text
    assert "  server captcha-api-b 127.0.0.1:9002 check inter 1s cookie captcha-api-b\n" in text
    assert "  nbthread 2\n" in text


def test_options_are_its_directives() -> None:
    text = file_of("haproxy:leastconn,http-reuse=never,retry-on=all-retryable-errors,redispatch=on")
    assert (
        "  balance leastconn\n  http-reuse never\n  retry-on all-retryable-errors\n  option redispatch\n"
        in text
    )
    assert "  option http-server-close\n" in file_of("haproxy,keepalive=off")
    assert "  http-reuse always\n" in file_of("haproxy,keepalive=on")


def test_tcp_has_nothing_of_http() -> None:
    text = file_of("haproxy:tcp-leastconn,keepalive=off")
    assert "  mode tcp\n" in text
    assert "  balance leastconn\n" in text
    assert "option" not in text


def test_its_complaints_are_alerts_that_say_what() -> None:
    line = "[ALERT]    (9) : config : parsing [haproxy.cfg:12] : unknown keyword 'x'"
    match = PRODUCT.complaints.search(line)
    assert match is not None
    assert match[1] == "config : parsing [haproxy.cfg:12] : unknown keyword 'x'"
    assert not PRODUCT.complaints.search("[ALERT]    (9) : config : Fatal errors found in configuration.")
    assert not PRODUCT.complaints.search("[NOTICE]   (9) : haproxy version is 2.6.12")
