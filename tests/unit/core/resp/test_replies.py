"""Replies in a byte stream, judged by hiredis."""

from itertools import pairwise

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.resp.replies import KEPT_BYTES, MAX_DEPTH, ReplyFramer

Read = tuple[list[tuple[str, bytes]], bytes, bytes, str | None]


def read(pieces: list[bytes]) -> Read:
    """(kind, bytes) of each complete reply, the bytes of an unfinished one, those past an error, it."""
    framer = ReplyFramer()
    done: list[tuple[str, bytes]] = []
    bodies: dict[int, bytes] = {}
    raw = b""
    for piece in pieces:
        if framer.whole(piece):
            done.append((chr(piece[0]), piece))
            continue
        expected = 0
        for reply, start, stop in framer.feed(piece):
            assert start == expected and stop > start
            expected = stop
            if reply is None:
                raw += piece[start:stop]
                continue
            bodies[id(reply)] = bodies.get(id(reply), b"") + piece[start:stop]
            if reply.complete:
                body = bodies.pop(id(reply))
                assert reply.size == len(body)
                assert reply.prefix == body[:KEPT_BYTES]
                done.append((reply.kind, body))
        assert expected == len(piece)
    return done, b"".join(bodies.values()), raw, framer.error


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


CASES = [
    b"+OK\r\n",
    b"-ERR no\r\n",
    b":-12\r\n",
    b"$5\r\nhello\r\n",
    b"$0\r\n\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
    b"_\r\n",
    b"#t\r\n",
    b",1.5\r\n",
    b",inf\r\n",
    b"(3492890328409238509324850943850943825024385\r\n",
    b"!5\r\nERR x\r\n",
    b"=7\r\ntxt:abc\r\n",
    b"%1\r\n+k\r\n:1\r\n",
    b"~2\r\n+a\r\n+b\r\n",
    b">2\r\n+message\r\n+b\r\n",
    b"|1\r\n+ttl\r\n:3600\r\n+OK\r\n",
    b"*2\r\n|1\r\n+ttl\r\n:1\r\n:1\r\n:2\r\n",
    b"|0\r\n+OK\r\n",
    b"$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n",
    b"*?\r\n:1\r\n*?\r\n.\r\n.\r\n",
    b"%?\r\n+a\r\n:1\r\n.\r\n",
    b"*1\r\n$?\r\n;0\r\n",
    b"+" + b"long " * 1000 + b"\r\n",
    b"+" + b"r" * 31 + b"\r \r\n",
    b"+\r\r\n",
]


@pytest.mark.parametrize("data", CASES, ids=[case[:12].decode() for case in CASES])
def test_whole_bytewise_and_with_trailing_data(data: bytes) -> None:
    kind = "+" if data.startswith(b"|") else chr(data[0])
    expected: Read = ([(kind, data)], b"", b"", None)
    assert read([data]) == expected
    assert read(bytewise(data)) == expected
    for tail in (b"+", b"$10\r\nab", b"*2\r\n+a\r\n"):
        assert read([data + tail]) == (expected[0], tail, b"", None)
        assert read(bytewise(data + tail)) == (expected[0], tail, b"", None)
    assert read([data + data])[0] == expected[0] * 2


BROKEN = [
    b"hello\r\n",
    b"\r\n",
    b"$x\r\n",
    b"$-2\r\n",
    b"*4294967296\r\n",
    b"*01\r\n",
    b"*" + b"1" * 100,
    b".\r\n",
    b"$?\r\n+x\r\n",
    b"*1\r\n" * (MAX_DEPTH + 1),
]


@pytest.mark.parametrize("data", BROKEN, ids=[case[:12].decode() for case in BROKEN])
def test_bytes_that_are_no_reply_end_the_replies_but_are_not_lost(data: bytes) -> None:
    for pieces in ([b"+OK\r\n" + data + b"+OK\r\n"], bytewise(b"+OK\r\n" + data + b"+OK\r\n")):
        done, unfinished, raw, error = read(pieces)
        assert error is not None
        assert done == [("+", b"+OK\r\n")]
        assert unfinished + raw == data + b"+OK\r\n"


