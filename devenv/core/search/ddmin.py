"""Delta debugging: the smallest part of a sequence that still fails.

A. Zeller, R. Hildebrandt, Simplifying and isolating failure-inducing input, IEEE Transactions on Software
Engineering 28(2), 2002: the algorithm ddmin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def ddmin(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """A part of ``items``, in their order, for which ``fails`` holds, and for no part with one item less.

    ``fails`` must hold for all of them. It is asked at most once about the same part; about O(n²) times at
    worst, O(log n) where one item is to blame.
    """
    asked: dict[tuple[int, ...], bool] = {}

    def failing(part: Sequence[int]) -> bool:
        key = tuple(part)
        if key not in asked:
            asked[key] = fails([items[index] for index in key])
        return asked[key]

    present, pieces = list(range(len(items))), 2
    while len(present) >= 2:
        size = max(1, -(-len(present) // pieces))
        starts = range(0, len(present), size)
        smaller: list[int] | None = None
        for start in starts:
            if pieces > 1 and len(starts) > 1 and failing(piece := present[start : start + size]):
                smaller, pieces = piece, 2
                break
        if smaller is None:
            for start in starts:
                rest = present[:start] + present[start + size :]
                if rest and failing(rest):
                    smaller, pieces = rest, max(pieces - 1, 2)
                    break
        if smaller is not None:
            present = smaller
        elif size == 1:
            break
        else:
            pieces = min(pieces * 2, len(present))
    return [items[item] for item in present]
