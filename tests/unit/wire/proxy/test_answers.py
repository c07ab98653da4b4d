from __future__ import annotations

import json

import pytest

from devenv.wire.proxy.answers import error_response


def response(*, close: bool = False, head_only: bool = False, status: int = 502) -> tuple[list[bytes], bytes]:
    whole = error_response(
        status, "pod a: reset", pod="a", reason="reset", request_id=b"r-1", close=close, head_only=head_only
    )
    head, _, body = whole.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


def test_it_names_the_pod_and_the_reason_and_says_that_it_is_the_proxys() -> None:
    lines, body = response()
    assert lines[0] == b"HTTP/1.1 502 Bad Gateway" and b"Server: devenv-proxy" in lines
    assert b"X-Request-Id: r-1" in lines and b"Connection: keep-alive" in lines
    assert not any(line.lower().startswith(b"x-served-by") for line in lines)
    assert json.loads(body) == {"detail": "pod a: reset", "pod": "a", "reason": "reset"}
    assert b"Content-Length: %d" % len(body) in lines


def test_after_head_only_the_length_of_the_body_is_said() -> None:
    lines, body = response(head_only=True)
    assert body == b"" and lines == response()[0]


@pytest.mark.parametrize(("status", "phrase"), [(504, b"Gateway Timeout"), (799, b"Error")])
def test_the_status_line(status: int, phrase: bytes) -> None:
    lines, _ = response(status=status, close=True)
    assert lines[0] == b"HTTP/1.1 %d %b" % (status, phrase) and b"Connection: close" in lines
