"""Where sessions live: one small protocol, several stores behind it; routes never know which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from devenv.core.model.vocabulary import CaptchaType

Document = dict[str, Any]
"""A session as it is kept: plain JSON with the fields of its captcha type."""

ATTEMPTS_LIMIT = 2
"""Graded attempts per challenge."""


class Submission(Protocol):
    """One submitted answer, as the stores see it."""

    kind: CaptchaType
    challenge_id: str

    def presumed(self) -> Mapping[str, Any] | None:
        """As much of the session's document as ``gather`` reads, known without asking the store.

        None where it cannot be known. It may turn out wrong; the atomic store finds out in time.
        """

    def gather(self, document: Mapping[str, Any]) -> None:
        """Everything that judging needs and that costs no attempt: signatures, ML calls.

        Raises Ungraded.
        """

    def passes(self, document: Mapping[str, Any]) -> bool:
        """Whether the answer is right, after ``gather``."""

    def claim(self) -> tuple[str, str]:
        """The answer and its basis as the atomic store's script compares them, after ``gather``."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A graded answer."""

    document: Mapping[str, Any]
    passed: bool
    attempts: int | None
    """Counts this answer; None where the store does not count."""
    ended: bool
    """Whether the session is over: by success, or at the limit."""


class SessionStore(Protocol):
    """Keeps the sessions of one pod, or of all of them."""

    name: str

    def create(self, kind: CaptchaType, challenge_id: str, document: Document) -> bool:
        """Keep a new session for CAPTCHA_TTL seconds; whether its challenge id will name it later.

        Raises StoreUnavailable.
        """

    def verify(self, submission: Submission) -> Verdict:
        """Grade an answer, count the attempt, end the session where that is due.

        Raises Ungraded (not found, expired, already solved, …), StoreUnavailable, BrokenSession.
        """

    def warm_up(self) -> None:
        """Called once at start; never raises."""

    def check_ready(self) -> None:
        """Raises StoreUnavailable where requests would fail for it."""

    def sessions_here(self) -> Mapping[str, int]:
        """How many open sessions this process itself holds, by captcha type."""

    def server_info(self) -> Mapping[str, Any]:
        """Redis' own INFO, for the metrics; empty where there is none or it does not answer."""
