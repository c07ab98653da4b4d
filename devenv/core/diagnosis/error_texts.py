"""Texts of errors that tell a user nothing: what frameworks answer where a service's code raised."""

from __future__ import annotations

_BEGINNINGS = (
    "internal server error",  # Starlette, NestJS, Amazon API Gateway; what our own service adds is a type
    "an internal server error occurred",  # hapi
    "the server encountered an internal error",  # Werkzeug, Tomcat
    "a server error occurred",  # wsgiref
)
_WHOLE = frozenset(
    (
        "", "error", "internal", "internal error", "server error", "application error", "unknown error",
        "unexpected error", "unexpected server error", "an error occurred", "an error has occurred",
        "an unexpected error occurred", "an unexpected error has occurred", "something went wrong",
        "we're sorry, but something went wrong", "no message available", "unhandled exception",
    )
)  # fmt: skip
"""Laravel, Rails, Spring Boot, and what people write themselves: in lower case, without a full stop."""


def says_nothing(reason: str) -> bool:
    """Whether the text of an error names no reason, in whatever case, its status before it or not."""
    text = reason.strip().lower().lstrip("0123456789:- ").rstrip("0123456789.!:;,()[] ")
    return text in _WHOLE or text.startswith(_BEGINNINGS)
