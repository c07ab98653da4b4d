"""Commands in a byte stream: each case whole, byte by byte, and with bytes behind it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.resp.requests import KEPT_BYTES, KEPT_WORDS, MAX_BULK, RequestFramer

Read = tuple[list[tuple[list[bytes], int, bytes]], bytes, bytes, str | None]


def wire(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def read(pieces: list[bytes]) -> Read:
    """(words of each complete command, its bytes), the bytes past an error, the error."""
    framer = RequestFramer()
    done: list[tuple[list[bytes], int, bytes]] = []
    bodies: dict[int, bytes] = {}
    raw = b""
    for piece in pieces:
        if (words := framer.whole(piece)) is not None:
            done.append((words, len(words), piece))
            continue
        expected = 0
        for request, start, stop in framer.feed(piece):
            assert start == expected and stop > start
            expected = stop
            if request is None:
                raw += piece[start:stop]
                continue
            bodies[id(request)] = bodies.get(id(request), b"") + piece[start:stop]
            if request.complete:
                body = bodies.pop(id(request))
                assert request.size == len(body)
                done.append((request.words, request.count, body))
        assert expected == len(piece)
    return joined(done), b"".join(bodies.values()), raw, framer.error


def joined(done: list[tuple[list[bytes], int, bytes]]) -> list[tuple[list[bytes], int, bytes]]:
    """With empty lines on end as one: how many are one request depends on how the bytes are cut."""
    result: list[tuple[list[bytes], int, bytes]] = []
    for words, count, body in done:
        if not body.strip() and result and not result[-1][2].strip():
            body = result.pop()[2] + body
        result.append((words, count, body))
    return result


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


CASES: dict[str, tuple[bytes, list[bytes]]] = {
    "get": (wire(b"GET", b"k"), [b"GET", b"k"]),
    "empty word": (wire(b"SET", b"k", b""), [b"SET", b"k", b""]),
    "crlf in a word": (
        wire(b"SET", b"k", b"\r\n*1\r\n$4\r\nPING\r\n"),
        [b"SET", b"k", b"\r\n*1\r\n$4\r\nPING\r\n"],
    ),
    "inline": (b"SET k 'a b'\r\n", [b"SET", b"k", b"a b"]),
    "inline, bare LF": (b"PING\n", [b"PING"]),
    "inline escapes": (b'SET k "\\x41\\n\\"" \r\n', [b"SET", b"k", b'A\n"']),
    "empty inline": (b"\r\n", []),
    "no words": (b"*0\r\n", []),
    "negative count": (b"*-1\r\n", []),
    "any byte after CR": (b"*1\rX$4\rYPING??", [b"PING"]),
}


@pytest.mark.parametrize("name", CASES)
def test_whole_bytewise_and_with_trailing_data(name: str) -> None:
    data, words = CASES[name]
    expected: Read = ([(words, len(words), data)], b"", b"", None)
    assert read([data]) == expected
    assert read(bytewise(data)) == expected
    for tail in (b"*", b"*3\r\n$3\r\nSE", b"PIN"):
        assert read([data + tail]) == (expected[0], tail, b"", None)
    assert read([data + data])[0] == joined(expected[0] * 2)


def test_empty_lines_on_end_are_one_request_and_those_around_a_command_are_not_of_it() -> None:
    parts = RequestFramer().feed(b"\n\r\n \nPING\n\n\n*0\r\nGET k " + b"a " * 70 + b"\n")
    matches = [(request.words[:2], request.count, start, stop) for request, start, stop in parts if request]
    assert matches == [
        ([], 0, 0, 5),
        ([b"PING"], 1, 5, 10),
        ([], 0, 10, 12),
        ([], 0, 12, 16),
        ([b"GET", b"k"], 72, 16, 163),
    ]


BROKEN: dict[str, tuple[bytes, str | tuple[str, ...]]] = {
    "count": (b"*x\r\n", "invalid multibulk length"),
    "count with a leading zero": (b"*01\r\n", "invalid multibulk length"),
    "count too large": (b"*2147483648\r\n", "invalid multibulk length"),
    "length": (b"*1\r\n$x\r\n", "invalid bulk length"),
    "negative length": (b"*1\r\n$-1\r\n", "invalid bulk length"),
    "length too large": (b"*1\r\n$%d\r\n" % (MAX_BULK + 1), "invalid bulk length"),
    "no dollar": (b"*1\r\n+PING\r\n", "expected '$', got '+'"),
    "empty line for a dollar": (b"*1\r\n\r\n", "expected '$', got ' '"),
    "quotes": (b'GET "k\r\n', "unbalanced quotes in request"),
    "after a quote": (b'GET "k"x\r\n', "unbalanced quotes in request"),
    "NUL inline": (b"GE\0T k\r\n", "NUL in an inline command"),
    "endless inline": (b"x" * 70_000, "too big inline request"),
    "endless count": (b"*" + b"1" * 70_000, ("too big mbulk count string", "invalid multibulk length")),
    "endless length": (b"*1\r\n$" + b"1" * 70_000, ("too big bulk count string", "invalid bulk length")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_protocol_error_ends_the_commands_but_loses_no_byte(name: str) -> None:
    data, error = BROKEN[name]
    before = wire(b"GET", b"k")
    after = wire(b"PING")
    for pieces in ([before + data + after], bytewise(before + data + after)):
        done, unfinished, raw, result = read(pieces)
        assert result == error or result in error
        assert [words for words, _, _ in done] == [[b"GET", b"k"]]
        assert before + unfinished + raw == before + data + after


def test_words_are_kept_bounded() -> None:
    long_word = b"v" * 100_000
    data = wire(b"SET", *[b"w%d" % i for i in range(100)], long_word)
    for pieces in ([data], [data[i : i + 1000] for i in range(0, len(data), 1000)]):
        [(words, count, _)], *_ = read(pieces)
        assert count == 102
        assert words == [b"SET", *[b"w%d" % i for i in range(KEPT_WORDS - 1)]]
    for pieces in ([wire(b"SET", b"k", long_word)], bytewise(wire(b"SET", b"k", long_word))):
        [(words, _, _)], *_ = read(pieces)
        assert words == [b"SET", b"k", b"v" * KEPT_BYTES]


def test_a_value_of_512_mib_passes_in_pieces_and_is_not_kept() -> None:
    framer = RequestFramer()
    head = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % MAX_BULK
    [(request, _, _)] = framer.feed(head)
    assert request is not None
    piece = bytes(1024 * 1024)
    for _ in range(512):
        assert framer.feed(piece) == [(request, 0, len(piece))]
        assert not request.complete
    framer.feed(b"\r\n")
    assert request.complete
    assert request.size == len(head) + MAX_BULK + 2
    assert sum(len(word) for word in request.words) == 3 + 1 + KEPT_BYTES


def test_the_words_before_a_large_value_are_known_before_it_is_complete() -> None:
    framer = RequestFramer()
    [(request, _, _)] = framer.feed(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\nabc")
    assert request is not None and not request.complete
    assert request.words == [b"SET", b"k"]


def test_a_command_that_lacks_only_its_last_end_of_line_is_not_whole() -> None:
    data = wire(b"SET", b"k", b"")
    for cut in range(1, len(data)):
        assert read([data[:cut], data[cut:]]) == ([([b"SET", b"k", b""], 3, data)], b"", b"", None)


commands = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=6), max_size=6)


@given(commands, st.lists(st.integers(0, 400), max_size=8))
def test_any_commands_cut_anywhere(batch: list[list[bytes]], cuts: list[int]) -> None:
    data = b"".join(wire(*words) for words in batch)
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    done, unfinished, raw, error = read(pieces)
    assert [words for words, _, _ in done] == batch
    assert (unfinished, raw, error) == (b"", b"", None)


@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.sampled_from([b"*2\r\n", b"$3\r\n", b"GET", b"\r\n", b'"'])),
        max_size=12,
    )
)
def test_any_bytes_are_read_the_same_whole_and_bytewise_and_none_is_lost(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    whole, single = read([data]), read(bytewise(data))
    assert whole[0] == single[0] and (whole[3] is None) == (single[3] is None)
    for done, unfinished, raw, _ in (whole, single):
        assert b"".join(body for _, _, body in done) + unfinished + raw == data
