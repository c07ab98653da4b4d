from __future__ import annotations

from typing import Any

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devenv.wire.http.bodies import ChunkedBody, CloseBody, LengthBody, Malformed
from devenv.wire.http.heads import (
    MAX_HEAD,
    MAX_RESPONSE_HEAD,
    MAX_TARGET,
    RequestHead,
    ResponseHead,
    parse_request_head,
    parse_response_head,
)


def request(*lines: bytes, host: bool = True) -> bytes:
    fields = [b"Host: h", *lines[1:]] if host else [*lines[1:]]
    return b"\r\n".join([lines[0], *fields, b"", b""])


def parsed(*lines: bytes, host: bool = True) -> RequestHead:
    request_head = parse_request_head(request(*lines, host=host))
    assert request_head is not None
    return request_head[0]


def response(*lines: bytes) -> ResponseHead:
    response_head = parse_response_head(b"\r\n".join([*lines, b"", b""]))
    assert response_head is not None
    return response_head[0]


def fields(outgoing: bytes) -> list[bytes]:
    return outgoing.split(b"\r\n")


GET = b"GET / HTTP/1.1"
POST = b"POST / HTTP/1.1"

MALFORMED: list[tuple[bytes, int]] = [
    (request(POST, b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),
    (request(POST, b"Content-Length: 5", b"Content-Length: 6"), 400),
    (request(POST, b"Content-Length: 5, 5"), 400),
    (request(POST, b"Content-Length: +5"), 400),
    (request(POST, b"Content-Length: -5"), 400),
    (request(POST, b"Content-Length: 0x5"), 400),
    (request(POST, b"Content-Length:"), 400),
    (request(POST, b"Content-Length: " + b"9" * 30), 400),
    (request(POST, b"Transfer-Encoding: gzip, chunked"), 501),
    (request(POST, b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 501),
    (request(POST, b"Transfer-Encoding: xchunked"), 501),
    (request(b"POST / HTTP/1.0", b"Transfer-Encoding: chunked"), 400),
    (request(GET, host=False), 400),
    (request(GET, b"Host: other"), 400),
    (request(GET, b"Host: a b", host=False), 400),
    (request(GET, b"Host: a/b", host=False), 400),
    (request(GET, b"Bad Name: 1"), 400),
    (request(GET, b"Name : 1"), 400),
    (request(GET, b": 1"), 400),
    (request(GET, b"no colon"), 400),
    (request(GET, b"A: 1", b" folded"), 400),
    (request(GET, b"A: \x00"), 400),
    (request(GET, b"A: 1\rB: 2"), 400),
    (request(GET, b"A: 1\nContent-Length: 5"), 400),
    (b"GET / HTTP/1.1\nHost: h\n\n", 400),
    (request(b"GET  / HTTP/1.1"), 400),
    (request(b"GET /a b HTTP/1.1"), 400),
    (request(b"GET /"), 400),
    (request(b"GET / HTTP/1.1 "), 400),
    (request(b"GET / http/1.1"), 400),
    (request(b"G(T / HTTP/1.1"), 400),
    (request(b"GET nowhere HTTP/1.1"), 400),
    (request(b"GET * HTTP/1.1"), 400),
    (request(b"GET ftp://h/ HTTP/1.1"), 400),
    (request(b"GET http://u@h/ HTTP/1.1"), 400),
    (request(b"CONNECT h:1 HTTP/1.1"), 501),
    (request(b"GET / HTTP/2.0"), 505),
    (request(b"GET / HTTP/1.2"), 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (request(GET, b"Expect: a miracle"), 417),
    (request(b"GET /" + b"a" * MAX_TARGET + b" HTTP/1.1"), 414),
    (request(GET, b"A: " + b"a" * MAX_HEAD), 431),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
]


@pytest.mark.parametrize(("data", "status"), MALFORMED)
def test_malformed_requests_are_refused_whole_and_piece_by_piece(data: bytes, status: int) -> None:
    with pytest.raises(Malformed) as caught:
        parse_request_head(data)
    assert caught.value.status == status
    step = max(1, len(data) // 200)
    with pytest.raises(Malformed) as caught:
        for end in [*range(1, len(data), step), len(data)]:
            parse_request_head(data[:end])
    assert caught.value.status == status


@pytest.mark.parametrize(
    "data",
    [
        request(GET),
        request(POST, b"Content-Length: 5", b"Content-Length: 5"),
        request(b"get /x?y=%00 HTTP/1.0", b"A:b", b"C:\t d \t", host=False),
        b"\r\n\r\n" + request(b"OPTIONS * HTTP/1.1"),
        request(b"GET http://other:81/p HTTP/1.1", b"X-Long: " + b"y" * 5000),
    ],
)
@pytest.mark.parametrize("trailing", [b"", b"GET / HTTP/1.1\r\n", b"\x00"])
def test_a_head_ends_where_it_ends(data: bytes, trailing: bytes) -> None:
    whole = parse_request_head(data + trailing)
    assert whole is not None and whole[1] == len(data)
    assert all(parse_request_head(data[:end]) is None for end in range(len(data)))


def test_limits_of_incomplete_heads() -> None:
    with pytest.raises(Malformed) as caught:
        parse_request_head(b"GET /" + b"a" * (MAX_TARGET + 1))
    assert caught.value.status == 414
    with pytest.raises(Malformed) as caught:
        parse_request_head(b"GET / HTTP/1.1\r\nA: " + b"a" * MAX_HEAD)
    assert caught.value.status == 431


def test_hop_by_hop_fields_end_here_and_the_rest_passes_unchanged() -> None:
    head = parsed(
        b"POST /p?q HTTP/1.1",
        b"Connection: close, X-Mine,  te",
        b"Keep-Alive: timeout=5",
        b"Proxy-Connection: keep-alive",
        b"TE: trailers, gzip",
        b"x-mine: 1",
        b"X-Other:  spaced ",
        b"Cookie: a=b",
        b"content-length: 3",
    )
    assert not head.keep_alive
    assert fields(head.outgoing) == [
        b"POST /p?q HTTP/1.1",
        b"Host: h",
        b"X-Other:  spaced ",
        b"Cookie: a=b",
        b"Content-Length: 3",
        b"X-Request-Id: ",
    ]


def test_connection_can_take_away_neither_framing_nor_host() -> None:
    head = parsed(POST, b"Connection: content-length, host, transfer-encoding", b"Content-Length: 3")
    assert b"Content-Length: 3" in fields(head.outgoing) and b"Host: h" in fields(head.outgoing)
    assert isinstance(head.body(), LengthBody)


@pytest.mark.parametrize(
    ("lines", "keep_alive"),
    [
        ((GET,), True),
        ((GET, b"Connection: Close"), False),
        ((GET, b"Connection: keep-alive, close"), False),
        ((b"GET / HTTP/1.0",), False),
        ((b"GET / HTTP/1.0", b"Connection: Keep-Alive"), True),
    ],
)
def test_keep_alive(lines: tuple[bytes, ...], keep_alive: bool) -> None:
    assert parsed(*lines).keep_alive is keep_alive


def test_an_absolute_target_wins_over_host() -> None:
    head = parsed(b"GET http://other:81?x HTTP/1.1")
    assert fields(head.outgoing)[:2] == [b"GET /?x HTTP/1.1", b"Host: other:81"]


@pytest.mark.parametrize(
    ("lines", "upgrade"),
    [
        ((b"Connection: Upgrade", b"Upgrade: websocket"), b"websocket"),
        ((b"Connection: keep-alive, upgrade", b"Upgrade: websocket"), b"websocket"),
        ((b"Upgrade: websocket",), None),
        ((b"Connection: Upgrade",), None),
        ((b"Connection: Upgrade", b"Upgrade: h2c"), None),
        ((b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: 2"), None),
    ],
)
def test_upgrade(lines: tuple[bytes, ...], upgrade: bytes | None) -> None:
    head = parsed(GET, *lines)
    assert head.upgrade == upgrade
    assert (b"Upgrade: websocket" in fields(head.outgoing)) == (upgrade is not None)


def test_what_the_proxy_reads() -> None:
    head = parsed(
        GET,
        b"Cookie: x=1; devenv_pod=captcha-api-b; y=2",
        b"X-Devenv-Pod: b",
        b"X-Request-Id: abc-1.2_3",
        b"X-Forwarded-For: 10.0.0.1",
        b"X-Forwarded-For: 10.0.0.2",
        b"X-Forwarded-Proto: https",
        b"Expect: 100-Continue",
    )
    assert (head.cookie, head.pin, head.request_id) == ("captcha-api-b", "b", b"abc-1.2_3")
    assert head.facts_vary and head.expects_continue
    assert head.forwarded(b"127.0.0.1") == (
        b"\r\nX-Forwarded-For: 10.0.0.1, 10.0.0.2, 127.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n"
    )
    assert not any(line.lower().startswith((b"x-devenv", b"x-forw")) for line in fields(head.outgoing))


@pytest.mark.parametrize("value", [b"", b"a b", b"a\xff", b"x" * 129, b"a,b"])
def test_a_request_id_that_is_none_is_not_taken_over(value: bytes) -> None:
    assert parsed(GET, b"X-Request-Id: " + value).request_id is None


def test_equal_heads_are_the_same_object_and_long_ones_are_not_held() -> None:
    assert parsed(GET, b"A: 1") is parsed(GET, b"A: 1")
    long = b"A: " + b"1" * 3000
    assert parsed(GET, long) is not parsed(GET, long)


# -- responses


@pytest.mark.parametrize(
    "lines",
    [
        (b"HTTP/1.1 200 OK", b"Content-Length: 1", b"Transfer-Encoding: chunked"),
        (b"HTTP/1.1 200 OK", b"Content-Length: 1", b"Content-Length: 2"),
        (b"HTTP/1.1 200 OK", b"Transfer-Encoding: gzip"),
        (b"HTTP/1.1 2000 OK",),
        (b"HTTP/1.1 099 No",),
        (b"HTTP/2.0 200 OK",),
        (b"SSH-2.0-OpenSSH",),
        (b"HTTP/1.1 200 OK", b"A b: 1"),
    ],
)
def test_malformed_responses(lines: tuple[bytes, ...]) -> None:
    with pytest.raises(Malformed):
        response(*lines)


def test_a_response_that_is_no_http_is_refused_early_and_a_long_one_too() -> None:
    with pytest.raises(Malformed):
        parse_response_head(b"SSH-2.0-")
    with pytest.raises(Malformed):
        parse_response_head(b"HTTP/1.1 200 OK\r\nA: " + b"a" * MAX_RESPONSE_HEAD)


@pytest.mark.parametrize(
    ("method", "lines", "kind"),
    [
        (b"GET", (b"HTTP/1.1 200 OK", b"Content-Length: 3"), LengthBody),
        (b"GET", (b"HTTP/1.1 200 OK", b"Content-Length: 0"), type(None)),
        (b"GET", (b"HTTP/1.1 200", b"Transfer-Encoding: Chunked"), ChunkedBody),
        (b"GET", (b"HTTP/1.0 200 OK",), CloseBody),
        (b"HEAD", (b"HTTP/1.1 200 OK", b"Content-Length: 3"), type(None)),
        (b"HEAD", (b"HTTP/1.1 200 OK",), type(None)),
        (b"GET", (b"HTTP/1.1 204 No Content", b"Content-Length: 3"), type(None)),
        (b"GET", (b"HTTP/1.1 304 Not Modified", b"Content-Length: 3"), type(None)),
        (b"GET", (b"HTTP/1.1 100 Continue",), type(None)),
    ],
)
def test_the_framing_of_responses(method: bytes, lines: tuple[bytes, ...], kind: type) -> None:
    assert type(response(*lines).body(method)) is kind


def test_what_goes_on_to_the_client() -> None:
    head = response(
        b"HTTP/1.0 200 Fine: really",
        b"Connection: keep-alive, X-Mine",
        b"X-Mine: 1",
        b"Keep-Alive: 5",
        b"X-Request-Id: theirs",
        b"x-served-by: one",
        b"X-Served-By: two",
        b"Set-Cookie: a=b",
        b"Set-Cookie: c=d",
        b"content-length: 3",
    )
    assert head.keep_alive
    assert fields(head.outgoing) == [
        b"HTTP/1.1 200 Fine: really",
        b"Set-Cookie: a=b",
        b"Set-Cookie: c=d",
        b"Content-Length: 3",
        b"X-Served-By: one",
        b"",
    ]


# -- an independent parser as the oracle


class Oracle:
    """What httptools (llhttp) reads out of one request."""

    def __init__(self, data: bytes) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False
        self.rejected = False
        self._parser = httptools.HttpRequestParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError:
            self.rejected = True
        self.method: Any = self._parser.get_method()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True


NAMES = [
    b"Host",
    b"Content-Length",
    b"Transfer-Encoding",
    b"Connection",
    b"X-A",
    b"content-length ",
    b"Expect",
]
VALUES = [
    b"h",
    b"5",
    b"05",
    b"chunked",
    b"close",
    b"5,5",
    b"",
    b"\tx",
    b"a\rb",
    b"identity",
    b"chunked, gzip",
]
HEADS = st.builds(
    lambda method, target, version, lines, end: (
        b"%b %b HTTP/%b\r\n%b%b" % (method, target, version, lines, end)
    ),
    st.sampled_from([b"GET", b"POST", b"HEAD", b"get", b"BREW"]),
    st.sampled_from([b"/", b"/a?b", b"*", b"http://h/x", b"h:1", b"/\x7f", b"/\xe9"]),
    st.sampled_from([b"1.1", b"1.0", b"1.2", b"0.9", b"2.0"]),
    st.lists(
        st.builds(
            lambda name, gap, value, ending: name + gap + value + ending,
            st.sampled_from(NAMES),
            st.sampled_from([b": ", b":", b" : ", b":\t"]),
            st.sampled_from(VALUES),
            st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n "]),
        ),
        max_size=4,
    ).map(b"".join),
    st.sampled_from([b"\r\n", b"\r\n", b"\n"]),
)


@given(HEADS)
@example(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
def test_what_we_take_llhttp_takes_too_and_reads_the_same(data: bytes) -> None:
    try:
        request_head = parse_request_head(data)
    except Malformed:
        return
    if request_head is None:
        return
    head, end = request_head
    if head.method not in (b"GET", b"POST", b"HEAD"):
        return  # llhttp knows a fixed list of methods; ours may be any token
    oracle = Oracle(data[:end])
    assert not oracle.rejected and oracle.complete
    assert oracle.method == head.method
    lengths = {int(value) for name, value in oracle.headers if name == b"content-length"}
    assert lengths == (set() if head.content_length is None else {head.content_length})
    assert head.chunked == any(name == b"transfer-encoding" for name, _ in oracle.headers)


@given(st.binary(max_size=300))
def test_random_bytes_are_incomplete_or_malformed_never_a_crash(data: bytes) -> None:
    for parse in (parse_request_head, parse_response_head):
        try:
            assert parse(data) is None
        except Malformed as error:
            assert 400 <= error.status < 600


@pytest.mark.parametrize("name", [b"x-request-id", b"X-Request-Id"])
def test_a_request_id_that_comes_back_changes_no_head(name: bytes) -> None:
    heads = []
    for request_id in (b"a" * 32, b"b" * 32):
        data = b"HTTP/1.1 200 OK\r\nA: 1\r\n%b: %b\r\nContent-Length: 2\r\n\r\n" % (name, request_id)
        parsed = parse_response_head(data, request_id)
        assert parsed is not None and parsed[1] == len(data)
        heads.append(parsed[0])
    assert heads[0].outgoing == heads[1].outgoing == b"HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 2\r\n"
    assert (heads[0] is heads[1]) == (name == b"x-request-id")


@pytest.mark.parametrize(
    ("lines", "passed_on"),
    [
        (b"A: 1\r\nx-request-id: idB: 2", b"A: 1\r\n"),
        (b"A: x-request-id: id", b"A: x-request-id: id\r\n"),
        (b"x-request-id: id\r\nA: 1", b"A: 1\r\n"),
        (b"A: 1\r\nx-request-id: id", b"A: 1\r\n"),
        (b"x-request-id: id\r\nx-request-id: id\r\nA: 1", b"A: 1\r\n"),
    ],
)
def test_only_a_whole_field_is_left_out(lines: bytes, passed_on: bytes) -> None:
    parsed = parse_response_head(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n\r\n", b"id")
    assert parsed is not None and parsed[0].outgoing == b"HTTP/1.1 200 OK\r\n" + passed_on
