"""The things that can be seen: one drawing function per class, each with a few colours and variants."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from PIL import Image

from mock_ml.pen import INK, WHITE, Color, Pen, Point, Style, arc, mix

Draw = Callable[[Pen, Color, Random], None]

BROWN: Color = (121, 78, 46)
GREEN: Color = (74, 152, 66)
RED: Color = (214, 48, 49)
ORANGE: Color = (240, 140, 40)
YELLOW: Color = (247, 202, 36)
BLUE: Color = (58, 120, 205)
PURPLE: Color = (138, 84, 176)
PINK: Color = (236, 122, 160)
TEAL: Color = (36, 150, 150)
GLASS: Color = (190, 226, 244)
GREY: Color = (128, 134, 144)
DARK: Color = (52, 54, 62)
SNOW: Color = (246, 250, 255)


def _apple(pen: Pen, color: Color, rng: Random) -> None:
    body: list[Point] = [(50, 34), (61, 28), (78, 30), (89, 46), (85, 68), (73, 86), (60, 92), (50, 89)]
    pen.smooth([*body, *((100 - x, y) for x, y in reversed(body[1:-1]))], color)
    pen.ellipse((29, 50), 5, 11, mix(color, WHITE, 0.6), angle=14, outline=False)
    pen.curve([(50, 40), (50, 27), (55, 13)], BROWN, 5)
    pen.smooth([(53, 24), (63, 9), (83, 8), (74, 22)], GREEN)


def _banana(pen: Pen, color: Color, rng: Random) -> None:
    pen.smooth(
        [(21, 12), (30, 13), (32, 32), (42, 50), (58, 61), (78, 63), (92, 60), (95, 68), (84, 82), (62, 90),
         (38, 84), (20, 66), (14, 42), (17, 24)],
        color,
    )  # fmt: skip
    pen.curve([(23, 30), (29, 52), (44, 69), (64, 77), (84, 73)], mix(color, BROWN, 0.45), 2)
    pen.polygon([(20, 6), (29, 6), (31, 17), (20, 17)], BROWN)
    pen.polygon([(90, 58), (97, 60), (97, 69), (92, 70)], BROWN)


def _bus(pen: Pen, color: Color, rng: Random) -> None:
    pen.rect(4, 24, 96, 76, color, radius=7)
    pen.rect(4, 58, 96, 63, mix(color, WHITE, 0.7))
    for x in (10, 28, 46, 64):
        pen.rect(x, 31, x + 14, 50, GLASS, radius=2)
    pen.rect(82, 31, 92, 76, GLASS, radius=2)
    pen.line([(87, 32), (87, 75)], INK, 1.4)
    for x in (25, 66):
        pen.ellipse((x, 77), 11, 11, DARK)
        pen.ellipse((x, 77), 4.5, 4.5, (205, 208, 212))


def _tree(pen: Pen, color: Color, rng: Random) -> None:
    if rng.random() < 0.4:
        pen.rect(43, 76, 57, 96, BROWN)
        for top, base, half in ((42, 80, 36), (23, 58, 29), (5, 38, 21)):
            pen.polygon([(50, top), (50 + half, base), (50 - half, base)], color)
        return
    pen.polygon([(43, 96), (45, 56), (55, 56), (57, 96)], BROWN)
    lobes = 9
    points: list[Point] = []
    for step in range(lobes * 6):
        turn = 2 * math.pi * step / (lobes * 6)
        bulge = 1 + 0.1 * abs(math.sin(turn * lobes / 2))
        points.append((50 + 35 * bulge * math.cos(turn), 37 + 30 * bulge * math.sin(turn)))
    pen.polygon(points, color)
    for x, y in ((36, 30), (62, 25), (56, 48), (36, 52)):
        pen.curve(arc((x, y), 7, 5, 20, 150, steps=8), mix(color, INK, 0.35), 2)


def _house(pen: Pen, color: Color, rng: Random) -> None:
    wall: Color = rng.choice([(250, 232, 200), (240, 240, 240), (250, 214, 170)])
    pen.rect(68, 12, 79, 40, mix(color, INK, 0.3))
    pen.rect(18, 46, 82, 94, wall)
    pen.polygon([(6, 50), (50, 9), (94, 50)], color)
    pen.rect(42, 64, 58, 94, BROWN)
    pen.ellipse((55, 80), 1.4, 1.4, YELLOW)
    for x in (23, 64):
        pen.rect(x, 58, x + 13, 72, GLASS)
        pen.line([(x + 6.5, 58), (x + 6.5, 72)], INK, 1.4)
        pen.line([(x, 65), (x + 13, 65)], INK, 1.4)


def _fish(pen: Pen, color: Color, rng: Random) -> None:
    fin = mix(color, ORANGE, 0.5)
    pen.smooth([(66, 50), (80, 32), (96, 24), (90, 50), (96, 76), (80, 68)], fin)
    pen.smooth([(32, 32), (48, 14), (64, 20), (62, 34)], fin)
    pen.smooth([(4, 50), (18, 33), (40, 26), (60, 33), (76, 50), (60, 67), (40, 74), (18, 67)], color)
    pen.smooth([(42, 52), (56, 50), (60, 62), (48, 64)], fin)
    for x in (48, 58):
        pen.curve([(x, 34), (x + 5, 42)], mix(color, INK, 0.4), 2)
    pen.curve([(30, 33), (35, 50), (30, 67)], mix(color, INK, 0.4), 2)
    pen.ellipse((19, 45), 5, 5, WHITE)
    pen.ellipse((18, 45), 2.2, 2.2, INK, outline=False)
    pen.curve([(6, 54), (11, 56), (15, 55)], INK, 2)


def _cat(pen: Pen, color: Color, rng: Random) -> None:
    for side in (1, -1):
        pen.polygon([(50 + side * x, y) for x, y in ((39, 6), (10, 30), (38, 50))], color)
        pen.polygon([(50 + side * x, y) for x, y in ((34, 16), (20, 29), (33, 40))], PINK, outline=False)
    pen.ellipse((50, 58), 42, 35, color)
    for x in (42, 50, 58):
        pen.line([(x, 25), (50 + (x - 50) * 0.7, 35)], mix(color, INK, 0.5), 2.6)
    eye: Color = rng.choice([(130, 190, 70), (240, 190, 60), (90, 170, 210)])
    for x in (33, 67):
        pen.ellipse((x, 53), 7.5, 8.5, eye)
        pen.ellipse((x, 53), 2.4, 7, INK, outline=False)
    pen.polygon([(45, 66), (55, 66), (50, 72)], PINK)
    for side in (1, -1):
        pen.curve([(50, 72), (50 + side * 4, 79), (50 + side * 12, 77)], INK, 2.2)
        for y, drop in ((66, -4), (71, 1), (76, 6)):
            pen.line([(50 + side * 20, y), (50 + side * 48, y + drop)], INK, 1.4)


def _star(pen: Pen, color: Color, rng: Random) -> None:
    inner = rng.uniform(17, 22)
    points: list[Point] = []
    for step in range(10):
        turn = math.radians(-90 + 36 * step)
        radius = 47 if step % 2 == 0 else inner
        points.append((50 + radius * math.cos(turn), 53 + radius * math.sin(turn)))
    pen.polygon(points, color)


def _umbrella(pen: Pen, color: Color, rng: Random) -> None:
    pen.thick([(50, 14), (50, 60), (50, 82), (54, 91), (62, 92), (67, 84)], BROWN, 3.4)
    pen.line([(50, 5), (50, 14)], INK, 3)
    canopy = arc((50, 52), 46, 42, 180, 360)
    for x in (84.7, 69.3, 50, 30.7, 15.3):
        reach = 11.4 if x in (84.7, 15.3) else 8 if x != 50 else 11.4
        canopy += arc((x if x != 50 else 50, 52), reach, 6, 0, -180, steps=8)
    pen.polygon(canopy, color)
    other = mix(color, WHITE, 0.55)
    pen.polygon([*arc((50, 52), 24, 42, 270, 360, steps=12), (50, 48)], other, outline=False)
    pen.polygon([*arc((50, 52), 24, 42, 180, 270, steps=12), (50, 48)], other, outline=False)
    for half in (24, -24):
        pen.line(arc((50, 52), half, 42, 270, 360, steps=12), mix(color, INK, 0.5), 1.8)


def _clock(pen: Pen, color: Color, rng: Random) -> None:
    if rng.random() < 0.5:
        for side in (1, -1):
            pen.thick([(50 + side * 22, 84), (50 + side * 32, 95)], color, 4)
            pen.ellipse((50 + side * 27, 16), 15, 10, color, angle=side * 38)
        pen.line([(50, 6), (50, 16)], INK, 4)
    pen.ellipse((50, 54), 40, 40, color)
    pen.ellipse((50, 54), 32, 32, SNOW)
    for hour in range(12):
        turn = math.radians(30 * hour)
        near = 24 if hour % 3 == 0 else 27
        pen.line(
            [(50 + r * math.sin(turn), 54 - r * math.cos(turn)) for r in (near, 29)],
            INK,
            3 if hour % 3 == 0 else 1.6,
        )
    hour_angle = rng.uniform(0, 2 * math.pi)
    for angle, reach, width in ((hour_angle, 15, 4.0), (hour_angle * 12, 23, 2.6)):
        pen.line([(50, 54), (50 + reach * math.sin(angle), 54 - reach * math.cos(angle))], INK, width)
    pen.ellipse((50, 54), 2.4, 2.4, RED, outline=False)


def _flower(pen: Pen, color: Color, rng: Random) -> None:
    pen.thick([(50, 40), (49, 70), (52, 97)], GREEN, 4)
    pen.smooth([(51, 88), (62, 70), (82, 66), (74, 84)], GREEN)
    pen.smooth([(50, 92), (40, 78), (20, 74), (28, 90)], GREEN)
    petals = rng.choice([5, 6, 8])
    for step in range(petals):
        angle = 360 * step / petals - 90
        turn = math.radians(angle)
        center = (50 + 20 * math.cos(turn), 35 + 20 * math.sin(turn))
        pen.ellipse(center, 14, 60 / petals + 2, color, angle=angle)
    pen.ellipse((50, 35), 10, 10, YELLOW if color != YELLOW else BROWN)


def _boat(pen: Pen, color: Color, rng: Random) -> None:
    sail: Color = rng.choice([SNOW, (255, 244, 214), (252, 226, 226)])
    pen.thick([(47, 8), (47, 70)], BROWN, 3)
    pen.polygon([(51, 8), (51, 62), (90, 62)], sail)
    pen.polygon([(43, 18), (43, 62), (14, 62)], mix(color, WHITE, 0.45))
    pen.polygon([(47, 3), (47, 11), (33, 7)], RED)
    pen.polygon([(4, 70), (96, 70), (80, 92), (22, 92)], color)
    pen.line([(10, 77), (90, 77)], mix(color, WHITE, 0.7), 3)


def _key(pen: Pen, color: Color, rng: Random) -> None:
    pen.polygon(
        [(40, 44), (95, 44), (95, 70), (87, 70), (87, 62), (81, 62), (81, 74), (73, 74), (73, 56), (40, 56)],
        color,
    )
    pen.ellipse((26, 50), 24, 24, color)
    pen.ellipse((26, 50), 13, 13, color)
    pen.hole((26, 50), 12, 12)


def _mushroom(pen: Pen, color: Color, rng: Random) -> None:
    stalk: Color = (250, 238, 214)
    pen.smooth([(39, 52), (61, 52), (63, 76), (70, 92), (50, 96), (30, 92), (37, 76)], stalk)
    pen.polygon([*arc((50, 54), 46, 46, 180, 360), *arc((50, 54), 46, 9, 0, 180, steps=20)], color)
    spots = ((50, 24, 9), (24, 42, 8), (74, 40, 9), (48, 48, 6), (36, 30, 4), (88, 52, 3.5), (64, 20, 3.5))
    for x, y, radius in spots:
        pen.ellipse((x, y), radius, radius * 0.85, WHITE, outline=False)


def _snowman(pen: Pen, color: Color, rng: Random) -> None:
    for side in (1, -1):
        pen.curve([(50 + side * 24, 60), (50 + side * 44, 46)], BROWN, 3)
        pen.curve([(50 + side * 37, 51), (50 + side * 46, 54)], BROWN, 2.4)
    pen.ellipse((50, 74), 29, 24, SNOW)
    pen.ellipse((50, 36), 19, 18, SNOW)
    pen.rect(36, 2, 64, 20, DARK)
    pen.rect(28, 18, 72, 23, DARK)
    pen.rect(36, 14, 64, 18, color)
    pen.polygon([(57, 52), (66, 50), (72, 74), (63, 76)], color)
    pen.smooth([(32, 47), (50, 53), (68, 47), (69, 54), (50, 60), (31, 54)], color)
    for x in (43, 57):
        pen.ellipse((x, 33), 2.4, 2.4, INK, outline=False)
    pen.polygon([(49, 37), (49, 42), (67, 42)], ORANGE)
    for y in (67, 76, 85):
        pen.ellipse((50, y), 2.4, 2.4, INK, outline=False)


def _butterfly(pen: Pen, color: Color, rng: Random) -> None:
    other = mix(color, YELLOW, 0.55)
    for side in (1, -1):

        def flip(points: list[Point], side: int = side) -> list[Point]:
            return [(50 + side * x, y) for x, y in points]

        pen.smooth(flip([(2, 54), (16, 54), (36, 62), (38, 78), (28, 92), (12, 84)]), other)
        pen.smooth(flip([(2, 50), (8, 30), (26, 12), (45, 12), (46, 34), (34, 54), (14, 58)]), color)
        pen.ellipse((50 + side * 31, 30), 8, 8, other, outline=False)
        pen.ellipse((50 + side * 25, 75), 5, 5, color, outline=False)
        pen.curve(flip([(1, 28), (6, 14), (14, 8)]), INK, 2)
        pen.ellipse((50 + side * 14, 8), 2.4, 2.4, INK, outline=False)
    pen.ellipse((50, 54), 4.4, 28, DARK)
    pen.ellipse((50, 27), 5.4, 5.4, DARK)


@dataclass(frozen=True, slots=True)
class Thing:
    """One class: its names, its colours and how it is drawn."""

    name: str
    ko: str
    colors: tuple[Color, ...]
    draw: Draw
    tilt: float = 18
    """Largest rotation in degrees either way at which it still looks itself."""


THINGS: tuple[Thing, ...] = (
    Thing("apple", "사과", (RED, (120, 182, 60), (226, 84, 70)), _apple),
    Thing("banana", "바나나", (YELLOW, (250, 218, 90), (222, 206, 60)), _banana, 30),
    Thing("bus", "버스", (YELLOW, RED, BLUE, GREEN), _bus, 8),
    Thing("tree", "나무", (GREEN, (46, 120, 70), (132, 170, 58)), _tree, 6),
    Thing("house", "집", (RED, (150, 80, 60), BLUE, TEAL), _house, 6),
    Thing("fish", "물고기", (ORANGE, BLUE, TEAL, PINK), _fish, 20),
    Thing("cat", "고양이", (ORANGE, (150, 150, 158), (92, 84, 88), (232, 204, 164)), _cat, 12),
    Thing("star", "별", (YELLOW, ORANGE, (250, 220, 90), PINK), _star, 30),
    Thing("umbrella", "우산", (RED, BLUE, PURPLE, TEAL), _umbrella, 20),
    Thing("clock", "시계", (BLUE, RED, TEAL, BROWN), _clock, 8),
    Thing("flower", "꽃", (PINK, RED, PURPLE, YELLOW), _flower, 12),
    Thing("boat", "배", (BROWN, BLUE, RED), _boat, 8),
    Thing("key", "열쇠", (YELLOW, GREY, (190, 140, 70)), _key, 60),
    Thing("mushroom", "버섯", (RED, (176, 110, 66), ORANGE), _mushroom, 12),
    Thing("snowman", "눈사람", (RED, BLUE, GREEN), _snowman, 8),
    Thing("butterfly", "나비", (BLUE, PURPLE, ORANGE, PINK), _butterfly, 25),
)
"""The vocabulary; a class's id is its position here."""

BY_NAME: dict[str, Thing] = {thing.name: thing for thing in THINGS}
CLASS_IDS: dict[str, int] = {thing.name: index for index, thing in enumerate(THINGS)}


def icon(thing: Thing, style: Style, color: Color, rng: Random) -> Image.Image:
    """The thing as an RGBA sheet of 400 x 400 pixels, transparent around it."""
    pen = Pen(style)
    thing.draw(pen, color, rng)
    return pen.sheet
