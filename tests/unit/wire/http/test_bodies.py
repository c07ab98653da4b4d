from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.wire.http.bodies import (
    MAX_LINE,
    MAX_TRAILERS,
    Body,
    ChunkedBody,
    CloseBody,
    LengthBody,
    Malformed,
)

TRAILING = b"GET / HTTP/1.1\r\n\r\n"


def chunked(chunks: list[bytes], *, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    parts = [b"%X%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks if chunk]
    return b"".join(parts) + b"0\r\n" + trailers + b"\r\n"


def consumed(body: Body, pieces: list[bytes]) -> int:
    """How many bytes of the pieces belong to the body."""
    total = 0
    for piece in pieces:
        position = 0
        while position < len(piece) and not body.done:
            position = body.feed(piece, position)
        total += position
    return total


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


WELL_FORMED = [
    chunked([]),
    chunked([b"a"]),
    chunked([b"hello", b"\r\n0\r\n\r\n", b"x" * 300]),
    chunked([b"hello"], extension=b';name="value"'),
    chunked([b"hello"], extension=b" ;a"),
    chunked([b"hello"], trailers=b"X-Sum: 1\r\nX-Other:\r\n"),
    b"00005\r\nhello\r\n000\r\n\r\n",
]


@pytest.mark.parametrize("data", WELL_FORMED)
@pytest.mark.parametrize("trailing", [b"", TRAILING])
def test_a_chunked_body_ends_where_it_ends_whole_and_byte_by_byte(data: bytes, trailing: bytes) -> None:
    whole = ChunkedBody()
    assert whole.feed(b"##" + data + trailing, 2) == 2 + len(data)
    assert whole.done
    bytewise = ChunkedBody()
    assert consumed(bytewise, [bytes((b,)) for b in data + trailing]) == len(data)
    assert bytewise.done


@given(st.lists(st.binary(max_size=50)), st.lists(st.integers(0, 10_000)), st.binary(max_size=20))
def test_any_chunks_in_any_pieces(chunks: list[bytes], cuts: list[int], trailing: bytes) -> None:
    data = chunked(chunks)
    body = ChunkedBody()
    assert consumed(body, split(data + trailing, cuts)) == len(data)
    assert body.done and body.take_payload() == b"".join(chunks) and body.take_payload() == b""


@pytest.mark.parametrize(
    "data",
    [
        b"g\r\n",
        b"\r\n",
        b"-1\r\n",
        b"+1\r\na\r\n",
        b"0x1\r\na\r\n",
        b" 1\r\na\r\n",
        b"1\na\r\n",
        b"1\r\na\n",
        b"1\r\nab\r\n",
        b"1\r\na0\r\n\r\n\n",
        b"ffffffffffffffff\r\n",
        b"1;\x00\r\na\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\n folded: 1\r\n\r\n",
        b"1" * (MAX_LINE + 1),
        b"0\r\n" + b"X-Long: " + b"y" * MAX_LINE + b"\r\n\r\n",
        b"0\r\n" + b"X: 0123456789abcdef\r\n" * (MAX_TRAILERS // 20) + b"\r\n",
    ],
)
def test_a_malformed_chunked_body_is_refused_whole_and_byte_by_byte(data: bytes) -> None:
    with pytest.raises(Malformed):
        consumed(ChunkedBody(), [data])
    with pytest.raises(Malformed):
        consumed(ChunkedBody(), [bytes((b,)) for b in data])


@given(st.binary(max_size=200))
def test_random_bytes_never_break_the_chunk_parser(data: bytes) -> None:
    body = ChunkedBody()
    try:
        end = body.feed(data)
    except Malformed:
        return
    assert body.done or end == len(data)


@given(st.integers(1, 100), st.binary(max_size=200), st.lists(st.integers(0, 1000)))
def test_a_length_body_takes_its_length(length: int, data: bytes, cuts: list[int]) -> None:
    body = LengthBody(length)
    assert consumed(body, split(data, cuts)) == min(length, len(data))
    assert body.done == (len(data) >= length)


def test_a_close_body_takes_everything() -> None:
    body = CloseBody()
    assert body.feed(b"abc") == 3 and not body.done
