"""Nine pictures: choose those that show the thing asked for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from devenv.captcha_api.routes import ERRORS, TOO_MANY, answered
from devenv.captcha_api.service import service_of
from devenv.captcha_api.submissions import AbstractSubmission
from devenv.core.model.vocabulary import CaptchaType

router = APIRouter(prefix="/api", tags=["abstract"], responses=ERRORS)


class Image(BaseModel):
    """One of the nine."""

    id: int
    url: str


class AbstractChallenge(BaseModel):
    """``ttl`` in seconds."""

    challenge_id: str
    question: str
    target_class: str
    keywords: list[str]
    ttl: int
    images: list[Image]


class AbstractAnswer(BaseModel):
    """``selections`` are ids of images; ``signatures``, where given, one per image."""

    challenge_id: str
    selections: list[int]
    signatures: list[str] | None = None


class AbstractResult(BaseModel):
    """Graded, or ``success: false`` with a ``message`` only."""

    success: bool
    message: str | None = None
    img_score: float | None = None
    tp: int | None = None
    fp: int | None = None
    fn: int | None = None
    target_class: str | None = None
    keywords: list[str] | None = None
    attempts: int | None = None
    expired: bool | None = None
    downshift: bool | None = None


@router.post("/abstract-captcha", response_model=AbstractChallenge)
def create_abstract(request: Request) -> Any:
    """A new challenge."""
    service = service_of(request)
    target, pictures = service.catalogue.get().nine_pictures(service.random)
    challenge_id = service.new_challenge_id()
    urls = [service.asset(path) for path, _ in pictures]
    fields = {
        "target_class": target.name,
        "keywords": [target.korean],
        "image_urls": urls,
        "is_positive": [positive for _, positive in pictures],
    }
    service.create(request, CaptchaType.ABSTRACT, challenge_id, fields)
    return {
        "challenge_id": challenge_id,
        "question": f"{target.korean} 이미지를 모두 골라주세요",
        "target_class": target.name,
        "keywords": [target.korean],
        "ttl": service.settings.captcha_ttl,
        "images": [{"id": index, "url": url} for index, url in enumerate(urls)],
    }


@router.post("/abstract-verify", response_model=AbstractResult)
def verify_abstract(request: Request, answer: AbstractAnswer) -> Any:
    """Grade an answer."""
    service = service_of(request)
    secret = service.settings.abstract_hmac_secret
    submission = AbstractSubmission(
        answer.challenge_id,
        answer.selections,
        answer.signatures,
        secret.get_secret_value() if secret else None,
    )
    verdict = service.verify(request, submission)
    score = submission.score(verdict.document)
    result: dict[str, Any] = {
        "success": verdict.passed,
        "img_score": score.f1,
        "tp": score.tp,
        "fp": score.fp,
        "fn": score.fn,
        "target_class": verdict.document.get("target_class"),
        "keywords": verdict.document.get("keywords", []),
        "attempts": verdict.attempts,
        "expired": False,
    }
    if verdict.ended and not verdict.passed:
        result |= {"message": TOO_MANY, "downshift": True}
    return answered(AbstractResult, result)
