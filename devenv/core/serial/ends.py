"""How requests of one session ended: their answers, and the answer of ``ask`` afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_SHOWN = 120
"""Characters of a body that a sentence shows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, as far as it is compared."""

    status: int
    """0: the connection ended without an answer."""
    body: bytes
    location: str = ""
    """Where it redirects to."""

    @property
    def text(self) -> str:
        """The body as text; one that is no UTF-8 byte by byte."""
        try:
            return self.body.decode("utf-8")
        except UnicodeDecodeError:
            return self.body.decode("latin-1")

    @property
    def data(self) -> Any:
        """The JSON of the body; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def refused(self) -> bool:
        """Whether the request counts as one that was not there: 4xx and 5xx."""
        return self.status >= 400

    def __str__(self) -> str:
        if not self.status:
            return "no answer"
        text = " ".join(self.text.split())
        if self.location:
            text = f"→ {self.location}"
        return f"{self.status} {text[:MAX_SHOWN]}{'…' if len(text) > MAX_SHOWN else ''}".rstrip()

    def to_json(self) -> dict[str, Any]:
        """A plain dict; the body is text, byte by byte (Latin-1), so that none is lost."""
        return {"status": self.status, "body": self.body.decode("latin-1"), "location": self.location}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Answer:
        """The inverse of ``to_json``."""
        return cls(data["status"], data["body"].encode("latin-1"), data["location"])


@dataclass(frozen=True, slots=True)
class End:
    """What a run came to."""

    answers: Mapping[int, Answer]
    """By position in the meeting, of those that were sent."""
    ask: Answer
