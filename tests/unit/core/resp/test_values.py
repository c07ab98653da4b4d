"""Values of RESP: written and read back, beginnings of values, redirections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.resp.values import (
    MAX_DEPTH,
    Failure,
    NoArray,
    Redirection,
    Reply,
    Status,
    decode_reply,
    encode_command,
    encode_reply,
    parse_value,
    redirection,
)

_LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)
_PLAIN: st.SearchStrategy[Reply] = st.recursive(
    st.one_of(
        st.none(),
        st.builds(NoArray),
        st.builds(Status, _LINE),
        st.builds(Failure, _LINE),
        st.integers(-(2**63), 2**63 - 1),
        st.binary(max_size=30),
    ),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=12,
)


@given(_PLAIN)
def test_what_is_written_is_read(reply: Reply) -> None:
    assert decode_reply(encode_reply(reply)) == reply


@given(_PLAIN, st.data())
def test_a_beginning_is_never_whole(reply: Reply, data: st.DataObject) -> None:
    wire = encode_reply(reply)
    value, end = parse_value(wire)
    assert (value.whole, value.wire(), end) == (True, wire, len(wire))
    size = data.draw(st.integers(0, len(wire) - 1))
    beginning, end = parse_value(wire[:size])
    assert not beginning.whole
    assert end <= size
    with pytest.raises(ValueError, match="not a whole reply"):
        decode_reply(wire[:size])


@pytest.mark.parametrize(
    "wire",
    [
        b"hello\r\n",
        b"\r\n",
        b"$01\r\na\r\n",
        b"*x\r\n",
        b":1\r\n:2\r\n",
        b"*?\r\n:1\r\n.\r\n",
        b"*1\r\n" * (MAX_DEPTH + 1) + b":1\r\n",
    ],
)
def test_what_is_no_whole_reply_is_refused(wire: bytes) -> None:
    with pytest.raises(ValueError, match="not a whole reply"):
        decode_reply(wire)


def test_types_of_resp3_are_no_plain_reply() -> None:
    assert parse_value(b"%1\r\n+a\r\n#t\r\n")[0].whole
    with pytest.raises(ValueError, match="not a reply of RESP2"):
        decode_reply(b"%1\r\n+a\r\n#t\r\n")


def test_a_huge_count_costs_nothing() -> None:
    value, end = parse_value(b"*4294967295\r\n:1\r\n")
    assert (len(value.items or ()), value.cut, end) == (1, True, 17)


def test_a_command_is_an_array_of_bulks() -> None:
    assert encode_command((b"SET", b"", b"\r\n")) == b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$2\r\n\r\n\r\n"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("MOVED 866 10.0.0.7:7001", Redirection("MOVED", 866, "10.0.0.7", 7001)),
        ("ASK 866 node.example:7001", Redirection("ASK", 866, "node.example", 7001)),
        ("MOVED 1 ::1:7001", Redirection("MOVED", 1, "::1", 7001)),
        ("MOVED 1 :7001", Redirection("MOVED", 1, "", 7001)),  # the host that was asked
        ("MOVED 1 ?:7001", Redirection("MOVED", 1, "", 7001)),
        ("MOVED", None),
        ("MOVED 866 10.0.0.7", None),
        ("ERR MOVED 866 10.0.0.7:7001", None),
        ("MOVEDX 866 10.0.0.7:7001", None),
    ],
)
def test_a_redirection(error: str, expected: Redirection | None) -> None:
    assert redirection(error) == expected
