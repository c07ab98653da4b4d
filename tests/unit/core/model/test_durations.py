from __future__ import annotations

import pytest

from devenv.core.model.durations import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30.0), ("5m", 300.0), ("1.5h", 5400.0), (" 2s ", 2.0), ("0s", 0.0), ("0.25m", 15.0)],
)
def test_a_span_is_in_seconds(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 s", "5d", "5s5m", ".5s", "5.s", "1e3s", "5S"])
def test_anything_else_is_none(text: str) -> None:
    assert seconds_of(text) is None
