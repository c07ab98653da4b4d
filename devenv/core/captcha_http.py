"""How a captcha-api is spoken to and understood: paths, fields and outcomes of the HTTP contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devenv.core.vocabulary import NOT_FOUND_MESSAGE, CaptchaType, Outcome

CREATE_PATHS: Mapping[CaptchaType, str] = {
    CaptchaType.ABSTRACT: "/api/abstract-captcha",
    CaptchaType.IMAGEGRID: "/api/imagecaptcha-challenge",
    CaptchaType.HANDWRITING: "/api/handwriting-challenge",
}
VERIFY_PATHS: Mapping[CaptchaType, str] = {
    CaptchaType.ABSTRACT: "/api/abstract-verify",
    CaptchaType.IMAGEGRID: "/api/imagecaptcha-verify",
    CaptchaType.HANDWRITING: "/api/handwriting-verify",
}
CREATES: Mapping[str, CaptchaType] = {
    **{path: kind for kind, path in CREATE_PATHS.items()},
    "/api/image-challenge": CaptchaType.IMAGEGRID,
}
VERIFIES: Mapping[str, CaptchaType] = {path: kind for kind, path in VERIFY_PATHS.items()}
CHALLENGE_FIELD = "challenge_id"


def outcome_of(status: int | None, body: Mapping[str, Any]) -> Outcome:
    """Class one verify answer as its caller can tell; ``status`` None: no answer came.

    A graded failure is one without a message, or with the count of attempts or the downshift that only
    graded answers carry.
    """
    if status != 200:
        return Outcome.ERROR
    if body.get("success") is True:
        return Outcome.SUCCESS
    if body.get("message") == NOT_FOUND_MESSAGE:
        return Outcome.NOT_FOUND
    if body.get("success") is not False:
        return Outcome.ERROR
    graded = body.get("message") is None or body.get("attempts") is not None or body.get("downshift")
    return Outcome.WRONG if graded else Outcome.ERROR
