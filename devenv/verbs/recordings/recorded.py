"""What a recording holds, wherever it came from: requests with what is known of their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from devenv.core.model.bodies import answered_fields, sent_fields


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request. None is what the recording does not say.

    ``number`` is its entry or line in the file, from 1; ``started`` seconds since the epoch, ``seconds`` how
    long it took; ``target`` the path with its query. Header names are lower-case. ``client`` tells who sent
    it, where several did; ``pod`` who answered.
    """

    number: int
    method: str
    target: str
    started: float | None = None
    seconds: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    status: int | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer: str | None = None
    host: str = ""
    client: str = ""
    pod: str | None = None

    @property
    def path(self) -> str:
        """Without the query."""
        return urlsplit(self.target).path

    @property
    def ended(self) -> float | None:
        """Seconds since the epoch."""
        return None if self.started is None else self.started + (self.seconds or 0.0)

    @property
    def sent(self) -> Mapping[str, Any]:
        """The fields of the JSON object or the form that was sent; empty where there was neither."""
        return sent_fields(self.body)

    @property
    def got(self) -> Mapping[str, Any]:
        """The JSON object that was answered, also as an event stream; empty where there was none."""
        return answered_fields(self.answer)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded sequence. ``source`` says where from ("chrome.har"), ``form`` in which form.

    ``bodies``: whether what was sent is in it. ``notes`` say what was left out, and why.
    """

    source: str
    form: str
    requests: tuple[Recorded, ...]
    bodies: bool = True
    notes: tuple[str, ...] = ()
