"""A login session on another pod: known, lost, or an answer that does not tell."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import httpx
import pytest

from devenv.core.model.presets import CAPTCHA
from devenv.core.model.requests import Request
from devenv.core.model.service import ServiceSpec
from devenv.core.model.session_profile import SessionProfile, SessionRequest
from devenv.verbs.doctor.probe.login_crossings import PodsWithLogin

ANSWERS = count()
Shown = Callable[[str, bool], tuple[int, str]]
"""What a pod, that knows the session or not, answers to the request that asks: status and body."""


def login(asked: Shown, shared: bool, opening: int = 200) -> list[tuple[str, bool, bool]]:
    """Answer, lost and unclear of a session of pod a, used on b. ``shared``: b knows it too."""

    def handle(request: httpx.Request) -> httpx.Response:
        pod = request.headers["X-Devenv-Pod"]
        if request.url.path == "/login":
            return httpx.Response(opening, headers={"Set-Cookie": "sid=1"})
        if request.url.path == "/add":
            return httpx.Response(200)
        known = "sid=1" in request.headers.get("Cookie", "") and (shared or pod == "a")
        status, text = asked(pod, known)
        return httpx.Response(status, text=text)

    session = SessionProfile(
        (Request("/login"),), Request("/me", "GET"), {"add": SessionRequest(Request("/add"))}
    )
    http = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://service")
    crossings = PodsWithLogin(http, ServiceSpec("/service", CAPTCHA, session=session)).crossings(
        "a", ("a", "b")
    )
    return [(item.answer, item.lost, item.unclear) for item in crossings]


def refuses(pod: str, known: bool) -> tuple[int, str]:
    """As a login is: without a session 401."""
    return (200, f"kim, answer {next(ANSWERS)}") if known else (401, "who are you?")


def empty(pod: str, known: bool) -> tuple[int, str]:
    """As a cart is: one that was never opened is empty."""
    return 200, "1 thing" if known else "nothing"


def restless(pod: str, known: bool) -> tuple[int, str]:
    """As a cart is whose answers have the time in them."""
    return 200, f"{'1 thing' if known else 'nothing'} at {next(ANSWERS)}"


def forgetful(pod: str, known: bool) -> tuple[int, str]:
    return 401, "who are you?"


def breaks(pod: str, known: bool) -> tuple[int, str]:
    """The other pod breaks on the session."""
    return (200, "kim") if pod == "a" and known else (500, "TypeError") if pod == "b" else (401, "who?")


@pytest.mark.parametrize(
    ("asked", "shared", "answer", "lost", "unclear"),
    [
        (refuses, True, "known", False, False),
        (refuses, False, "HTTP 401: who are you?", True, False),
        (empty, True, "known", False, False),
        (empty, False, "HTTP 200: nothing; without a session the answer is the same", True, False),
        (restless, True, "HTTP 200: 1 thing at ", False, True),
        (restless, False, "HTTP 200: nothing at ", False, True),
        (forgetful, True, "not known on a itself: HTTP 401: who are you?", False, True),
        (breaks, True, "HTTP 500: TypeError", False, True),
    ],
)
def test_what_the_answer_of_the_other_pod_tells(
    asked: Shown, shared: bool, answer: str, lost: bool, unclear: bool
) -> None:
    [(shown, was_lost, was_unclear)] = login(asked, shared)
    assert shown.startswith(answer)
    assert (was_lost, was_unclear) == (lost, unclear)


def test_a_session_that_was_not_opened_tells_nothing() -> None:
    [(answer, lost, unclear)] = login(refuses, True, opening=422)
    assert (answer, lost, unclear) == ("not opened: HTTP 422: ", False, True)
