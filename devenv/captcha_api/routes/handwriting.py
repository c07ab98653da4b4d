"""A few samples of a thing: write its word by hand."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from devenv.captcha_api.routes import ERRORS, TOO_MANY, answered
from devenv.captcha_api.service import service_of
from devenv.captcha_api.submissions import HandwritingSubmission
from devenv.core.model.vocabulary import CaptchaType

router = APIRouter(prefix="/api", tags=["handwriting"], responses=ERRORS)


class HandwritingChallenge(BaseModel):
    """``samples`` are URLs, ``ttl`` is seconds; no ``challenge_id`` where the pod has one current word."""

    samples: list[str]
    ttl: int
    message: str
    challenge_id: str | None = None


class HandwritingAnswer(BaseModel):
    """A PNG in base64, with or without a data URL's prefix."""

    image_base64: str
    challenge_id: str | None = None


class HandwritingResult(BaseModel):
    """Graded, or ``success: false`` with a ``message`` only."""

    success: bool
    message: str | None = None
    attempts: int | None = None
    downshift: bool | None = None
    redirect_url: str | None = None


@router.post("/handwriting-challenge", response_model=HandwritingChallenge, response_model_exclude_unset=True)
def create_handwriting(request: Request) -> Any:
    """A new challenge."""
    service = service_of(request)
    target, paths = service.catalogue.get().word(service.random)
    challenge_id = service.new_challenge_id()
    samples = [service.asset(path) for path in paths]
    fields = {"samples": samples, "target_class": target.name}
    addressable = service.create(request, CaptchaType.HANDWRITING, challenge_id, fields)
    challenge: dict[str, Any] = {
        "samples": samples,
        "ttl": service.settings.captcha_ttl,
        "message": "Handwriting challenge created successfully",
    }
    return {**challenge, "challenge_id": challenge_id} if addressable else challenge


@router.post("/handwriting-verify", response_model=HandwritingResult)
def verify_handwriting(request: Request, answer: HandwritingAnswer) -> Any:
    """Grade a written word."""
    service = service_of(request)
    submission = HandwritingSubmission(answer.challenge_id or "", answer.image_base64, service.ml.read_text)
    verdict = service.verify(request, submission)
    result: dict[str, Any] = {"success": verdict.passed}
    if verdict.attempts is not None:
        result["attempts"] = verdict.attempts
    if verdict.passed and service.settings.success_redirect_url:
        result["redirect_url"] = service.settings.success_redirect_url
    if verdict.ended and not verdict.passed:
        result |= {"message": TOO_MANY, "downshift": True}
    return answered(HandwritingResult, result)
