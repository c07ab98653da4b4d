"""What the Redis stores have in common about a session's document and its id."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from devenv.captcha_api.errors import BrokenSession

_CHALLENGE_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


def is_challenge_id(text: str) -> bool:
    """Whether it can be one: no other text that a caller sends may become part of a key."""
    return _CHALLENGE_ID.fullmatch(text) is not None


def read_document(text: str) -> Mapping[str, Any]:
    """A document as it is stored. Raises BrokenSession for what is no JSON object."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise BrokenSession("The stored session is broken: not a JSON object")
    return document
