"""What the explorer of sessions asks of the process that has the gate, and the answers; both as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from devenv.core.model.events import TraceEvent, trace_event
from devenv.core.model.session_profile import SessionProfile
from devenv.core.serializability.ends import End, HttpAnswer
from devenv.core.serializability.orders import Choice, OrderStep, Path


@dataclass(frozen=True, slots=True)
class SessionCall:
    """One request of the session, on a pod of its own."""

    name: str
    """As the meeting calls it."""
    request: str
    """The name of the request in the session's profile."""
    pod: str
    """The pod's full name."""


@dataclass(frozen=True, slots=True)
class SessionJob:
    """Open a session, let requests use it in a sequence or an order, and ask what is left."""

    session: SessionProfile
    headers: Mapping[str, str]
    """Those that go with every request."""
    calls: tuple[SessionCall, ...]
    """The requests: each on another pod."""
    sequence: tuple[int, ...] | None = None
    """These requests are sent one after the other; None: all, by the order of their Redis commands."""
    prefix: tuple[Choice, ...] = ()
    """The first choices of the order; after them always the first that is possible."""
    patient: frozenset[int] = frozenset()
    """The requests that send commands after their answer: their end is waited for."""
    endless: frozenset[int] = frozenset()
    """The requests that never give up waiting for a lock."""
    record: bool = False
    """Whether the records of the run are reported too."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "session": asdict(self.session),
            "headers": dict(self.headers),
            "calls": [asdict(call) for call in self.calls],
            "sequence": None if self.sequence is None else list(self.sequence),
            "prefix": [list(choice) for choice in self.prefix],
            "patient": sorted(self.patient),
            "endless": sorted(self.endless),
            "record": self.record,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SessionJob:
        """The inverse of ``to_json``."""
        sequence = data["sequence"]
        return cls(
            SessionProfile.from_json(data["session"]),
            data["headers"],
            tuple(SessionCall(**call) for call in data["calls"]),
            None if sequence is None else tuple(sequence),
            tuple(Choice(*choice) for choice in data["prefix"]),
            frozenset(data["patient"]),
            frozenset(data["endless"]),
            data["record"],
        )


@dataclass(frozen=True, slots=True)
class SessionRun:
    """What a job came to."""

    opened: HttpAnswer
    """The last answer to ``open``."""
    path: Path
    """The steps of an order; of a sequence, the commands as they came."""
    end: End[int]
    cookies: tuple[str, ...] = ()
    """The names of those that went with every use."""
    late: frozenset[int] = frozenset()
    """The requests that sent a command after their answer, unwaited for: this run counts nothing."""
    endless: frozenset[int] = frozenset()
    """The requests that were to give up waiting and did not: this run counts nothing."""
    stuck: tuple[str, ...] = ()
    """What requests wait for, where none could go on: then they were ended."""
    records: tuple[TraceEvent, ...] = ()
    """Its requests and commands in order of time, where that was asked for."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "opened": self.opened.to_json(),
            "path": [step.to_json() for step in self.path],
            "answers": [[member, answer.to_json()] for member, answer in self.end.answers.items()],
            "ask": self.end.ask.to_json(),
            "cookies": list(self.cookies),
            "late": sorted(self.late),
            "endless": sorted(self.endless),
            "stuck": list(self.stuck),
            "records": [event.to_json() for event in self.records],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SessionRun:
        """The inverse of ``to_json``."""
        answers = {member: HttpAnswer.from_json(answer) for member, answer in data["answers"]}
        return cls(
            HttpAnswer.from_json(data["opened"]),
            tuple(OrderStep.from_json(step) for step in data["path"]),
            End(answers, HttpAnswer.from_json(data["ask"])),
            tuple(data["cookies"]),
            frozenset(data["late"]),
            frozenset(data["endless"]),
            tuple(data["stuck"]),
            tuple(trace_event(event) for event in data["records"]),
        )
