"""One picture in nine cells: choose the cells that hold the thing asked for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from devenv.captcha_api.routes import ERRORS, TOO_MANY, answered
from devenv.captcha_api.service import service_of
from devenv.captcha_api.submissions import GridSubmission
from devenv.core.model.vocabulary import CaptchaType

router = APIRouter(prefix="/api", tags=["imagegrid"], responses=ERRORS)


class GridChallenge(BaseModel):
    """``ttl`` in seconds; the grid has ``grid_size`` × ``grid_size`` cells, numbered from 1, row by row."""

    challenge_id: str
    url: str
    ttl: int
    grid_size: int
    target_label: str
    question: str


class GridAnswer(BaseModel):
    """``selections`` are cells."""

    challenge_id: str
    selections: list[int]


class Box(BaseModel):
    """What YOLO saw, in pixels."""

    x1: float
    y1: float
    x2: float
    y2: float
    conf: float | None = None
    class_id: int | None = None
    class_name: str


class GridResult(BaseModel):
    """Graded, or ``success: false`` with a ``message`` only; the answer only when the challenge has ended."""

    success: bool
    message: str | None = None
    attempts: int | None = None
    target_label: str | None = None
    user_selections: list[int] | None = None
    downshift: bool | None = None
    correct_cells: list[int] | None = None
    boxes: list[Box] | None = None


@router.post("/imagecaptcha-challenge", response_model=GridChallenge)
@router.post("/image-challenge", response_model=GridChallenge)
def create_image_grid(request: Request) -> Any:
    """A new challenge."""
    service = service_of(request)
    challenge_id = service.new_challenge_id()
    scene = dict(service.scene_document(challenge_id))
    service.create(request, CaptchaType.IMAGEGRID, challenge_id, scene)
    korean = service.catalogue.get().korean(scene["target_label"])
    return {
        "challenge_id": challenge_id,
        "url": scene["image_url"],
        "ttl": service.settings.captcha_ttl,
        "grid_size": 3,
        "target_label": scene["target_label"],
        "question": f"{korean} 그림이 있는 칸을 모두 골라주세요",
    }


@router.post("/imagecaptcha-verify", response_model=GridResult)
def verify_image_grid(request: Request, answer: GridAnswer) -> Any:
    """Grade an answer; the picture's boxes come from the ML service now."""
    service = service_of(request)
    submission = GridSubmission(
        answer.challenge_id, answer.selections, service.ml.detect, service.scene_document
    )
    verdict = service.verify(request, submission)
    result: dict[str, Any] = {
        "success": verdict.passed,
        "attempts": verdict.attempts,
        "target_label": verdict.document.get("target_label"),
        "user_selections": sorted(submission.selected),
    }
    if verdict.ended:
        result |= {"correct_cells": sorted(submission.correct), "boxes": submission.boxes}
    if verdict.ended and not verdict.passed:
        result |= {"message": TOO_MANY, "downshift": True}
    return answered(GridResult, result)
