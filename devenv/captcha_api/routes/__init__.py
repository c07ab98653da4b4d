"""The HTTP endpoints, one module per captcha."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

TOO_MANY = "Too many attempts; please try an easier challenge."


class Detail(BaseModel):
    """The body of an error."""

    detail: str


ERRORS: dict[int | str, dict[str, Any]] = {
    500: {"model": Detail, "description": "The stored session is broken"},
    503: {"model": Detail, "description": "The session store or the ML service is out of reach; Retry-After"},
}
