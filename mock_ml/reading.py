"""Reading one handwritten word among the known ones: the nearest template under elastic matching.

The picture's skeleton is straightened (slant removed), described column by column by where and in which
direction lines run, and compared by dynamic time warping (Sakoe and Chiba 1978; for handwritten words Rath
and Manmatha, CVPR 2003) with the same description of every word written in several plain hands.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mock_ml import ink
from mock_ml.templates import template_lines

Features = NDArray[np.float32]
Points = NDArray[np.float32]
"""N x 2: x, y."""

COLUMNS = 96
ROWS = 12
DIRECTIONS = 4
_BAND = 14
"""How many columns a letter may stand from where the template has it."""
_ASPECT_WEIGHT = 0.12
"""Cost of a word twice as long, in relation to its height, as the template."""
UNLIKE = 0.4
"""Cost from which a picture is like no word. Measured: see tests/unit/mock_ml/test_mock_ml_reading.py."""


@dataclass(frozen=True, slots=True)
class Description:
    """A word's shape: unit vectors per column (COLUMNS x ROWS*DIRECTIONS) and width over height."""

    columns: Features
    aspect: float


@dataclass(frozen=True, slots=True)
class Match:
    """A word and its cost: 0 is a perfect match."""

    word: str
    cost: float


class Reader:
    """Reads words of one vocabulary. Templates are made at the first reading; safe to use from threads."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = tuple(words)
        self._templates: tuple[list[str], Features, NDArray[np.float32]] | None = None
        self._lock = threading.Lock()

    def read(self, image: Image.Image) -> str:
        """The known word that the picture shows; "" for a blank one and for what is like no known word."""
        matches = self.rank(image)
        return matches[0].word if matches and matches[0].cost < UNLIKE else ""

    def rank(self, image: Image.Image) -> list[Match]:
        """Every word with the cost of its nearest template, nearest first; empty for a blank picture."""
        description = describe(image)
        if description is None:
            return []
        names, columns, aspects = self._all_templates()
        costs = _warp(description.columns, columns)
        costs = costs + _ASPECT_WEIGHT * np.abs(np.log2(aspects / description.aspect))
        best: dict[str, float] = {}
        for name, cost in zip(names, costs.tolist(), strict=True):
            best[name] = min(cost, best.get(name, np.inf))
        return sorted((Match(name, cost) for name, cost in best.items()), key=lambda match: match.cost)

    def _all_templates(self) -> tuple[list[str], Features, NDArray[np.float32]]:
        with self._lock:
            if self._templates is None:
                names: list[str] = []
                made: list[Description] = []
                for word, line in template_lines(self._words):
                    description = describe_line(line)
                    assert description is not None
                    names.append(word)
                    made.append(description)
                stack = np.ascontiguousarray(np.stack([each.columns for each in made], axis=2))
                self._templates = (names, stack, np.array([each.aspect for each in made], np.float32))
            return self._templates


def describe(image: Image.Image) -> Description | None:
    """The shape of the writing in ``image``, None where it is blank."""
    mask = ink.ink_of(image)
    line = ink.skeleton(mask) if mask is not None else None
    return None if line is None else describe_line(line)


def describe_line(line: ink.Mask) -> Description | None:
    """The shape of the writing whose skeleton is ``line``, None where there is too little of it."""
    if line.sum() < 8:
        return None
    points, directions = _directed(line)
    if len(points) < 8:
        return None
    points = _upright(_level(points))
    width = float(max(points[:, 0].max(), 4.0))
    planes = np.zeros((COLUMNS, ROWS, DIRECTIONS), np.float32)
    scales = np.array([(COLUMNS - 1) / width, (ROWS - 1) / (ink.HEIGHT - 1)], np.float32)
    _splat(planes, points * scales, directions)
    planes = _blur(_blur(planes, 0), 1)
    flat = planes.reshape(COLUMNS, -1)
    # A little of the mean everywhere: gaps between letters compare as gaps, not as noise.
    norms = np.sqrt((flat**2).sum(axis=1, keepdims=True))
    flat = flat / (norms + 0.35 * norms.mean())
    return Description(flat.astype(np.float32), width / ink.HEIGHT)


def _directed(line: ink.Mask) -> tuple[Points, NDArray[np.int64]]:
    """Middles of all neighbouring pairs of pixels (x, y) with their direction: - | \\ /."""
    strokes: list[NDArray[np.float32]] = []
    kinds: list[NDArray[np.int64]] = []
    pairs = (
        (line[:, :-1] & line[:, 1:], 0.5, 0.0),
        (line[:-1] & line[1:], 0.0, 0.5),
        (line[:-1, :-1] & line[1:, 1:], 0.5, 0.5),
        (line[:-1, 1:] & line[1:, :-1], 0.5, 0.5),
    )
    for kind, (both, right, down) in enumerate(pairs):
        ys, xs = np.nonzero(both)
        strokes.append(np.stack([xs + right, ys + down], axis=1).astype(np.float32))
        kinds.append(np.full(len(xs), kind, np.int64))
    return np.concatenate(strokes), np.concatenate(kinds)


def _level(points: Points) -> Points:
    """The line of writing made level: the turn (up to 9 degrees) that gathers most points in few rows."""
    x, y = points[:, 0], points[:, 1]
    shears = np.arange(-0.16, 0.17, 0.02)
    flat = y + shears[_best([y + shear * (x - x.mean()) for shear in shears], shears)] * (x - x.mean())
    flat = flat - flat.min()
    scale = (ink.HEIGHT - 1) / max(float(flat.max()), 1.0)
    return np.stack([x * scale, flat * scale], axis=1).astype(np.float32)


def _upright(points: Points) -> Points:
    """The slant taken out: the shear that gathers most points in few columns. x begins at 0."""
    x, y = points[:, 0], points[:, 1] - ink.HEIGHT / 2
    shears = np.arange(-0.5, 0.55, 0.05)
    straight = x + shears[_best([x + shear * y for shear in shears], shears)] * y
    return np.stack([straight - straight.min(), points[:, 1]], axis=1).astype(np.float32)


def _best(projections: Sequence[NDArray[np.float32]], shears: NDArray[np.float64]) -> int:
    """Which projection has the highest peaks; equal ones go to the smaller shear."""
    scores = [
        float((np.bincount((each - each.min()).astype(np.int64)) ** 2.0).sum()) * (1 - 0.1 * abs(shear))
        for each, shear in zip(projections, shears, strict=True)
    ]
    return int(np.argmax(scores))


def _splat(planes: Features, places: Points, directions: NDArray[np.int64]) -> None:
    """Spread each point, given in bins, over its four nearest bins."""
    x0, y0 = np.floor(places).astype(np.int64).T
    fx, fy = (places - np.floor(places)).T
    for dx, dy, weight in (
        (0, 0, (1 - fx) * (1 - fy)),
        (1, 0, fx * (1 - fy)),
        (0, 1, (1 - fx) * fy),
        (1, 1, fx * fy),
    ):
        np.add.at(
            planes, (np.minimum(x0 + dx, COLUMNS - 1), np.minimum(y0 + dy, ROWS - 1), directions), weight
        )


def _blur(planes: Features, axis: int) -> Features:
    """A 1-4-6-4-1 blur along one axis."""
    width = [(2, 2) if each == axis else (0, 0) for each in range(3)]
    padded = np.pad(planes, width)
    count = planes.shape[axis]
    parts = [np.take(padded, range(start, start + count), axis) for start in range(5)]
    blurred = parts[0] + 4 * parts[1] + 6 * parts[2] + 4 * parts[3] + parts[4]
    return np.asarray(blurred / 16, dtype=np.float32)


def _warp(query: Features, templates: Features) -> NDArray[np.float32]:
    """The cost of the best monotone alignment of ``query`` with each template, per step, within the band.

    ``templates`` is columns x features x templates: the templates lie side by side in memory, for each step
    of the alignment is done for all of them at once. Steps go by anti-diagonals: the cells of one depend on
    the two before only.
    """
    costs = _near(query, templates)
    unreached = np.full((1, templates.shape[2]), np.inf, np.float32)
    # Even anti-diagonals have BAND + 1 cells (i - j = -BAND, -BAND + 2, ...), odd ones BAND cells between.
    even = np.full((_BAND + 1, templates.shape[2]), np.inf, np.float32)
    odd = np.full((_BAND + 2, templates.shape[2]), np.inf, np.float32)  # between two that are never reached
    even[_BAND // 2] = 0  # the beginning, before the first column of both
    for number, (columns, places) in enumerate(_DIAGONALS):
        here = costs[columns, places]
        # A diagonal step covers a column on both sides and so weighs twice (the symmetric form).
        if number % 2 == 0:
            even = np.minimum(np.minimum(odd[:-1], odd[1:]) + here, even + 2 * here)
        else:
            middle = np.minimum(np.minimum(even[:-1], even[1:]) + here, odd[1:-1] + 2 * here)
            odd = np.concatenate([unreached, middle, unreached])
    return np.asarray(even[_BAND // 2] / (2 * COLUMNS), dtype=np.float32)


def _near(query: Features, templates: Features) -> Features:
    """Squared distances within the band, infinite beside the query: of each column j of the templates and
    column i of the query at ``[j, i - j + _BAND]``, for each template.
    """
    padded = np.pad(query, ((_BAND, _BAND), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _BAND + 1, axis=0).transpose(0, 2, 1)
    squares = np.pad((query**2).sum(axis=1), _BAND, constant_values=np.inf)
    beside = np.lib.stride_tricks.sliding_window_view(squares, 2 * _BAND + 1)[:, :, None]
    near = (templates**2).sum(axis=1)[:, None, :] + beside - 2 * np.matmul(windows, templates)
    return np.asarray(np.maximum(near, 0), dtype=np.float32)


def _diagonals() -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """For each anti-diagonal of the alignment the places of its cells in ``_near``, by rising i - j.

    A cell whose template column lies outside has the place ``[0, 0]``: there the query has no column, so it
    is infinite too.
    """
    diagonals = []
    for diagonal in range(2 * COLUMNS - 1):
        apart = np.arange(-_BAND + diagonal % 2, _BAND + 1, 2)
        j = (diagonal - apart) // 2
        outside = (j < 0) | (j >= COLUMNS)
        diagonals.append((np.where(outside, 0, j), np.where(outside, 0, apart + _BAND)))
    return diagonals


_DIAGONALS = _diagonals()
