"""Which captcha comes next, by how the visitor behaved."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from devenv.captcha_api.service import service_of

router = APIRouter(prefix="/api", tags=["behaviour"])

SCORE_WITHOUT_ML = 75.0


class Behaviour(BaseModel):
    """Mouse movements, clicks and the like, as the widget recorded them."""

    behavior_data: dict[str, Any]


class NextCaptcha(BaseModel):
    """``confidence_score`` is 0..100, higher for people; ``is_bot_detected`` is null without ML."""

    message: str
    status: str
    confidence_score: float
    captcha_type: str
    next_captcha: str
    behavior_data_received: bool
    ml_service_used: bool
    is_bot_detected: bool | None


def choose(confidence: float) -> tuple[str, str]:
    """The captcha's type and the widget's name of it; the surer we are of a person, the easier."""
    if confidence >= 70:
        return "none", "success"
    if confidence >= 40:
        return "image", "imagecaptcha"
    if confidence >= 20:
        return "handwriting", "handwritingcaptcha"
    return "abstract", "abstractcaptcha"


@router.post("/next-captcha", response_model=NextCaptcha)
def next_captcha(request: Request, behaviour: Behaviour) -> Any:
    """Score the behaviour; an ML service that is down is no error."""
    prediction = service_of(request).ml.predict_bot(behaviour.behavior_data)
    confidence, is_bot = prediction or (SCORE_WITHOUT_ML, None)
    captcha_type, name = choose(confidence)
    return {
        "message": "Behavior analysis completed",
        "status": "success",
        "confidence_score": confidence,
        "captcha_type": captcha_type,
        "next_captcha": name,
        "behavior_data_received": bool(behaviour.behavior_data),
        "ml_service_used": prediction is not None,
        "is_bot_detected": is_bot,
    }
