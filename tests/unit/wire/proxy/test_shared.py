from __future__ import annotations

from typing import Any

import pytest

from devenv.wire.http.heads import parse_request_head, parse_response_head
from devenv.wire.proxy.shared import Shared


def shared(bench: Any, carrier: str) -> Shared:
    return Shared(
        bench.balancer,
        bench.pods,
        bench.connector,
        bench.log,
        bench.limits,
        clock=lambda: 0.0,
        later=bench.turns.append,
        call_later=bench.call_later,
        request_prefix=b"0" * 16,
        session_carrier=carrier,
    )


def test_request_ids_are_32_digits_and_never_the_same(bench: Any) -> None:
    made = [shared_one.new_request_id() for shared_one in [shared(bench, "")] for _ in range(300)]
    assert len(set(made)) == 300 and {len(one) for one in made} == {32}
    assert all(set(one) <= set(b"0123456789abcdef") for one in made)


@pytest.mark.parametrize(
    ("carrier", "head", "value"),
    [
        ("Mcp-Session-Id", b"GET / HTTP/1.1\r\nmcp-session-id: s 1 \r\nA: b\r\n", b"s 1 "),
        ("Mcp-Session-Id", b"GET / HTTP/1.1\r\nX-Mcp-Session-Id: s1\r\n", None),
        ("Cookie:sid", b"GET / HTTP/1.1\r\nCookie: a=b; sid=s1; c=d\r\n", b"s1"),
        ("Cookie:sid", b"HTTP/1.1 200 OK\r\nset-cookie: sid=s2; Path=/\r\n", b"s2"),
        ("Cookie:sid", b"GET / HTTP/1.1\r\nCookie: xsid=s1\r\n", None),
        ("Cookie:a.b", b"GET / HTTP/1.1\r\nCookie: aXb=s1\r\n", None),
    ],
)
def test_what_carries_the_session_is_found_in_a_head(
    bench: Any, carrier: str, head: bytes, value: bytes | None
) -> None:
    pattern = shared(bench, carrier).session_carrier
    assert pattern is not None
    match = pattern.search(head)
    assert (None if match is None else match[1]) == value


def test_without_a_carrier_nothing_is_searched(bench: Any) -> None:
    assert shared(bench, "").session_carrier is None


def test_a_request_keeps_its_session_whatever_the_response_sets(bench: Any) -> None:
    one = shared(bench, "Cookie:sid")
    request = parse_request_head(b"GET / HTTP/1.1\r\nHost: h\r\nCookie: sid=old\r\n\r\n")
    renewing = parse_response_head(b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=new\r\n\r\n")
    plain = parse_response_head(b"HTTP/1.1 200 OK\r\n\r\n")
    assert request is not None and renewing is not None and plain is not None
    opening = parse_request_head(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert opening is not None
    assert one.sessions(renewing[0], request[0]) == (b"old", b"new")
    assert one.sessions(plain[0], request[0]) == one.sessions(None, request[0]) == (b"old", None)
    assert one.sessions(renewing[0], opening[0]) == (b"new", None)
