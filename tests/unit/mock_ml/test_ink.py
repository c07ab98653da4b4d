"""From a picture of writing to its skeleton."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mock_ml.ink import HEIGHT, ink_of, skeleton, thin


def picture(paper: int, ink: int) -> Image.Image:
    image = Image.new("L", (100, 60), paper)
    ImageDraw.Draw(image).rectangle((20, 10, 29, 49), fill=ink)
    return image.convert("RGB")


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255), (200, 90)])
def test_ink_of_either_polarity(paper: int, ink: int) -> None:
    mask = ink_of(picture(paper, ink))
    assert mask is not None
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (10, 49, 20, 29)


def test_blank_and_faint_pictures_have_no_ink() -> None:
    assert ink_of(Image.new("RGB", (50, 50), "white")) is None
    assert ink_of(picture(128, 140)) is None
    assert ink_of(Image.new("RGBA", (50, 50), (0, 0, 0, 0))) is None


def test_a_bar_becomes_a_line_of_one_pixel() -> None:
    mask = np.zeros((20, 20), bool)
    mask[2:18, 8:13] = True
    line = thin(mask)
    assert line.any() and not (line & ~mask).any()
    assert set(line.sum(axis=1)) <= {0, 1}


def test_a_skeleton_has_one_height() -> None:
    mask = ink_of(picture(255, 0))
    assert mask is not None
    line = skeleton(mask)
    assert line is not None and line.shape[0] == HEIGHT
    assert skeleton(np.zeros((9, 9), bool)) is None
    assert skeleton(np.ones((3, 3), bool)) is None
