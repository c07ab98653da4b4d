"""Lines come back sorted and whole, whether they fit into the memory or not."""

from __future__ import annotations

import random
from math import inf

import pytest

from devenv.verbs.recordings.formats.log_values import LogLine
from devenv.verbs.recordings.sorted_lines import SortedLines


@pytest.mark.parametrize("held", [1, 7, 600, 5000])
def test_lines_come_sorted_by_time_then_place(held: int) -> None:
    chance = random.Random(held)
    lines = [
        LogLine(
            chance.choice([1.0, 2.5, inf]),
            n,
            "GET",
            "/한글",
            None,
            200,
            body='{"a": "\x00"}',
            unit_unknown=True,
        )
        for n in range(2000)
    ]
    chance.shuffle(lines)
    ordered = SortedLines(held)
    for line in lines:
        ordered.add(line)
    assert len(ordered) == 2000
    assert list(ordered) == sorted(lines)
    assert list(ordered) == sorted(lines)  # and again
    ordered.close()
    assert list(ordered) == []
