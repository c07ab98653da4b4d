"""A stroke alphabet, small letters and capitals, and words written with it in many hands.

A letter is (advance, strokes); a stroke is the points a pen passes through. Units: the baseline is 0, a
small letter without ascender reaches 6, ascenders and capitals 10, descenders -4; y grows upwards.
The letter forms are this project's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from mock_ml.pen import Point, spline

Glyph = tuple[float, tuple[tuple[Point, ...], ...]]

_LOWER: dict[str, Glyph] = {
    "a": (5.4, (((4.5, 5), (3, 6), (1, 5), (0.3, 3), (1, 0.8), (2.6, 0), (4.1, 1.5), (4.5, 4)),
                ((4.6, 6), (4.5, 2), (4.8, 0.4), (5.4, 0)))),
    "b": (5.2, (((0.5, 10), (0.5, 5), (0.5, 0)), ((0.5, 4), (2, 5.8), (4, 5.4), (4.8, 3), (4, 0.6), (2, 0), (0.5, 1.2)))),
    "c": (4.8, (((4.4, 5), (3, 6), (1.2, 5.2), (0.3, 3), (1.2, 0.7), (3, 0), (4.5, 1)),)),
    "d": (5.4, (((4.5, 4.4), (3, 6), (1, 5), (0.3, 2.8), (1.2, 0.5), (3, 0), (4.5, 1.6)),
                ((4.6, 10), (4.6, 5), (4.6, 0.6), (5.2, 0)))),
    "e": (4.9, (((0.5, 3), (2.5, 3.1), (4.5, 3.4), (4, 5.4), (2.5, 6), (0.9, 5), (0.3, 2.8), (1.2, 0.6), (3, 0), (4.6, 1)),)),
    "f": (4.2, (((4, 9), (3, 10), (1.9, 9), (1.6, 6), (1.6, 0)), ((0, 6), (3.4, 6.1)))),
    "g": (5.2, (((4.5, 5), (3, 6), (1, 5), (0.3, 3), (1.2, 0.8), (3, 0.3), (4.5, 2)),
                ((4.6, 5.9), (4.6, 1), (4.5, -2.4), (3, -4), (0.8, -3)))),
    "h": (5.2, (((0.5, 10), (0.5, 5), (0.5, 0)), ((0.5, 3.6), (2, 5.7), (3.8, 5.5), (4.4, 3.5), (4.5, 0)))),
    "i": (2.0, (((0.8, 6), (0.8, 2), (1, 0)), ((0.8, 8.2), (0.9, 8.5)))),
    "j": (2.4, (((1.6, 6), (1.6, -2), (0.8, -3.8), (-0.6, -3.4)), ((1.6, 8.2), (1.7, 8.5)))),
    "k": (4.8, (((0.5, 10), (0.5, 0)), ((4, 5.8), (0.7, 2.6)), ((1.6, 3.4), (4.3, 0)))),
    "l": (2.2, (((0.8, 10), (0.8, 4), (1, 0.6), (1.8, 0)),)),
    "m": (7.0, (((0.4, 6), (0.4, 0)), ((0.4, 3.8), (1.6, 5.8), (2.9, 5.2), (3.2, 3), (3.2, 0)),
                ((3.2, 3.8), (4.5, 5.8), (5.8, 5.2), (6.1, 3), (6.2, 0)))),
    "n": (5.0, (((0.4, 6), (0.4, 0)), ((0.4, 3.8), (1.9, 5.8), (3.6, 5.4), (4.2, 3.4), (4.3, 0)))),
    "o": (5.4, (((2.6, 6), (0.9, 5), (0.3, 3), (1, 0.8), (2.6, 0), (4.2, 0.9), (4.8, 3), (4.1, 5.1), (2.5, 6)),)),
    "p": (5.2, (((0.5, 6), (0.5, 0), (0.5, -4)), ((0.5, 4.2), (2, 5.9), (4, 5.4), (4.7, 3), (4, 0.7), (2.2, 0), (0.6, 1.2)))),
    "q": (5.4, (((4.5, 5), (3, 6), (1, 5), (0.3, 3), (1.2, 0.5), (3, 0.2), (4.5, 2)), ((4.6, 6), (4.6, -4), (5.4, -3)))),
    "r": (4.0, (((0.5, 6), (0.5, 0)), ((0.5, 3.6), (1.6, 5.4), (3, 6), (3.8, 5.6)))),
    "s": (4.4, (((3.9, 5.1), (2.4, 6), (0.8, 5.2), (0.8, 4), (2.3, 3.1), (3.8, 2.2), (3.9, 0.9), (2.2, 0), (0.4, 0.8)),)),
    "t": (4.2, (((1.7, 9), (1.7, 4), (1.9, 0.9), (3, 0), (3.9, 0.6)), ((0, 6), (3.6, 6.1)))),
    "u": (5.2, (((0.4, 6), (0.5, 2.2), (1.3, 0.3), (2.8, 0.1), (4.2, 1.8)), ((4.3, 6), (4.3, 1.6), (4.6, 0.2), (5.1, 0)))),
    "v": (4.6, (((0.2, 6), (2.2, 0)), ((2.2, 0), (4.2, 6)))),
    "w": (6.6, (((0.2, 6), (1.7, 0)), ((1.7, 0), (3.2, 4.6)), ((3.2, 4.6), (4.7, 0)), ((4.7, 0), (6.2, 6)))),
    "x": (4.6, (((0.2, 6), (4.2, 0)), ((4.2, 6), (0.2, 0)))),
    "y": (4.8, (((0.3, 6), (2.3, 1.2)), ((4.4, 6), (2.4, 1), (1.2, -2.6), (0, -3.8)))),
    "z": (4.6, (((0.3, 6), (4, 6)), ((4, 6), (0.2, 0)), ((0.2, 0), (4.2, 0)))),
}  # fmt: skip

_UPPER: dict[str, Glyph] = {
    "A": (6.8, (((0.2, 0), (3.1, 10)), ((3.1, 10), (6, 0)), ((1.3, 3.6), (5, 3.6)))),
    "B": (6.2, (((0.5, 10), (0.5, 0)), ((0.5, 10), (3.6, 9.8), (4.6, 7.6), (3.4, 5.6), (0.6, 5.3)),
                ((0.6, 5.3), (4, 5), (5.4, 2.8), (4, 0.3), (0.5, 0)))),
    "C": (6.4, (((5.6, 8.4), (3.8, 10), (1.4, 8.6), (0.3, 5), (1.4, 1.3), (3.8, 0), (5.7, 1.5)),)),
    "D": (6.6, (((0.5, 10), (0.5, 0)), ((0.5, 10), (3.6, 9.4), (5.8, 5), (3.6, 0.6), (0.5, 0)))),
    "E": (5.6, (((0.5, 10), (0.5, 0)), ((0.5, 10), (4.8, 10)), ((0.5, 5.2), (4.2, 5.2)), ((0.5, 0), (5, 0)))),
    "F": (5.4, (((0.5, 10), (0.5, 0)), ((0.5, 10), (4.8, 10)), ((0.5, 5.2), (4.2, 5.2)))),
    "G": (7.0, (((5.6, 8.4), (3.8, 10), (1.4, 8.6), (0.3, 5), (1.4, 1.3), (3.8, 0), (5.8, 1.6), (6, 4.4)),
                ((3.8, 4.4), (6.2, 4.4)))),
    "H": (6.8, (((0.5, 10), (0.5, 0)), ((5.9, 10), (5.9, 0)), ((0.5, 5.2), (5.9, 5.2)))),
    "I": (2.0, (((1, 10), (1, 0)),)),
    "J": (5.0, (((4, 10), (4, 2.4), (2.6, 0.1), (0.8, 0.8), (0.3, 2.4)),)),
    "K": (6.2, (((0.5, 10), (0.5, 0)), ((5.2, 10), (0.6, 4.4)), ((2, 6), (5.6, 0)))),
    "L": (5.4, (((0.5, 10), (0.5, 0)), ((0.5, 0), (4.8, 0)))),
    "M": (8.0, (((0.4, 0), (0.9, 10)), ((0.9, 10), (3.8, 2.6)), ((3.8, 2.6), (6.7, 10)), ((6.7, 10), (7.2, 0)))),
    "N": (6.8, (((0.5, 0), (0.5, 10)), ((0.5, 10), (5.9, 0)), ((5.9, 0), (5.9, 10)))),
    "O": (7.2, (((3.4, 10), (1.2, 8.6), (0.3, 5), (1.2, 1.4), (3.4, 0), (5.6, 1.4), (6.5, 5), (5.6, 8.6), (3.3, 10)),)),
    "P": (5.8, (((0.5, 10), (0.5, 0)), ((0.5, 10), (4, 9.6), (5.2, 7.2), (4, 4.9), (0.6, 4.6)))),
    "Q": (7.4, (((3.4, 10), (1.2, 8.6), (0.3, 5), (1.2, 1.4), (3.4, 0), (5.6, 1.4), (6.5, 5), (5.6, 8.6), (3.3, 10)),
                ((4.2, 2.4), (6.8, -0.6)))),
    "R": (6.2, (((0.5, 10), (0.5, 0)), ((0.5, 10), (4, 9.6), (5, 7.4), (3.8, 5.2), (0.6, 4.9)), ((2.6, 4.9), (5.6, 0)))),
    "S": (6.0, (((5, 8.6), (3, 10), (0.9, 8.8), (0.9, 6.6), (3, 5.2), (5.1, 3.8), (5.1, 1.4), (2.8, 0), (0.5, 1.4)),)),
    "T": (6.0, (((0.1, 10), (5.7, 10)), ((2.9, 10), (2.9, 0)))),
    "U": (6.8, (((0.5, 10), (0.5, 3), (1.6, 0.4), (3.2, 0), (4.8, 0.4), (5.9, 3), (5.9, 10)),)),
    "V": (6.4, (((0.2, 10), (3, 0)), ((3, 0), (5.8, 10)))),
    "W": (8.6, (((0.2, 10), (2.1, 0)), ((2.1, 0), (4.1, 7.6)), ((4.1, 7.6), (6.1, 0)), ((6.1, 0), (8, 10)))),
    "X": (6.2, (((0.3, 10), (5.6, 0)), ((5.6, 10), (0.3, 0)))),
    "Y": (6.2, (((0.2, 10), (2.9, 5)), ((5.6, 10), (2.9, 5)), ((2.9, 5), (2.9, 0)))),
    "Z": (6.0, (((0.4, 10), (5.2, 10)), ((5.2, 10), (0.3, 0)), ((0.3, 0), (5.4, 0)))),
}  # fmt: skip

ALPHABET: dict[str, Glyph] = {**_LOWER, **_UPPER}


@dataclass(frozen=True, slots=True)
class Hand:
    """How somebody writes: lengths in alphabet units, ``slant`` as shear, ``jitter`` as standard deviation."""

    slant: float = 0.0
    spacing: float = 1.0
    stretch: float = 1.0
    jitter: float = 0.0
    wander: float = 0.0
    """How far single letters leave the baseline and their size (share of their size)."""
    joined: bool = False
    """Whether the pen stays down between letters."""


def random_hand(rng: Random) -> Hand:
    """A hand such as people have."""
    return Hand(
        slant=rng.uniform(-0.12, 0.38),
        spacing=rng.uniform(0.7, 1.9),
        stretch=rng.uniform(0.85, 1.2),
        jitter=rng.uniform(0.08, 0.24),
        wander=rng.uniform(0.02, 0.09),
    )


def write(word: str, hand: Hand, rng: Random) -> list[list[Point]]:
    """The word's strokes as curves in alphabet units, y downwards, beginning anywhere.

    KeyError for a character that the alphabet has not.
    """
    pen_x = 0.0
    curves: list[list[Point]] = []
    for letter in word:
        advance, strokes = ALPHABET[letter]
        scale = 1 + rng.gauss(0, hand.wander) if hand.wander else 1.0
        lift = rng.gauss(0, hand.wander * 5) if hand.wander else 0.0
        letter_curves: list[list[Point]] = []
        for stroke in strokes:
            points: list[Point] = []
            for x, y in stroke:
                if hand.jitter:
                    x, y = x + rng.gauss(0, hand.jitter), y + rng.gauss(0, hand.jitter)
                up = y * scale + lift
                points.append((pen_x + x * scale * hand.stretch + up * hand.slant, -up))
            letter_curves.append(spline(points, closed=False, steps=8))
        if hand.joined and curves:
            letter_curves.insert(0, [curves[-1][-1], letter_curves[0][0]])
        curves += letter_curves
        pen_x += (advance * scale + hand.spacing) * hand.stretch
    return curves


@dataclass(frozen=True, slots=True)
class Sheet:
    """What words are written on. ``width``/``height`` in pixels, ``pen`` the ink's width in pixels."""

    width: int
    height: int
    pen: float
    ink: tuple[int, ...] = (30, 34, 60)
    paper: tuple[int, ...] = (255, 255, 255)
    fill: float = 0.84
    """Share of the sheet that the word takes, in the direction that limits it."""
    at: Point = (0.5, 0.5)
    """Where in the free room the word is, 0..1 each way."""
    turn: float = 0.0
    """Degrees by which the line of writing rises."""


