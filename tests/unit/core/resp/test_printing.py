import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.resp.printing import printable


@pytest.mark.parametrize(
    ("wire", "shown"),
    [
        (b"+OK\r\n", "OK"),
        (b"-MOVED 1 a:1\r\n", "-MOVED 1 a:1"),
        (b":-2\r\n", "-2"),
        (b"$-1\r\n", "(nil)"),
        (b"_\r\n", "(nil)"),
        (b"*-1\r\n", "(nil)"),
        (b"$0\r\n\r\n", ""),
        ("$6\r\n사과\r\n".encode(), "사과"),
        (b"$2\r\n\xff\n\r\n", "\\xff\\n"),
        (b"*3\r\n:1\r\n$-1\r\n*1\r\n+a\r\n", "[1, (nil), [a]]"),
        (b"%1\r\n+k\r\n:1\r\n", "{k: 1}"),
        (b"~1\r\n#t\r\n", "[true]"),
        (b"!5\r\nERR x\r\n", "-ERR x"),
        (b"=7\r\ntxt:abc\r\n", "abc"),
        (b"|1\r\n+ttl\r\n:3600\r\n+OK\r\n", "OK"),
        (b"*1\r\n|1\r\n+ttl\r\n:3600\r\n+OK\r\n", "[OK]"),
        (b"$?\r\n;2\r\nab\r\n;1\r\nc\r\n;0\r\n", "abc"),
        (b"*?\r\n:1\r\n.\r\n", "[1]"),
        # cut
        (b"$100\r\nabc", "abc…"),
        (b"*3\r\n:1\r\n", "[1, …]"),
        (b"+OK and mo", "OK and mo…"),
        (b"", "…"),
    ],
)
def test_shown(wire: bytes, shown: str) -> None:
    assert printable(wire) == shown


@given(
    st.lists(
        st.one_of(
            st.sampled_from([b"*2\r\n", b"$?\r\n", b";1\r\n", b"|1\r\n", b":1\r\n", b".\r\n"]),
            st.binary(max_size=6),
        )
    ).map(b"".join)
)
def test_anything_is_shown_on_one_line(wire: bytes) -> None:
    shown = printable(wire[:1024])
    assert "\n" not in shown and "\r" not in shown
