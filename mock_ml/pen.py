"""A pen on a square transparent sheet of 100 x 100 units, y down: fills, outlines, smooth curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image, ImageDraw

Color = tuple[int, int, int]
Point = tuple[float, float]

UNITS = 100
SCALE = 4
"""Pixels per unit: icons are drawn at 400 x 400 and scaled down, which smooths their edges."""

WHITE: Color = (255, 255, 255)
INK: Color = (45, 40, 50)


class Manner(StrEnum):
    """How shapes are drawn: with shaded edges, with dark outlines, or as pale line art."""

    FLAT = "flat"
    OUTLINED = "outlined"
    SKETCH = "sketch"


@dataclass(frozen=True, slots=True)
class Style:
    """How one icon is drawn."""

    manner: Manner
    width: float = 2.4
    """Of outlines, in units."""


def mix(color: Color, other: Color, share: float) -> Color:
    """``color`` with ``share`` (0..1) of ``other``."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(color, other, strict=True))
    return (r, g, b)


def spline(points: Sequence[Point], *, closed: bool, steps: int = 10) -> list[Point]:
    """A Catmull-Rom curve through ``points`` (Catmull and Rom, 1974), ``steps`` pieces between each two."""
    count = len(points)
    if count < 3:
        return list(points)
    curve: list[Point] = []
    for i in range(count if closed else count - 1):
        if closed:
            p0, p1, p2, p3 = (points[(i + k) % count] for k in (-1, 0, 1, 2))
        else:
            p0, p1, p2, p3 = (points[min(max(i + k, 0), count - 1)] for k in (-1, 0, 1, 2))
        for step in range(steps):
            t = step / steps
            curve.append((_catmull(p0[0], p1[0], p2[0], p3[0], t), _catmull(p0[1], p1[1], p2[1], p3[1], t)))
    if not closed:
        curve.append(points[-1])
    return curve


def _catmull(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3)


class Pen:
    """Draws one icon; ``sheet`` is the RGBA result."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.sheet = Image.new("RGBA", (UNITS * SCALE, UNITS * SCALE), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self.sheet)

    def polygon(self, points: Sequence[Point], fill: Color, *, outline: bool = True) -> None:
        """A filled shape with straight edges and by default the style's outline."""
        self._draw.polygon(_pixels(points), fill=self._fill(fill))
        if outline:
            edge = mix(fill, (0, 0, 0), 0.35) if self.style.manner is Manner.FLAT else INK
            self.line([*points, points[0]], edge, self.style.width)

    def smooth(self, points: Sequence[Point], fill: Color, *, outline: bool = True) -> None:
        """A filled shape whose edge is the closed curve through ``points``."""
        self.polygon(spline(points, closed=True), fill, outline=outline)

    def ellipse(
        self, center: Point, rx: float, ry: float, fill: Color, *, angle: float = 0, outline: bool = True
    ) -> None:
        """An ellipse turned by ``angle`` degrees."""
        self.polygon(arc(center, rx, ry, 0, 360, angle=angle), fill, outline=outline)

    def rect(self, x0: float, y0: float, x1: float, y1: float, fill: Color, *, radius: float = 0) -> None:
        """A rectangle, its corners rounded by ``radius``."""
        if not radius:
            self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill)
            return
        corners = ((x1, y0, 270), (x1, y1, 0), (x0, y1, 90), (x0, y0, 180))
        points: list[Point] = []
        for x, y, start in corners:
            center = (x - radius if x == x1 else x + radius, y - radius if y == y1 else y + radius)
            points += arc(center, radius, radius, start, start + 90, steps=6)
        self.polygon(points, fill)

    def line(self, points: Sequence[Point], color: Color, width: float) -> None:
        """Straight pieces with round joints and ends; ``width`` in units."""
        pixels = _pixels(points)
        thick = max(1, round(width * SCALE))
        self._draw.line(pixels, fill=(*color, 255), width=thick, joint="curve")
        radius = thick / 2
        for x, y in (pixels[0], pixels[-1]):
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*color, 255))

    def curve(self, points: Sequence[Point], color: Color, width: float) -> None:
        """As ``line``, along the open curve through ``points``."""
        self.line(spline(points, closed=False), color, width)

    def thick(self, points: Sequence[Point], color: Color, width: float) -> None:
        """A bar along a curve that has a fill and an outline of its own, as a pole or a stalk has."""
        edge = mix(color, (0, 0, 0), 0.35) if self.style.manner is Manner.FLAT else INK
        self.curve(points, edge, width + 2 * self.style.width * 0.8)
        self.curve(points, self._fill(color)[:3], width)

    def hole(self, center: Point, rx: float, ry: float) -> None:
        """Cuts an ellipse out, so that the background shows."""
        points = arc(center, rx, ry, 0, 360)
        self._draw.polygon(_pixels(points), fill=(0, 0, 0, 0))

    def _fill(self, color: Color) -> tuple[int, int, int, int]:
        if self.style.manner is Manner.SKETCH and color != INK:
            color = mix(color, WHITE, 0.62)
        return (*color, 255)


def arc(
    center: Point, rx: float, ry: float, start: float, end: float, *, angle: float = 0, steps: int = 40
) -> list[Point]:
    """Points of an ellipse from ``start`` to ``end`` degrees (clockwise, 0 is right), turned by ``angle``."""
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    points: list[Point] = []
    for step in range(steps + 1):
        t = math.radians(start + (end - start) * step / steps)
        x, y = rx * math.cos(t), ry * math.sin(t)
        points.append((center[0] + x * cos - y * sin, center[1] + x * sin + y * cos))
    return points


def _pixels(points: Sequence[Point]) -> list[Point]:
    return [(x * SCALE, y * SCALE) for x, y in points]
