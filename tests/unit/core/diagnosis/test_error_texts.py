"""Texts that frameworks answer in place of a reason, and texts that are one."""

from __future__ import annotations

import pytest

from devenv.core.diagnosis.error_texts import says_nothing


@pytest.mark.parametrize(
    "text",
    [
        "Internal Server Error",  # Starlette
        "Internal server error",  # NestJS, Amazon API Gateway
        "INTERNAL_SERVER_ERROR".replace("_", " "),
        "An internal server error occurred",  # hapi
        "Server Error",  # Laravel
        "Server Error (500)",  # Django
        "500 Internal Server Error\n\nServer got itself in trouble",  # aiohttp
        "500: Internal Server Error",  # Tornado
        "A server error occurred.  Please contact the administrator.",  # wsgiref
        "We're sorry, but something went wrong.",  # Rails
        "The server encountered an internal error and was unable to complete your request.",  # Werkzeug
        "No message available",  # Spring Boot
        "Something went wrong!",
        "",
    ],
)
def test_a_text_without_a_reason(text: str) -> None:
    assert says_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        "the session store is not available",
        "Something went wrong: the session document is broken",
        "LOADING Redis is loading the dataset in memory",
        "server error 7 of the session store",
        "error reading the session",
    ],
)
def test_a_reason(text: str) -> None:
    assert not says_nothing(text)
