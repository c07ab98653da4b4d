"""Words written with the stroke alphabet in many hands, and drawn on a sheet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from mock_ml.alphabet import ALPHABET
from mock_ml.pen import Point, spline


@dataclass(frozen=True, slots=True)
class Hand:
    """The style of a handwriting; lengths are in alphabet units."""

    slant: float = 0.0
    """A shear: sideways per unit of height."""
    spacing: float = 1.0
    stretch: float = 1.0
    jitter: float = 0.0
    """A standard deviation by which points are moved."""
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
    """What words are written on."""

    width: int
    """In pixels."""
    height: int
    """In pixels."""
    pen: float
    """The ink's width in pixels."""
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
