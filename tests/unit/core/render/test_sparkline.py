"""Lines of block characters."""

from __future__ import annotations

from devenv.core.render.sparkline import sparkline


def test_the_greatest_value_is_the_highest_block() -> None:
    assert sparkline([0, 1, 2, 4]) == "▁▃▅█"
    assert sparkline([0, 1, 2, 4], ascii_only=True) == "_-+@"


def test_zeros_and_nothing() -> None:
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""
