"""How a request ends without a grade."""

from __future__ import annotations

from enum import StrEnum

from devenv.core.model.vocabulary import NOT_FOUND_MESSAGE


class Refusal(StrEnum):
    """Why an answer was not graded; the values label the metrics."""

    NOT_FOUND = "not_found"
    EXPIRED = "expired"
    SOLVED = "already_solved"
    UNGRADED = "ungraded"


class Ungraded(Exception):
    """The answer was not graded and cost no attempt: HTTP 200 with ``success: false`` and ``message``."""

    def __init__(self, message: str, refusal: Refusal = Refusal.UNGRADED) -> None:
        super().__init__(message)
        self.message = message
        self.refusal = refusal


class ServiceUnavailable(Exception):
    """Something this service needs is out of reach: HTTP 503 with Retry-After; trying again may help."""

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class StoreUnavailable(ServiceUnavailable):
    """Redis does not answer in time, or refuses to write."""


class MLUnavailable(ServiceUnavailable):
    """The ML service, which holds the pictures, does not answer or answers nonsense."""


class BrokenSession(Exception):
    """What lies under the session's key is no session: HTTP 500, never a pass."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def not_found() -> Ungraded:
    """No such session, or no longer (Redis cannot tell the two apart)."""
    return Ungraded(NOT_FOUND_MESSAGE, Refusal.NOT_FOUND)
