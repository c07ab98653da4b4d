"""Everything the service shows, by URL: pictures, scenes and samples, drawn at first use and kept."""

from __future__ import annotations

import hashlib
import io
import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mock_ml import handwriting, pictures, scenes
from mock_ml.icons import BY_NAME, THINGS

Kind = Literal["abstract", "handwriting", "scenes"]

_KEPT_PNGS = 512
_PATH = re.compile(r"/assets/(?:(abstract|handwriting)/([a-z]{1,32})/(\d{2})|(scenes)/(\d{3}))\.png$")
_THUMB = 16
_SAME_RMS = 10.0
"""Root mean square difference (0..255) of two thumbnails up to which they are the same picture re-encoded.
Measured over seeds 1 to 3: the same picture as JPEG (quality 30 to 80) at other sizes stays below 6, two
different ones differ by more than 21."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One picture that is served."""

    kind: Kind
    name: str
    """Its class; "" for a scene."""
    index: int

    @property
    def path(self) -> str:
        """The path of its URL."""
        if self.kind == "scenes":
            return f"/assets/scenes/{self.index:03}.png"
        return f"/assets/{self.kind}/{self.name}/{self.index:02}.png"


class Gallery:
    """The assets of one seed. Safe to use from several threads."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.png = lru_cache(_KEPT_PNGS)(self._png)
        """The asset's PNG bytes."""
        self.scene = lru_cache(8)(self._scene)
        """The drawn scene of an index."""
        self.detections = lru_cache(scenes.SCENES)(self._detections)
        """Width, height and true boxes of a scene."""
        self.catalog = lru_cache(1)(self._catalog)
        """The answer of ``GET /catalog``; draws nothing."""
        self._digests: dict[bytes, str] = {}
        self._thumbs: tuple[list[str], NDArray[np.float32]] | None = None
        self._lock = threading.Lock()

    def _catalog(self) -> dict[str, Any]:
        return {
            "classes": [
                {
                    "name": thing.name,
                    "ko": thing.ko,
                    "en": thing.name,
                    "images": [Asset("abstract", thing.name, i).path for i in range(pictures.PER_CLASS)],
                    "handwriting": [
                        Asset("handwriting", thing.name, i).path for i in range(handwriting.PER_CLASS)
                    ],
                }
                for thing in THINGS
            ],
            "scenes": [
                {
                    "url": Asset("scenes", "", index).path,
                    "labels": list(scenes.plan_scene(self.seed, index).labels),
                }
                for index in range(scenes.SCENES)
            ],
        }

    def find(self, url: str) -> Asset | None:
        """The asset that ``url`` names, or None. Host, query and a prefix of the path do not count."""
        try:
            path = urlsplit(url.strip()).path
        except ValueError:
            return None
        match = _PATH.search(path)
        if match is None:
            return None
        if match[4]:
            asset = Asset("scenes", "", int(match[5]))
            return asset if asset.index < scenes.SCENES else None
        kind: Kind = "abstract" if match[1] == "abstract" else "handwriting"
        count = pictures.PER_CLASS if kind == "abstract" else handwriting.PER_CLASS
        if match[2] not in BY_NAME or int(match[3]) >= count:
            return None
        return Asset(kind, match[2], int(match[3]))

    def image(self, asset: Asset) -> Image.Image:
        """The asset as drawn, RGB."""
        if asset.kind == "scenes":
            return self.scene(asset.index).image
        if asset.kind == "abstract":
            return pictures.draw_picture(self.seed, asset.name, asset.index).image
        return handwriting.draw_sample(self.seed, asset.name, asset.index)

    def size(self, asset: Asset) -> tuple[int, int]:
        """Width and height in pixels."""
        if asset.kind == "scenes":
            return self.detections(asset.index)[:2]
        if asset.kind == "abstract":
            return (pictures.SIZE, pictures.SIZE)
        return (handwriting.WIDTH, handwriting.HEIGHT)

    def seen_in(self, asset: Asset) -> list[tuple[str, pictures.Box]]:
        """What the asset shows, with true boxes; nothing for handwriting."""
        if asset.kind == "scenes":
            return [(one.label, one.box) for one in self.detections(asset.index)[2]]
        if asset.kind == "abstract":
            return [(asset.name, pictures.draw_picture(self.seed, asset.name, asset.index).box)]
        return []

    def class_of(self, data: bytes) -> str | None:
        """The class of an abstract picture by its content, or None for a picture that is not served here.

        First by the very bytes; then, for a picture that was encoded again or scaled, by its thumbnail
        (which draws every picture once, about 2 s).
        Raises ``UnreadableImage`` for bytes that are no image.
        """
        known = self._digests.get(hashlib.sha256(data).digest())
        if known is not None:
            return known
        thumb = _thumbnail(decode(data))
        names, thumbs = self._all_thumbnails()
        known = self._digests.get(hashlib.sha256(data).digest())
        if known is not None:
            return known
        distances = np.sqrt(((thumbs - thumb) ** 2).mean(axis=1))
        nearest = int(distances.argmin())
        return names[nearest] if distances[nearest] <= _SAME_RMS else None

    def _png(self, asset: Asset) -> bytes:
        buffer = io.BytesIO()
        self.image(asset).save(buffer, "PNG")
        data = buffer.getvalue()
        if asset.kind == "abstract":
            self._digests[hashlib.sha256(data).digest()] = asset.name
        return data

    def _scene(self, index: int) -> scenes.Scene:
        return scenes.draw_scene(self.seed, index)

    def _detections(self, index: int) -> tuple[int, int, tuple[scenes.Detection, ...]]:
        scene = self.scene(index)
        return scene.image.width, scene.image.height, scene.detections

    def _all_thumbnails(self) -> tuple[list[str], NDArray[np.float32]]:
        with self._lock:
            if self._thumbs is None:
                names = [thing.name for thing in THINGS for _ in range(pictures.PER_CLASS)]
                assets = [
                    Asset("abstract", thing.name, index)
                    for thing in THINGS
                    for index in range(pictures.PER_CLASS)
                ]
                rows = [_thumbnail(Image.open(io.BytesIO(self.png(asset)))) for asset in assets]
                self._thumbs = (names, np.stack(rows))
            return self._thumbs


class UnreadableImage(Exception):
    """The bytes are no image that can be decoded; the message says what is wrong with them."""


MAX_PIXELS = 20_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


def decode(data: bytes) -> Image.Image:
    """The (first) image in ``data``, loaded. Raises ``UnreadableImage``."""
    if not data:
        raise UnreadableImage("the file is empty")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise UnreadableImage(f"{image.width} x {image.height} pixels are more than {MAX_PIXELS}")
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow names the buffer's address in this message: nothing that a reader needs.
        reason = str(error).split(" <_io")[0]
        raise UnreadableImage(f"not a readable {'/'.join(FORMATS)} image ({reason})") from error
    return image


def _thumbnail(image: Image.Image) -> NDArray[np.float32]:
    flat = Image.new("RGB", image.size, (255, 255, 255))
    rgba = image.convert("RGBA")
    flat.paste(rgba, mask=rgba.getchannel("A"))
    small = flat.resize((_THUMB, _THUMB), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32).reshape(-1)
