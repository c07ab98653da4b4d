from __future__ import annotations

import pytest

from devenv.wire.http.bodies import Malformed
from devenv.wire.http.heads import RequestHead, ResponseHead, parse_request_head, parse_response_head
from devenv.wire.proxy.responses import ResponseBody, rest_of_head


def request(method: str = "GET", version: str = "1.1") -> RequestHead:
    parsed = parse_request_head(f"{method} / HTTP/{version}\r\nHost: h\r\n\r\n".encode())
    assert parsed is not None
    return parsed[0]


def response(*fields: str, status: str = "200 OK") -> ResponseHead:
    parsed = parse_response_head("\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode())
    assert parsed is not None
    return parsed[0]


def fed(body: ResponseBody, *pieces: bytes) -> tuple[bytes, bytes]:
    """What the client is sent of the pieces, and the body's own bytes among them."""
    outgoing = payload = b""
    for piece in pieces:
        body.feed(piece, 0)
        outgoing += body.outgoing
        payload += body.payload
    return outgoing, payload


def test_a_length_ends_the_body_and_the_rest_is_left() -> None:
    body = ResponseBody(request(), response("Content-Length: 5"))
    assert (body.feed(b"..hel", 2), body.outgoing, body.done) == (5, b"hel", False)
    assert (body.feed(b"lo more", 0), body.outgoing, body.done) == (2, b"lo", True)


CHUNKS = b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"


def test_chunks_pass_unchanged_to_http_1_1_and_decoded_to_http_1_0() -> None:
    chunked = response("Transfer-Encoding: chunked")
    pieces = [bytes((byte,)) for byte in CHUNKS]
    assert fed(ResponseBody(request(), chunked), *pieces) == (CHUNKS, b"hello")
    assert fed(ResponseBody(request(version="1.0"), chunked), *pieces) == (b"hello", b"hello")


def test_without_a_length_http_1_1_gets_chunks() -> None:
    body = ResponseBody(request(), response())
    assert body.ends_by_close and body.chunked and not body.done
    assert fed(body, b"hello", b"", b"you") == (b"5\r\nhello\r\n3\r\nyou\r\n", b"helloyou")
    assert (body.done, body.end_by_close()) == (False, b"0\r\n\r\n")
    old = ResponseBody(request(version="1.0"), response())
    assert (fed(old, b"hello"), old.end_by_close()) == ((b"hello", b"hello"), b"")


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "304 Not Modified"])
def test_a_response_without_a_body_takes_nothing(status: str) -> None:
    method = "HEAD" if status.startswith("200") else "GET"
    body = ResponseBody(request(method), response("Content-Length: 5", status=status))
    assert (body.done, body.chunked, body.feed(b"hello", 0), body.outgoing) == (True, False, 0, b"")


def test_a_malformed_chunk_raises() -> None:
    with pytest.raises(Malformed):
        ResponseBody(request(), response("Transfer-Encoding: chunked")).feed(b"zzz\r\n", 0)


def test_the_rest_of_the_head() -> None:
    usual = rest_of_head(
        1, chunked=False, close=False, set_cookie=None, served_by=b"X-Request-Id: ", request_id=b"r"
    )
    assert usual == b"X-Request-Id: r\r\n\r\n"
    every = rest_of_head(
        0, chunked=True, close=True, set_cookie="a", served_by=b"S: 1\r\nI: ", request_id=b"r"
    )
    assert every == (
        b"Transfer-Encoding: chunked\r\nSet-Cookie: devenv_pod=a; Path=/; HttpOnly; SameSite=Lax\r\n"
        b"Connection: close\r\nS: 1\r\nI: r\r\n\r\n"
    )
    kept = rest_of_head(0, chunked=False, close=False, set_cookie=None, served_by=b"I: ", request_id=b"r")
    assert kept == b"Connection: keep-alive\r\nI: r\r\n\r\n"
