"""Handwriting samples: a class's English word in a hand determined by (seed, class, index)."""

from __future__ import annotations

from PIL import Image

from mock_ml.icons import BY_NAME
from mock_ml.seeding import stream
from mock_ml.strokes import Sheet, random_hand, render, write

PER_CLASS = 8
"""Samples of each word."""
WIDTH, HEIGHT = 320, 120

_INKS = ((28, 32, 66), (20, 20, 24), (34, 60, 120), (90, 30, 40))
_PAPERS = ((255, 255, 255), (252, 250, 240), (244, 247, 252))


def draw_sample(seed: int, name: str, index: int) -> Image.Image:
    """Sample ``index`` of the word ``name``: RGB, 320 x 120. KeyError for an unknown word."""
    word = BY_NAME[name].name
    rng = stream(seed, "handwriting", name, index)
    sheet = Sheet(
        WIDTH,
        HEIGHT,
        pen=rng.uniform(3, 6),
        ink=rng.choice(_INKS),
        paper=rng.choice(_PAPERS),
        fill=rng.uniform(0.7, 0.9),
        at=(rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8)),
        turn=rng.uniform(-3, 4),
    )
    return render(write(word, random_hand(rng), rng), sheet)
