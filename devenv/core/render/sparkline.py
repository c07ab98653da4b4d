"""A row of numbers as a line of block characters."""

from __future__ import annotations

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-=+*#@"


def sparkline(values: Sequence[float], *, ascii_only: bool = False) -> str:
    """One character for each value, the lowest block for 0 and the highest for the greatest value.

    Values are not negative. All zero: the lowest block throughout.
    """
    marks = ASCII if ascii_only else BLOCKS
    top = max(values, default=0.0)
    if top <= 0:
        return marks[0] * len(values)
    return "".join(marks[min(int(value / top * len(marks)), len(marks) - 1)] for value in values)
