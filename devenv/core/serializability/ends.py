"""How requests of one session ended: their answers, and the answer of ``ask`` afterwards."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

MAX_SHOWN = 120
"""Characters of a body that a sentence shows."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
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
    def from_json(cls, data: Mapping[str, Any]) -> HttpAnswer:
        """The inverse of ``to_json``."""
        return cls(data["status"], data["body"].encode("latin-1"), data["location"])

    def described(self) -> dict[str, Any]:
        """As scenario files have it: JSON as data, other text as text, other bytes as Base64."""
        data = self.data
        if isinstance(data, dict | list):
            body: dict[str, Any] = {"json": data}
        else:
            try:
                body = {"text": self.body.decode("utf-8")}
            except UnicodeDecodeError:
                body = {"base64": b64encode(self.body).decode("ascii")}
        return {"status": self.status, **body, **({"location": self.location} if self.location else {})}

    @classmethod
    def from_description(cls, data: Mapping[str, Any]) -> HttpAnswer:
        """The inverse of ``described``, but for how JSON was written."""
        if "json" in data:
            body = json.dumps(data["json"], ensure_ascii=False).encode()
        elif "base64" in data:
            body = b64decode(data["base64"])
        else:
            body = str(data.get("text", "")).encode()
        return cls(data["status"], body, data.get("location", ""))


Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class End(Generic[Key]):
    """What a run came to."""

    answers: Mapping[Key, HttpAnswer]
    """By request, of those that were sent: by its position in the meeting, or by its name."""
    ask: HttpAnswer
