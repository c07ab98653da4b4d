"""What the explorer asks of the process that has the gate, and the answers; both as JSON.

``ANY_ID`` stands for the challenge id here; each run has its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from devenv.core.model.events import TraceEvent, trace_event
from devenv.core.model.ids import ChallengeId, SessionKey
from devenv.core.model.service import ServiceProfile
from devenv.core.search.access import Touched
from devenv.core.search.behaviour import Answered, Heard, Place, Seen
from devenv.core.search.outcome import Beside, Outcome
from devenv.core.spec.redis_model import Database
from devenv.wire.executor.codec import (
    database_from_json,
    database_to_json,
    heard_from_json,
    heard_to_json,
    seen_from_json,
    seen_to_json,
)

ANY_ID = ChallengeId("c1d0" * 8)
"""Stands for the challenge id: as long as a real one, and nothing else."""
RULE_PREFIX = "explore-"
"""Of the names of the explorers' own rules at the gate."""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request to a pod."""

    name: str
    pod: str
    """The pod's full name."""
    path: str
    body: Any
    """Sent as JSON, or with ``as_form`` as an HTML form."""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    profile: ServiceProfile | None = None
    """The profile, without kinds, by which its answer is read; None: by the contract."""
    as_form: bool = False
    """Whether the body's fields are sent as a form."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict; what is as usual is left out."""
        data = {"name": self.name, "pod": self.pod, "path": self.path, "body": self.body}
        if self.as_form:
            data["as_form"] = True
        if self.profile is not None:
            data |= {"method": self.method, "headers": dict(self.headers), "profile": self.profile.to_json()}
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Call:
        """The inverse of ``to_json``."""
        profile = ServiceProfile.from_json(data["profile"]) if data.get("profile") else None
        method, headers = data.get("method", "POST"), data.get("headers", {})
        sent = data["name"], data["pod"], data["path"], data["body"]
        return cls(*sent, method, headers, profile, bool(data.get("as_form")))

    def real(self, challenge_id: ChallengeId) -> Call:
        """With ``challenge_id`` for ``ANY_ID``, wherever it stands."""
        if self.profile is None:  # the contract's: a plain field of the body
            return replace(
                self,
                body={name: challenge_id if item == ANY_ID else item for name, item in self.body.items()},
            )
        body = json.loads(json.dumps(self.body).replace(ANY_ID, challenge_id))
        headers = {name: value.replace(ANY_ID, challenge_id) for name, value in self.headers.items()}
        return replace(self, path=self.path.replace(ANY_ID, challenge_id), body=body, headers=headers)


@dataclass(frozen=True, slots=True)
class Scripted:
    """Let one request run on given replies, then on a database of the model, until its answer.

    None of its commands reaches Redis.
    """

    call: Call
    heard: tuple[Heard, ...]
    database: Database
    client: int
    """Its number in the database."""
    places: frozenset[Place]
    """The places of words that are its own names."""
    restarts = crowds = False

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "kind": "scripted",
            "call": self.call.to_json(),
            "heard": [heard_to_json(item) for item in self.heard],
            "database": database_to_json(self.database),
            "client": self.client,
            "places": [list(place) for place in sorted(self.places)],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scripted:
        """The inverse of ``to_json``."""
        return cls(
            Call.from_json(data["call"]),
            tuple(heard_from_json(item) for item in data["heard"]),
            database_from_json(data["database"]),
            data["client"],
            frozenset((label, number, words, position) for label, number, words, position in data["places"]),
        )


