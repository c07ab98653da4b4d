"""The pictures there are, as the asset store lists them, and choosing challenges from them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from threading import Lock
from typing import Any

from devenv.captcha_api.errors import MLUnavailable

IMAGES_PER_CHALLENGE = 9
POSITIVES = (2, 5)
SAMPLES = 5


@dataclass(frozen=True, slots=True)
class PictureClass:
    """One kind of thing; pictures are paths below the asset URL."""

    name: str
    korean: str
    images: tuple[str, ...]
    handwriting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture of several things for the image grid, and one of the labels to look for."""

    path: str
    label: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What ``GET /catalog`` listed."""

    classes: tuple[PictureClass, ...]
    targets: tuple[Scene, ...]
    """All pairs of a scene and a label that it can be asked for."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Catalogue:
        """From the service's reply. Raises MLUnavailable where no challenge can be made of it."""
        try:
            classes = tuple(
                PictureClass(
                    name=str(item["name"]),
                    korean=str(item["ko"]),
                    images=tuple(item["images"]),
                    handwriting=tuple(item["handwriting"]),
                )
                for item in data["classes"]
            )
            targets = tuple(
                Scene(str(scene["url"]), str(label)) for scene in data["scenes"] for label in scene["labels"]
            )
        except (KeyError, TypeError) as error:
            raise MLUnavailable(f"The catalogue of pictures is malformed: {error!r}") from error
        if len(classes) < 2 or not targets or not all(item.images and item.handwriting for item in classes):
            raise MLUnavailable("The catalogue of pictures is too small for a challenge")
        return cls(classes, targets)

    def korean(self, name: str) -> str:
        """The Korean word of a class, or its name where it is unknown."""
        return next((item.korean for item in self.classes if item.name == name), name)

    def scene_for(self, challenge_id: str) -> Scene:
        """The image grid challenge of this id: the same in every pod that has the same catalogue.

        Uniform over ``targets``, by SHA-256 of the id. It reveals nothing: who has the id was sent the
        picture with it.
        """
        digest = hashlib.sha256(challenge_id.encode("utf-8", "surrogatepass")).digest()
        return self.targets[int.from_bytes(digest[:8], "big") % len(self.targets)]

    def nine_pictures(self, random: Random) -> tuple[PictureClass, Sequence[tuple[str, bool]]]:
        """A class and nine different pictures, shuffled, two to five of which show it (path, shows it)."""
        target = random.choice(self.classes)
        others = [path for item in self.classes if item is not target for path in item.images]
        wanted = min(random.randint(*POSITIVES), len(target.images))
        chosen = [(path, True) for path in random.sample(target.images, wanted)]
        if len(others) < IMAGES_PER_CHALLENGE - wanted:
            raise MLUnavailable("The catalogue of pictures is too small for a challenge")
        chosen += [(path, False) for path in random.sample(others, IMAGES_PER_CHALLENGE - wanted)]
        random.shuffle(chosen)
        return target, chosen

    def word(self, random: Random) -> tuple[PictureClass, Sequence[str]]:
        """A class and up to five of its handwriting samples."""
        target = random.choice(self.classes)
        return target, random.sample(target.handwriting, min(SAMPLES, len(target.handwriting)))


class CatalogueCache:
    """The catalogue, fetched at first need and kept for the life of the process."""

    def __init__(self, fetch: Callable[[], Mapping[str, Any]]) -> None:
        """``fetch`` gets the JSON; it may raise MLUnavailable, then the next call tries again."""
        self._fetch = fetch
        self._lock = Lock()
        self._catalogue: Catalogue | None = None

    def get(self) -> Catalogue:
        """Raises MLUnavailable."""
        if self._catalogue is None:
            with self._lock:
                if self._catalogue is None:
                    self._catalogue = Catalogue.from_json(self._fetch())
        return self._catalogue