def render(curves: list[list[Point]], sheet: Sheet) -> Image.Image:
    """The curves drawn on the sheet: RGB, or RGBA where the paper has four channels."""
    turn = math.radians(-sheet.turn)
    cos, sin = math.cos(turn), math.sin(turn)
    turned = [[(x * cos - y * sin, x * sin + y * cos) for x, y in curve] for curve in curves]
    xs = [x for curve in turned for x, _ in curve]
    ys = [y for curve in turned for _, y in curve]
    left, top = min(xs), min(ys)
    wide, high = max(max(xs) - left, 1e-6), max(max(ys) - top, 1e-6)
    room_x, room_y = sheet.width * sheet.fill - sheet.pen, sheet.height * sheet.fill - sheet.pen
    scale = min(room_x / wide, room_y / high)
    free_x, free_y = sheet.width - wide * scale - sheet.pen, sheet.height - high * scale - sheet.pen
    shift_x, shift_y = sheet.pen / 2 + free_x * sheet.at[0], sheet.pen / 2 + free_y * sheet.at[1]
    fine = 3  # drawn at three times the size and scaled down: smooth edges
    mode = "RGBA" if len(sheet.paper) == 4 else "RGB"
    canvas = Image.new(mode, (sheet.width * fine, sheet.height * fine), sheet.paper)
    draw = ImageDraw.Draw(canvas)
    radius = sheet.pen * fine / 2
    for curve in turned:
        pixels = [
            (((x - left) * scale + shift_x) * fine, ((y - top) * scale + shift_y) * fine) for x, y in curve
        ]
        draw.line(pixels, fill=sheet.ink, width=max(1, round(2 * radius)), joint="curve")
        for x, y in (pixels[0], pixels[-1]):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=sheet.ink)
    return canvas.resize((sheet.width, sheet.height), Image.Resampling.BOX)
