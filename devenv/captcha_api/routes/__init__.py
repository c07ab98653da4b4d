"""The HTTP endpoints, one module per captcha."""

from __future__ import annotations

from typing import Any

from fastapi import Response
from fastapi.exceptions import ResponseValidationError
from pydantic import BaseModel, ValidationError

TOO_MANY = "Too many attempts; please try an easier challenge."


class Detail(BaseModel):
    """The body of an error."""

    detail: str


ERRORS: dict[int | str, dict[str, Any]] = {
    500: {"model": Detail, "description": "The stored session is broken"},
    503: {"model": Detail, "description": "The session store or the ML service is out of reach; Retry-After"},
}


def answered(model: type[BaseModel], fields: dict[str, Any]) -> Response:
    """An answer with these fields, checked against its model, in the thread that has made them.

    FastAPI would hand them to another thread for the check, which takes a tenth of a verify's time.
    Raises ResponseValidationError.
    """
    try:
        text = model.model_validate(fields).model_dump_json(exclude_unset=True)
    except ValidationError as problem:
        raise ResponseValidationError(problem.errors(), body=fields) from problem
    return Response(text, media_type="application/json")
