"""What the scripted client sends to a service and how it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from devenv.core.model.bodies import answered_fields
from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.ids import ChallengeId
from devenv.core.model.vocabulary import Answer, Outcome
from devenv.core.render.page_text import page_line
from devenv.core.render.sequence import MessageKind

Submission = Mapping[str, Any]
"""The answering part of a verify body: ``selections`` or ``image_base64``."""

_LONGEST_REASON = 300
"""Characters of a service's own text about a failure that are shown; the rest is counted."""


class CreateFailed(EnvironmentProblem):
    """A challenge could not be created.

    ``status`` is the HTTP status, None where no answer came; ``text`` is the answer's body.
    """

    def __init__(
        self, message: str, *, status: int | None, served_by: str | None, text: str = "", hint: str | None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.served_by = served_by
        self.text = text


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answered to one request."""

    status: int | None
    """None where no answer came."""
    body: Mapping[str, Any]
    """The JSON object of the answer; where there is none ``error`` has its beginning, or why none came."""
    served_by: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""
    text: str = ""
    """The body as it came."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A created challenge."""

    id: ChallengeId | None
    """None where the service gave none."""
    type: str
    raw: Mapping[str, Any]
    """The whole answer of the service."""
    served_by: str | None
    request_id: str
    cookies: Mapping[str, str] = field(default_factory=dict)
    """All cookies that the answer set: a service may want more than the one with the id."""
    sessionless: bool = False
    """The service answers without sessions: the history calls it by its request's id."""

    @property
    def short(self) -> str:
        """The type and the beginning of the id, for pictures."""
        return f"{self.type} {self.id[:6]}" if self.id else str(self.type)

    @property
    def session(self) -> str | None:
        """``<type>:<id>``: the Redis key without its prefix; None for a session without an id."""
        name = self.id or (self.request_id if self.sessionless else None)
        return f"{self.type}:{name}" if name else None


@dataclass(frozen=True, slots=True)
class Verified:
    """How one verify ended."""

    outcome: Outcome
    status: int | None
    """None where no answer came."""
    body: Mapping[str, Any]
    """Has ``error`` where no answer came."""
    served_by: str | None
    request_id: str
    started: float
    """Seconds since the epoch."""
    ended: float
    """Seconds since the epoch."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""
    text: str = ""
    """The answer's body."""
    content: bytes = b""
    """The same as it came."""

    @property
    def message(self) -> str | None:
        """The service's message, if it sent one."""
        text = self.body.get("message")
        return text if isinstance(text, str) else None

    @property
    def attempts(self) -> int | None:
        """The attempts counted so far, if the service said."""
        count = self.body.get("attempts")
        return count if isinstance(count, int) and not isinstance(count, bool) else None

    @property
    def downshift(self) -> bool:
        """Whether the service asked for another kind of captcha."""
        return bool(self.body.get("downshift"))


@dataclass(frozen=True, slots=True)
class Content:
    """Any request."""

    method: str
    path: str
    """With its query."""
    headers: Mapping[str, str]
    content: bytes | None
    """The bytes of its body."""


def json_of(response: httpx.Response) -> Mapping[str, Any]:
    """The JSON object in an answer; of a stream of events (text/event-stream) that of the last."""
    return answered_fields(response.text) or {"error": response.text[:200]}


def reason_of(status: int | None, body: Mapping[str, Any]) -> str:
    """Why a request failed, in one line; ``status`` None where no answer came."""
    detail = body.get("detail") or body.get("message") or body.get("error") or ""
    if isinstance(detail, str):
        detail = page_line(detail, _LONGEST_REASON)
    return f"HTTP {status}: {detail}".rstrip(": ") if status is not None else str(detail)


def reply_label(result: Verified) -> str:
    """The answer of a verify, as the label of an arrow."""
    if result.status != 200 and result.outcome is Outcome.ERROR:
        return reason_of(result.status, result.body)
    if result.outcome is Outcome.WRONG:
        return "wrong" if result.attempts is None else f"wrong, attempt {result.attempts}"
    return (
        "success"
        if result.outcome is Outcome.SUCCESS
        else (result.message or str(result.outcome).replace("_", " "))
    )


def reply_kind(result: Verified, answer: str) -> MessageKind:
    """How the arrow of a verify's answer is drawn; ``answer`` is what was sent."""
    if result.outcome is Outcome.SUCCESS or (result.outcome is Outcome.WRONG and answer != Answer.RIGHT):
        return "reply"
    return "failed"