def test_a_large_value_passes_in_pieces_and_is_not_kept() -> None:
    framer = ReplyFramer()
    [(reply, _, _)] = framer.feed(b"$%d\r\n" % (512 * 1024 * 1024))
    assert reply is not None
    piece = bytes(1024 * 1024)
    for _ in range(512):
        framer.feed(piece)
    assert not reply.complete
    framer.feed(b"\r\n")
    assert reply.complete and len(reply.prefix) == KEPT_BYTES


text = st.text("abc é-:$", max_size=10).map(str.encode)
leaves = st.one_of(
    text.map(lambda t: b"+" + t + b"\r\n"),
    text.map(lambda t: b"-ERR " + t + b"\r\n"),
    st.integers(-(2**63), 2**63 - 1).map(lambda i: b":%d\r\n" % i),
    st.binary(max_size=40).map(lambda b: b"$%d\r\n%s\r\n" % (len(b), b)),
    st.binary(max_size=40).map(lambda b: b"=%d\r\ntxt:%s\r\n" % (len(b) + 4, b)),
    st.integers().map(lambda i: b"(%d\r\n" % i),
    st.floats(allow_nan=False).map(lambda f: b",%r\r\n" % f),
    st.sampled_from(
        [b"$-1\r\n", b"*-1\r\n", b"_\r\n", b"#t\r\n", b"#f\r\n", b"*0\r\n", b"%0\r\n", b"~0\r\n"]
    ),
)
keys = st.integers(0, 9).map(lambda i: b":%d\r\n" % i)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: b"*%d\r\n" % len(items) + b"".join(items)),
        st.lists(st.tuples(keys, inner), max_size=3).map(
            lambda pairs: b"%%%d\r\n" % len(pairs) + b"".join(k + v for k, v in pairs)
        ),
    ),
    max_leaves=12,
)


class Ignored(Exception):
    """What hiredis makes of an error reply here: equal whatever it says."""

    def __init__(self, *_: object) -> None:
        super().__init__()


@given(st.lists(values, max_size=5), st.lists(st.integers(0, 400), max_size=8))
def test_the_same_replies_as_hiredis_cut_anywhere(replies: list[bytes], cuts: list[int]) -> None:
    data = b"".join(replies)
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    done, unfinished, raw, error = read(pieces)
    assert [body for _, body in done] == replies
    assert (unfinished, raw, error) == (b"", b"", None)
    reader = hiredis.Reader(replyError=Ignored)
    for _, body in done:
        reader.feed(body)
        reader.gets()
        assert not reader.has_data()  # it ends for hiredis where it ends for us


fragments = st.sampled_from(
    [
        b"+OK\r\n",
        b"$3\r\nabc\r\n",
        b"*2\r\n",
        b":1\r\n",
        b"%1\r\n",
        b"$-1\r\n",
        b"$3\r\n",
        b"\r\n",
        b"*0\r\n",
        b">1\r\n",
        b"_\r\n",
    ]
)


@given(st.lists(st.one_of(fragments, st.binary(max_size=4)), max_size=10))
def test_any_bytes_none_is_lost_and_what_we_call_broken_hiredis_does_too(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    whole, single = read([data]), read(bytewise(data))
    assert whole[0] == single[0] and (whole[3] is None) == (single[3] is None)
    for done, unfinished, raw, _ in (whole, single):
        assert b"".join(body for _, body in done) + unfinished + raw == data
    if whole[3] is not None:
        reader = hiredis.Reader(protocolError=hiredis.ProtocolError, replyError=Ignored)
        reader.feed(data)
        # TypeError: a map whose key hiredis-py cannot express.
        with pytest.raises((hiredis.ProtocolError, TypeError)):
            for _ in range(len(whole[0]) + 1):
                reader.gets()
