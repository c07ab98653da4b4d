"""Judging answers: pure functions of the answer and the truth."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Score:
    """How a selection compares with the positives."""

    tp: int
    fp: int
    fn: int
    f1: float
    """For information: only a selection that equals the positives passes."""


def positives(flags: Sequence[Any]) -> frozenset[int]:
    """The 0-based indexes of the true flags."""
    return frozenset(index for index, flag in enumerate(flags) if flag)


def score(truth: frozenset[int], selected: frozenset[int]) -> Score:
    """True and false positives, false negatives, and F1 (of precision and recall, to 4 decimals)."""
    tp = len(truth & selected)
    fp = len(selected - truth)
    fn = len(truth - selected)
    f1 = 2 * tp / (2 * tp + fp + fn) if tp else 0.0
    return Score(tp, fp, fn, round(f1, 4))


def normalise(text: str) -> str:
    """``text`` in lower case without anything but ASCII letters and digits, as claim.lua does it too."""
    return _NOT_ALPHANUMERIC.sub("", text).lower()


def cells_of_label(width: int, height: int, boxes: Iterable[Mapping[str, Any]], label: str) -> frozenset[int]:
    """The cells (1..9, row by row) that a box of ``label`` overlaps by at least one pixel.

    Coordinates are pixels, cut to whole ones and to the picture. Columns are floor(w/3), floor(w/3) and the
    rest, rows likewise.
    """
    xs = (0, width // 3, 2 * (width // 3), width)
    ys = (0, height // 3, 2 * (height // 3), height)
    cells: list[int] = []
    for box in boxes:
        if str(box.get("class_name", "")).strip() != label:
            continue
        x1, x2 = (_clamp(box.get(name, 0), width) for name in ("x1", "x2"))
        y1, y2 = (_clamp(box.get(name, 0), height) for name in ("y1", "y2"))
        if x2 <= x1 or y2 <= y1:
            continue
        for row in range(3):
            for column in range(3):
                wide = min(x2, xs[column + 1]) > max(x1, xs[column])
                if wide and min(y2, ys[row + 1]) > max(y1, ys[row]):
                    cells.append(row * 3 + column + 1)
    return frozenset(cells)


def _clamp(value: Any, limit: int) -> int:
    return max(0, min(limit, int(value)))
