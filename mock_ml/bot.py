"""A verdict on behaviour data: how far pointer movements are from a person's, as one reconstruction error."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

THRESHOLD = 0.35
"""Errors above it are called a bot."""

_SANE = 1e9
"""Coordinates and times beyond it (and NaN) are noise and left out."""

_MOVES = ("mouseMovements", "mouse_movements", "mouseMoves", "mousemove", "moves", "pointer", "touches")
_CLICKS = ("mouseClicks", "mouse_clicks", "clicks", "taps")


def judge(behaviour: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of ``/predict-bot``: ``confidence_score`` 0..100 (100: surely a person), ``is_bot``,
    ``mse``, ``threshold``, ``features``. A function of ``behaviour`` alone.

    Few or no movements, dead straight paths and unvarying speeds raise the error. Movements are looked for
    under the usual names (mouseMovements, moves, …), also one level deeper; a movement is
    ``{x, y, timestamp}`` or ``[x, y, timestamp]``, time in ms.
    """
    points = list(_points(_find(behaviour, _MOVES)))
    features = _features(points)
    features["clicks"] = float(len(_find(behaviour, _CLICKS)))
    few = max(0.0, 1 - features["moves"] / 10)
    straight = 1.0 if features["moves"] < 3 else max(0.0, (features["straightness"] - 0.9) / 0.1)
    steady = 1.0 if features["moves"] < 3 else max(0.0, 1 - features["speed_variation"] / 0.2)
    mse = round((few**2 + straight**2 + steady**2) / 3, 6)
    is_bot = mse > THRESHOLD
    return {
        "confidence_score": round(100 * math.exp(-1.5 * mse), 2),
        "is_bot": is_bot,
        "mse": mse,
        "threshold": THRESHOLD,
        "features": features,
    }


def _find(data: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    for level in (data, *(value for value in data.values() if isinstance(value, Mapping))):
        for name in names:
            item = level.get(name)
            if isinstance(item, list):
                return item
    return []


def _points(moves: Iterable[Any]) -> Iterable[tuple[float, float, float]]:
    for number, move in enumerate(moves):
        if isinstance(move, Mapping):
            values = [move.get("x"), move.get("y"), move.get("timestamp", move.get("t", number * 16))]
        elif isinstance(move, Sequence) and not isinstance(move, str) and len(move) >= 2:
            values = [move[0], move[1], move[2] if len(move) > 2 else number * 16]
        else:
            continue
        numbers = [float(v) for v in values if isinstance(v, int | float) and abs(v) < _SANE]
        if len(numbers) == 3:
            yield (numbers[0], numbers[1], numbers[2])


def _features(points: Sequence[tuple[float, float, float]]) -> dict[str, float]:
    steps = [(math.hypot(b[0] - a[0], b[1] - a[1]), b[2] - a[2]) for a, b in pairwise(points)]
    path = sum(length for length, _ in steps)
    chord = math.hypot(points[-1][0] - points[0][0], points[-1][1] - points[0][1]) if points else 0.0
    speeds = [length / time for length, time in steps if time > 0]
    mean = sum(speeds) / len(speeds) if speeds else 0.0
    spread = math.sqrt(sum((speed - mean) ** 2 for speed in speeds) / len(speeds)) if speeds else 0.0
    return {
        "moves": float(len(points)),
        "path_length": round(path, 3),
        "straightness": round(chord / path, 6) if path else 1.0,
        "mean_speed": round(mean, 6),
        "speed_variation": round(spread / mean, 6) if mean else 0.0,
    }