@dataclass(frozen=True, slots=True)
class ScriptedRun:
    """What a request did on given replies."""

    heard: tuple[Heard, ...]
    """The replies that it was given."""
    seen: tuple[Seen, ...]
    """What it did."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "heard": [heard_to_json(item) for item in self.heard],
            "seen": [seen_to_json(item) for item in self.seen],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ScriptedRun:
        """The inverse of ``to_json``."""
        heard, seen = data["heard"], data["seen"]
        return cls(
            tuple(heard_from_json(item) for item in heard), tuple(seen_from_json(item) for item in seen)
        )


@dataclass(frozen=True, slots=True)
class EventCall:
    """An event as a process."""

    event: str
    """``expire`` or ``age`` of the session's key, ``lost`` of a reply, ``restart`` of a pod."""
    target: int | None = None
    """The request whose reply is lost."""
    pod: str | None = None
    """The pod that is restarted."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Let requests and events run on one fresh session, step by step."""

    key: SessionKey
    document: bytes
    """The session's value, with ``ANY_ID`` for its id: any bytes, as the service wrote them."""
    ttl_ms: int
    calls: tuple[Call, ...]
    """The requests: processes 0, 1, …"""
    events: tuple[EventCall, ...]
    """The events: the processes after those of ``calls``."""
    prefix: tuple[int, ...] = ()
    """The first steps, a process each."""
    sleep: frozenset[int] = frozenset()
    """After the prefix always the first process that is not in here goes on; where all sleep, the run is
    blocked and brought to an end.
    """
    watch: bool = False
    """Whether the replies are reported too."""
    db: int = 0
    """The number of the database."""
    record: bool = False
    """Whether the records of the run are reported too."""

    @property
    def restarts(self) -> bool:
        """Whether a pod is restarted."""
        return any(event.pod is not None for event in self.events)

    @property
    def crowds(self) -> bool:
        """Whether a pod serves several requests."""
        return len(dict.fromkeys(call.pod for call in self.calls)) < len(self.calls)

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "kind": "scheduled",
            "key": self.key,
            "document": self.document.decode("latin-1"),
            "ttl_ms": self.ttl_ms,
            "calls": [call.to_json() for call in self.calls],
            "events": [[event.event, event.target, event.pod] for event in self.events],
            "prefix": list(self.prefix),
            "sleep": sorted(self.sleep),
            "watch": self.watch,
            "db": self.db,
            "record": self.record,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scheduled:
        """The inverse of ``to_json``."""
        return cls(
            data["key"],
            data["document"].encode("latin-1"),
            data["ttl_ms"],
            tuple(Call.from_json(call) for call in data["calls"]),
            tuple(EventCall(event, target, pod) for event, target, pod in data["events"]),
            tuple(data["prefix"]),
            frozenset(data["sleep"]),
            data["watch"],
            data["db"],
            data["record"],
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """One step that was taken."""

    process: int
    """The process that took it."""
    label: str
    """A command's name, or an event."""
    touched: Touched
    """What it touched."""
    reply: str | None = None
    """In short, where that was asked for."""
    waiting: tuple[int, ...] = ()
    """The processes that waited inside a pod then."""
    instead: Touched | None = None
    """Of the step in which a request learns that it was cut short: what it was about to touch until then."""

    def to_json(self) -> list[Any]:
        """A plain list."""
        instead = None if self.instead is None else [sorted(item) for item in self.instead]
        touched = [sorted(item) for item in self.touched]
        return [self.process, self.label, touched, self.reply, list(self.waiting), instead]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Taken:
        """The inverse of ``to_json``."""
        process, label, touched, reply, waiting, instead = data
        was = None if instead is None else Touched(*map(frozenset, instead))
        return cls(process, label, Touched(*map(frozenset, touched)), reply, tuple(waiting), was)


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """The steps in order, how it ended, and after how many steps the run was blocked, if it was."""

    steps: tuple[Taken, ...]
    outcome: Outcome
    blocked_at: int | None
    records: tuple[TraceEvent, ...] = ()
    """Its requests, commands and events in order of time, where that was asked for."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        outcome = self.outcome
        return {
            "steps": [step.to_json() for step in self.steps],
            "answers": [seen_to_json(answer) for answer in outcome.answers],
            "happened": [*outcome.happened],
            "left": outcome.left,
            "document": outcome.document,
            "beside": [list(item) for item in outcome.beside],
            "blocked_at": self.blocked_at,
            "records": [event.to_json() for event in self.records],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ScheduledRun:
        """The inverse of ``to_json``."""
        answers = [seen_from_json(answer) for answer in data["answers"]]
        return cls(
            tuple(Taken.from_json(step) for step in data["steps"]),
            Outcome(
                tuple(answer for answer in answers if isinstance(answer, Answered)),
                tuple(data["happened"]),
                data["left"],
                data["document"],
                tuple(Beside(key, left, number) for key, left, number in data["beside"]),
            ),
            data["blocked_at"],
            tuple(trace_event(event) for event in data["records"]),
        )


Job = Scripted | Scheduled


def job_from_json(data: Mapping[str, Any]) -> Job:
    """Either kind."""
    return Scripted.from_json(data) if data["kind"] == "scripted" else Scheduled.from_json(data)


def canonical_json(body: bytes) -> str:
    """A body as text that is the same for equal JSON; what is no JSON becomes a JSON string."""
    text = body.decode("utf-8", "backslashreplace")
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True)
    except ValueError:
        return json.dumps(text[:200], ensure_ascii=False)
