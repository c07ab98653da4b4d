"""Replies taken one by one from bytes in pieces, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.resp.values import OK, Failure, NoArray, Reply, Status, encode_reply
from devenv.core.resp.whole_reply import NotResp, ReplyReader

LIMIT = 1000


def replies() -> st.SearchStrategy[Reply]:
    text = st.text("abc XYZ", max_size=9)
    leaves: st.SearchStrategy[Reply] = (
        st.none() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=9) | st.just(NoArray())
    )
    leaves |= text.map(Status) | text.map(Failure)
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)


@given(st.lists(replies(), max_size=5), st.lists(st.integers(0, 400), max_size=8))
def test_what_was_written_is_read_from_any_pieces(sent: list[Reply], cuts: list[int]) -> None:
    data = b"".join(map(encode_reply, sent))
    ends = sorted({*(cut for cut in cuts if cut < len(data)), len(data)})
    reader, read, begin = ReplyReader(LIMIT), [], 0
    for end in ends:
        reader.feed(data[begin:end])
        begin = end
        while (reply := reader.take()) is not None:
            read.append(reply[0])
    assert read == sent
    assert not reader.midway


def test_a_reply_that_has_not_ended() -> None:
    reader = ReplyReader(LIMIT)
    assert (reader.take(), reader.midway) == (None, False)
    for piece in (b"$", b"5\r", b"\nab", b"cde\r"):
        reader.feed(piece)
        assert (reader.take(), reader.midway) == (None, True)
    reader.feed(b"\n+OK\r\n:")
    assert (reader.take(), reader.take()) == ((b"abcde",), (OK,))
    assert (reader.take(), reader.midway) == (None, True)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400",  # refused at its first byte, although no line has ended
        b"\x15\x03\x01",
        b"$993\r\n",  # the length alone says that it is longer than what is read
        b"$x\r\n",
        b"+" + b"a" * LIMIT,
        b"*1\r\n" * 300,
        b"*1\r\n:x\r\n",
        b">1\r\n+push\r\n",  # RESP3
        b"%1\r\n+a\r\n+b\r\n",
    ],
)
def test_what_is_refused(data: bytes) -> None:
    reader = ReplyReader(LIMIT)
    reader.feed(data)
    with pytest.raises(NotResp) as refused:
        reader.take()
    assert str(refused.value) == repr(data[:40])


def test_the_longest_reply_that_is_read() -> None:
    reader = ReplyReader(LIMIT)
    text = b"a" * (LIMIT - len(b"$990\r\n") - 2)
    reader.feed(encode_reply(text))
    assert reader.take() == (text,)
