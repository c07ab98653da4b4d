"""Percent-encoded text is read as the standard library reads it."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote

from hypothesis import given
from hypothesis import strategies as st

from devenv.core.model.percent import decoded, form_pairs

PIECES = st.lists(
    st.sampled_from(
        ["%41", "%ea%b0%80", "%ff", "%ea", "%4", "%", "a", "가", "%zz", "%2B", "+", "&", "=", "%3D"]
    )
)


@given(PIECES)
def test_octets_are_read_as_the_library_reads_them(pieces: list[str]) -> None:
    assert decoded("".join(pieces)) == unquote("".join(pieces))


@given(PIECES)
def test_pairs_are_read_as_the_library_reads_them(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert list(form_pairs(text)) == parse_qsl(text, keep_blank_values=True)
