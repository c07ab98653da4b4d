"""Lengths and integers of RESP, at the edges of 64 bits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.resp.numbers import INT64_MAX, parse_length


@given(st.integers(-INT64_MAX - 1, INT64_MAX))
def test_every_number_of_64_bits_is_read(number: int) -> None:
    assert parse_length(str(number).encode()) == number


@pytest.mark.parametrize(
    "text", [b"", b"-", b"+1", b" 1", b"1 ", b"01", b"-0", b"-01", b"1.0", b"0x1", b"1_0", "١".encode()]
)
def test_what_redis_does_not_read_is_none(text: bytes) -> None:
    assert parse_length(text) is None


@pytest.mark.parametrize("number", [INT64_MAX + 1, -INT64_MAX - 2, 10**30])
def test_more_than_64_bits_is_none(number: int) -> None:
    assert parse_length(str(number).encode()) is None
