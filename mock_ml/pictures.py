"""The abstract captcha's pictures: one thing before a background, determined by (seed, class, index)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from mock_ml.icons import BY_NAME, Thing, icon
from mock_ml.pen import WHITE, Color, Manner, Style, mix
from mock_ml.seeding import stream

SIZE = 192
"""Width and height of a picture in pixels."""
PER_CLASS = 16
"""Pictures of each class."""

Box = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels, the right and lower edge excluded."""

_VISIBLE_ALPHA = 32
_REDUCED = 2
"""An icon's sheet is made this much smaller before it is turned, which costs by the pixel."""
_BACKGROUNDS: tuple[Color, ...] = (
    (214, 232, 246), (222, 240, 216), (250, 236, 208), (238, 222, 244), (246, 220, 220), (226, 226, 230),
    (206, 234, 232), (252, 246, 214),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn picture and the true box of what it shows."""

    image: Image.Image
    box: Box


def draw_picture(seed: int, name: str, index: int) -> Picture:
    """The ``index``-th picture of class ``name``: RGB, ``SIZE`` x ``SIZE``. KeyError for an unknown class."""
    thing = BY_NAME[name]
    rng = stream(seed, "abstract", name, index)
    canvas = backdrop((SIZE, SIZE), rng)
    side = round(SIZE * rng.uniform(0.66, 0.9))
    sprite = cut_out(thing, rng, (side, side))
    x = rng.randint(4, max(4, SIZE - sprite.width - 4))
    y = rng.randint(4, max(4, SIZE - sprite.height - 4))
    canvas.paste(sprite, (x, y), sprite)
    return Picture(canvas, (x, y, x + sprite.width, y + sprite.height))


def cut_out(thing: Thing, rng: Random, bounds: tuple[int, int]) -> Image.Image:
    """The thing in some style, colour and rotation, cut to what is visible, as large as fits ``bounds``."""
    manner = rng.choice([Manner.FLAT, Manner.FLAT, Manner.OUTLINED, Manner.OUTLINED, Manner.SKETCH])
    style = Style(manner, rng.uniform(1.8, 2.8))
    color = mix(rng.choice(thing.colors), WHITE, rng.uniform(0, 0.12))
    sheet = icon(thing, style, color, rng).reduce(_REDUCED)
    if rng.random() < 0.5:
        sheet = sheet.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    sheet = sheet.rotate(rng.uniform(-thing.tilt, thing.tilt), Image.Resampling.BILINEAR, expand=True)
    sheet = _crop(sheet)
    scale = min(bounds[0] / sheet.width, bounds[1] / sheet.height)
    size = (max(1, round(sheet.width * scale)), max(1, round(sheet.height * scale)))
    return _crop(sheet.resize(size, Image.Resampling.LANCZOS))


def backdrop(size: tuple[int, int], rng: Random) -> Image.Image:
    """A quiet background: plain, faded from top to bottom, dotted, striped or with a horizon."""
    base = rng.choice(_BACKGROUNDS)
    other = mix(base, WHITE, 0.45) if rng.random() < 0.5 else mix(base, (90, 90, 110), 0.12)
    canvas = Image.new("RGB", size, base)
    draw = ImageDraw.Draw(canvas)
    width, height = size
    kind = rng.choice(["plain", "fade", "dots", "stripes", "horizon"])
    if kind == "fade":
        for y in range(height):
            draw.line([(0, y), (width, y)], fill=mix(base, other, y / height))
    elif kind == "dots":
        gap = rng.randint(20, 30)
        for row, y in enumerate(range(0, height + gap, gap)):
            for x in range(gap // 2 * (row % 2), width + gap, gap):
                draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=other)
    elif kind == "stripes":
        gap = rng.randint(16, 28)
        for x in range(-height, width, gap * 2):
            draw.polygon([(x, height), (x + gap, height), (x + gap + height, 0), (x + height, 0)], fill=other)
    elif kind == "horizon":
        draw.rectangle((0, round(height * rng.uniform(0.6, 0.8)), width, height), fill=other)
    return canvas


def _crop(sheet: Image.Image) -> Image.Image:
    """Cut away what is not visible: pixels fainter than the alpha below which a box would look too large."""
    seen = sheet.getchannel("A").point([255 if a > _VISIBLE_ALPHA else 0 for a in range(256)])
    return sheet.crop(seen.getbbox())
