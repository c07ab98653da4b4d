"""Inline commands, split as the server splits them (sds.c, sdssplitargs)."""

from __future__ import annotations

import pytest

from devenv.core.resp.words import split_inline


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", []),
        (b" \t ", []),
        (b"PING", [b"PING"]),
        (b"  SET  a\tb ", [b"SET", b"a", b"b"]),
        (b'SET a "b c"', [b"SET", b"a", b"b c"]),
        (b'SET a ""', [b"SET", b"a", b""]),
        (b'"\\x41\\x4g\\n\\t\\r\\b\\a\\q"', [b"Ax4g\n\t\r\x08\x07q"]),
        (b"'a\\'b\\n'", [b"a'b\\n"]),
        (b'a"b c"', [b"ab c"]),
        (b'"a"b', None),
        (b'"a', None),
        (b"'a\\'", None),
        (b'"a\\', None),
    ],
)
def test_an_inline_command(line: bytes, words: list[bytes] | None) -> None:
    assert split_inline(line) == words
