"""Reading handwriting: all served samples, and writing that no template was made from."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from mock_ml import handwriting
from mock_ml.handwriting import draw_sample
from mock_ml.icons import THINGS
from mock_ml.pen import Point, arc
from mock_ml.pictures import draw_picture
from mock_ml.reading import Reader
from mock_ml.strokes import Hand, Sheet, random_hand, render, write

NAMES = [thing.name for thing in THINGS]

HANDS: dict[str, Callable[[Random], Hand]] = {
    "neat": random_hand,
    "wild": lambda rng: Hand(
        slant=rng.uniform(-0.3, 0.5),
        spacing=rng.uniform(0.3, 2.6),
        stretch=rng.uniform(0.7, 1.4),
        jitter=rng.uniform(0.15, 0.35),
        wander=rng.uniform(0.04, 0.13),
    ),
    "joined": lambda rng: Hand(
        slant=rng.uniform(-0.1, 0.4), spacing=rng.uniform(0.6, 1.8), jitter=0.2, wander=0.05, joined=True
    ),
}
COLOURS = (
    ((0, 0, 0), (255, 255, 255)),
    ((255, 255, 255), (10, 10, 10)),
    ((200, 30, 30), (128, 128, 128)),
    ((0, 0, 0, 255), (0, 0, 0, 0)),
    ((255, 255, 255, 255), (0, 0, 0, 0)),
)
"""Ink and paper; the last two are a transparent canvas."""


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(NAMES)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_served_sample_is_read_exactly(reader: Reader, seed: int) -> None:
    wrong = [
        (name, index)
        for name in NAMES
        for index in range(handwriting.PER_CLASS)
        if reader.read(draw_sample(seed, name, index)) != name
    ]
    assert wrong == []


@pytest.mark.parametrize("change", ["jpeg", "transparent", "inverted", "half", "palette"])
def test_samples_are_read_when_encoded_otherwise(reader: Reader, change: str) -> None:
    for name in NAMES:
        image = draw_sample(1, name, 3)
        if change == "jpeg":
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=30)
            image = Image.open(buffer)
        elif change == "transparent":
            ink = ImageOps.invert(image.convert("L"))
            image = Image.new("RGBA", image.size, (0, 0, 0, 0))
            image.putalpha(ink)
        elif change == "inverted":
            image = ImageOps.invert(image)
        elif change == "half":
            image = image.resize((image.width // 2, image.height // 2))
        else:
            image = image.convert("P")
        assert reader.read(image) == name


@pytest.mark.parametrize("hand", HANDS)
def test_held_out_writing_is_read(reader: Reader, hand: str) -> None:
    """Hands, pens, sizes, places, slopes and colours that the templates do not have: at least 95 %."""
    wrong: list[str] = []
    for number, name in enumerate(NAMES):
        for index in range(6):
            rng = Random(f"held out {hand} {name} {index}")
            ink, paper = COLOURS[(number + index) % len(COLOURS)]
            width = rng.randint(200, 900)
            sheet = Sheet(
                width,
                rng.randint(120, 500),
                pen=rng.uniform(2, max(3, width / 70)),
                ink=ink,
                paper=paper,
                fill=rng.uniform(0.4, 0.95),
                at=(rng.random(), rng.random()),
                turn=rng.uniform(-5, 6),
            )
            text = (name, name.upper(), name.capitalize())[index % 3]
            if reader.read(render(write(text, HANDS[hand](rng), rng), sheet)) != name:
                wrong.append(f"{text} {index}")
    assert len(wrong) <= 0.05 * 6 * len(NAMES), wrong


def test_letter_forms_of_another_alphabet_are_read(reader: Reader) -> None:
    """Pillow's own typeface, whose letters were drawn by somebody else."""
    for name in NAMES:
        for text in (name, name.upper(), name.capitalize()):
            image = Image.new("RGB", (640, 120), "white")
            ImageDraw.Draw(image).text((40, 20), text, font=ImageFont.load_default(60), fill="black")
            assert reader.read(image) == name, text


def _drawn(curve: list[Point]) -> Image.Image:
    return render([curve], Sheet(400, 200, 5))


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (300, 100), "white"),
        Image.new("RGB", (300, 100), "black"),
        Image.new("RGBA", (300, 100), (0, 0, 0, 0)),
        Image.new("L", (1, 1)),
        _drawn([(0, 0), (10, 0.1)]),
        _drawn([(math.cos(i / 9), math.sin(i / 9)) for i in range(60)]),
        draw_picture(1, "tree", 0).image,
        Image.fromarray(np.random.default_rng(1).integers(0, 255, (100, 300, 3), dtype=np.uint8)),
    ],
    ids=["white", "black", "transparent", "pixel", "line", "ring", "picture", "noise"],
)
def test_what_is_no_word_reads_as_nothing(reader: Reader, image: Image.Image) -> None:
    assert reader.read(image) == ""


def test_the_ranking_names_every_word_nearest_first(reader: Reader) -> None:
    ranking = reader.rank(draw_sample(1, "clock", 0))
    assert sorted(match.word for match in ranking) == sorted(NAMES)
    assert [match.cost for match in ranking] == sorted(match.cost for match in ranking)


def _ring(x: float, y: float, wide: float, high: float, start: float, end: float) -> list[Point]:
    return arc((x, y), wide, high, start, end, steps=14)


MOUSE_STROKES: dict[str, list[list[Point]]] = {
    "apple": [
        [*_ring(50, 100, 22, 25, -30, -390), (72, 75), (73, 128)],
        [(95, 78), (94, 165)],
        _ring(115, 100, 22, 24, 180, 540),
        [(150, 78), (149, 168)],
        _ring(172, 101, 22, 24, 180, 540),
        [(212, 40), (211, 128)],
        [(235, 102), (275, 99), *_ring(255, 102, 21, 26, -10, -300)],
    ],
    "key": [
        [(50, 40), (50, 130)],
        [(88, 75), (52, 100)],
        [(62, 94), (92, 130)],
        [(115, 102), (155, 99), *_ring(135, 102, 21, 26, -10, -300)],
        [(175, 75), (195, 125)],
        [(218, 75), (180, 175)],
    ],
}
"""Written by hand on a canvas of 400 x 200, in pixels."""


@pytest.mark.parametrize("pen", [3, 8, 14])
@pytest.mark.parametrize("word", MOUSE_STROKES)
def test_a_drawing_on_a_browser_canvas_is_read(reader: Reader, word: str, pen: int) -> None:
    rng = Random(f"{word} {pen}")
    canvas = Image.new("RGBA", (400, 200), (0, 0, 0, 0))
    for stroke in MOUSE_STROKES[word]:
        points = [(x + rng.gauss(0, 1.5), y + rng.gauss(0, 1.5)) for x, y in stroke]
        ImageDraw.Draw(canvas).line(points, fill=(0, 0, 0, 255), width=pen)
    assert reader.read(canvas) == word
