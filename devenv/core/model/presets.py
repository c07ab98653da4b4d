"""The profiles that come along: ``captcha``, the HTTP contract, ``mcp-session`` and ``mcp-handle``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from devenv.core.model.mcp import MCP_HANDLE, MCP_SESSION
from devenv.core.model.service import ANSWER, ID, Kind, Request, Rule, ServiceProfile
from devenv.core.model.vocabulary import NOT_FOUND_MESSAGE, Answer, CaptchaType

_NINE = list(range(9))
_CELLS = list(range(1, 10))
_BLANK = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsVj2"
    "9AAAAABJRU5ErkJggg=="
)
"""A white dot: no word."""


def _captcha_kind(create: str, verify: str, answered: str, answers: Mapping[str, Any], *aliases: str) -> Kind:
    body = {"challenge_id": ID, answered: ANSWER}
    return Kind(Request(create), Request(verify, body=body), aliases, answers)


_FAILED: Mapping[str, Any] = {"success": False}

CAPTCHA = ServiceProfile(
    name="captcha",
    kinds={
        str(CaptchaType.ABSTRACT): _captcha_kind(
            "/api/abstract-captcha",
            "/api/abstract-verify",
            "selections",
            {str(Answer.WRONG): _NINE, str(Answer.EMPTY): []},  # at most five of the nine are right
        ),
        str(CaptchaType.IMAGEGRID): _captcha_kind(
            "/api/imagecaptcha-challenge",
            "/api/imagecaptcha-verify",
            "selections",
            {str(Answer.WRONG): _CELLS, str(Answer.EMPTY): []},
            "/api/image-challenge",
        ),
        str(CaptchaType.HANDWRITING): _captcha_kind(
            "/api/handwriting-challenge",
            "/api/handwriting-verify",
            "image_base64",
            {str(Answer.WRONG): _BLANK, str(Answer.EMPTY): ""},
        ),
    },
    not_found=(Rule(equals={"message": NOT_FOUND_MESSAGE}),),
    success=(Rule(equals={"success": True}),),
    oracle="mock-ml",
    limit=2,
    # A graded failure is one without a message, or with what only graded answers carry.
    wrong=(
        Rule(equals=_FAILED, absent=("message",)),
        Rule(equals=_FAILED, present=("attempts",)),
        Rule(equals=_FAILED, present=("downshift",)),
    ),
)

PRESETS: Mapping[str, ServiceProfile] = {item.name: item for item in (CAPTCHA, MCP_SESSION, MCP_HANDLE)}


def profile_from_text(text: str) -> ServiceProfile:
    """A profile from its JSON text, as a trace carries it; the captcha preset where it is none."""
    try:
        return ServiceProfile.from_json(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return CAPTCHA
