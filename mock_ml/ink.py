"""From a picture of writing to its skeleton: which pixels are ink, how wide, and the line in their middle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Mask = NDArray[np.bool_]

HEIGHT = 48
"""Rows of a skeleton: every word is scaled to this height."""
MAX_WIDTH = 480

_LEAST_CONTRAST = 40.0
_LEAST_PIXELS = 12


def ink_of(image: Image.Image) -> Mask | None:
    """The ink of a picture, either polarity, on paper or on a transparent canvas; None where there is none.

    Paper is the commonest colour of the border; ink is what differs from it by more than Otsu's threshold
    (Otsu 1979). On a canvas that is partly transparent and holds one colour only, ink is what is opaque.
    """
    if image.width * image.height > 4_000_000:
        image = image.copy()
        image.thumbnail((2000, 2000))
    rgba = np.asarray(image.convert("RGBA"), dtype=np.float32)
    alpha, rgb = rgba[..., 3], rgba[..., :3]
    solid = alpha > 127
    if not solid.any():
        return None
    if not solid.all():
        tones = rgb[solid].max(axis=1)
        low, high = np.percentile(tones, (2, 98))
        if high - low < 64:
            mask = alpha > 100
            return mask if _LEAST_PIXELS <= mask.sum() < 0.6 * mask.size else None
        paper = np.median(rgb[solid], axis=0)
        rgb = np.where(solid[..., None], rgb, paper)
    else:
        border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
        paper = np.median(border, axis=0)
    differs = np.abs(rgb - paper).max(axis=2)
    if differs.max() < _LEAST_CONTRAST:
        return None
    mask = differs > max(_otsu(differs), _LEAST_CONTRAST / 2)
    return mask if _LEAST_PIXELS <= mask.sum() < 0.6 * mask.size else None


def skeleton(mask: Mask) -> Mask | None:
    """The word's middle line, ``HEIGHT`` rows high and in proportion; None where little is left."""
    rows, columns = _kept(mask, 1), _kept(mask, 0)
    if rows is None or columns is None:
        return None
    cut = mask[rows[0] : rows[1], columns[0] : columns[1]]
    high, wide = cut.shape
    if high < 4 or wide < 4:
        return None
    scale = HEIGHT / high
    picture = Image.fromarray((cut * 255).astype(np.uint8))
    if scale < 0.7:
        # Lines thinner than the reduction would break: thicken them first.
        reach = int(1 / scale / 2) * 2 + 1
        picture = picture.filter(ImageFilter.MaxFilter(min(reach, 9)))
    width = min(max(round(wide * scale), 4), MAX_WIDTH)
    small = np.asarray(picture.resize((width, HEIGHT), Image.Resampling.BILINEAR)) > 110
    return thin(small)


def _otsu(values: NDArray[np.float32]) -> float:
    counts, edges = np.histogram(values, bins=128, range=(0, 256))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[int(np.nanargmax(between)) + 1])


def _kept(mask: Mask, axis: int) -> tuple[int, int] | None:
    places = np.flatnonzero(mask.any(axis=axis))
    return (int(places[0]), int(places[-1]) + 1) if places.size else None


def thin(mask: Mask) -> Mask:
    """Lines one pixel wide, by the parallel algorithm of Zhang and Suen (CACM 27(3), 1984)."""
    image = np.pad(mask, 1)
    while True:
        changed = False
        for first in (True, False):
            p = [
                np.roll(image, shift, (0, 1))
                for shift in ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))
            ]
            neighbours = sum((each.astype(np.int8) for each in p), np.zeros(image.shape, np.int8))
            turns = sum(
                ((~p[i] & p[(i + 1) % 8]).astype(np.int8) for i in range(8)), np.zeros(image.shape, np.int8)
            )
            north, east, south, west = p[0], p[2], p[4], p[6]
            if first:
                open_side = ~(north & east & south) & ~(east & south & west)
            else:
                open_side = ~(north & east & west) & ~(north & south & west)
            gone = image & (neighbours >= 2) & (neighbours <= 6) & (turns == 1) & open_side
            if gone.any():
                image = image & ~gone
                changed = True
        if not changed:
            return image[1:-1, 1:-1]
