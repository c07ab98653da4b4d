"""The three captchas' answers, as the stores take them (``stores.Submission``)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from devenv.captcha_api import grading, signatures
from devenv.captcha_api.errors import MLUnavailable, Ungraded
from devenv.captcha_api.ml import Detection
from devenv.core.model.vocabulary import CaptchaType


class AbstractSubmission:
    """The selected pictures; right if they are exactly the positive ones."""

    kind = CaptchaType.ABSTRACT

    def __init__(
        self, challenge_id: str, selections: Sequence[int], given: Sequence[str] | None, secret: str | None
    ) -> None:
        """``given`` are the pictures' signatures, checked against ``secret`` where there are any."""
        self.challenge_id = challenge_id
        self.selected = frozenset(selections)
        self._given = given
        self._secret = secret

    def presumed(self) -> Mapping[str, Any] | None:
        """Signatures need the id only."""
        return {}

    def gather(self, document: Mapping[str, Any]) -> None:
        """Check the signatures."""
        signatures.check(self._secret, self.challenge_id, self._given)

    def passes(self, document: Mapping[str, Any]) -> bool:
        """Equality of sets, as the guide compares: a document without positives equals an empty selection."""
        return grading.positives(document.get("is_positive", [])) == self.selected

    def claim(self) -> tuple[str, str]:
        """The selected indexes, ascending."""
        return ",".join(str(index) for index in sorted(self.selected)), ""

    def score(self, document: Mapping[str, Any]) -> grading.Score:
        """The details that the reply carries."""
        return grading.score(grading.positives(document.get("is_positive", [])), self.selected)


class GridSubmission:
    """The selected cells; right if they are exactly those that a box of the target label overlaps."""

    kind = CaptchaType.IMAGEGRID

    def __init__(
        self,
        challenge_id: str,
        selections: Sequence[int],
        detect: Callable[[str | None], Detection],
        presume: Callable[[str], Mapping[str, Any]],
    ) -> None:
        """``presume`` gives the image_url and target_label that the challenge of an id has, if it is ours."""
        self.challenge_id = challenge_id
        self.selected = frozenset(selections)
        self._detect = detect
        self._presume = presume
        self._basis: tuple[str, str] = ("", "")
        self.correct: frozenset[int] = frozenset()
        self.boxes: tuple[Mapping[str, Any], ...] = ()

    def presumed(self) -> Mapping[str, Any] | None:
        """From the catalogue, by the id."""
        try:
            return self._presume(self.challenge_id)
        except MLUnavailable:
            return None

    def gather(self, document: Mapping[str, Any]) -> None:
        """Ask YOLO."""
        image_url, label = document.get("image_url"), document.get("target_label")
        detection = self._detect(image_url)
        self.boxes = detection.boxes
        try:
            self.correct = grading.cells_of_label(detection.width, detection.height, self.boxes, str(label))
        except (TypeError, ValueError, OverflowError) as error:
            raise Ungraded(f"ML predict failed: malformed box ({error})") from error
        if not self.correct:
            raise Ungraded(f"ML predict failed: no {label} seen in the picture")
        self._basis = (str(image_url), str(label))

    def passes(self, document: Mapping[str, Any]) -> bool:
        """Never with nothing to find: ``gather`` refuses that."""
        return self.selected == self.correct

    def claim(self) -> tuple[str, str]:
        """The judgement, and the picture and label it is about."""
        return ("right" if self.selected == self.correct else "wrong"), "\n".join(self._basis)


class HandwritingSubmission:
    """A picture of a written word; right if OCR reads the target class."""

    kind = CaptchaType.HANDWRITING

    def __init__(self, challenge_id: str, image_base64: str, read_text: Callable[[bytes], str]) -> None:
        """``image_base64`` may begin with a data URL's prefix."""
        self.challenge_id = challenge_id
        self._image_base64 = image_base64
        self._read_text = read_text
        self._text: str | None = None

    def presumed(self) -> Mapping[str, Any] | None:
        """OCR needs the picture only."""
        return {}

    def gather(self, document: Mapping[str, Any]) -> None:
        """Decode the picture and ask OCR."""
        if self._text is None:
            self._text = grading.normalise(self._read_text(decode_image(self._image_base64)))

    def passes(self, document: Mapping[str, Any]) -> bool:
        """Compared without case and punctuation; an empty class never matches."""
        truth = grading.normalise(str(document.get("target_class") or ""))
        return bool(truth) and truth == self._text

    def claim(self) -> tuple[str, str]:
        """The text that was read."""
        return self._text or "", ""


def decode_image(image_base64: str) -> bytes:
    """The bytes of a base64 text, with or without a data URL's prefix. Raises Ungraded."""
    text = image_base64.strip()
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        image = base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise Ungraded(f"Invalid base64 image: {error}") from error
    if not image:
        raise Ungraded("Invalid base64 image: it is empty")
    return image
