"""What the explorer asks of the process that has the gate, and what it is told; both as JSON.

Challenge ids are written ``CID`` here; each run has its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devenv.explore.access import Touched
from devenv.explore.behaviour import LOST, Answered, Heard, Issued, Lost, Place, Seen
from devenv.explore.outcome import Beside, Outcome
from devenv.spec.keyspace import Entry, Hash, Text
from devenv.spec.redis_model import Client, Database
from devenv.spec.replies import Failure, NoArray, Pairs, Reply, Status

CID = "c1d0" * 8
"""Stands for the challenge id: as long as a real one, and nothing else."""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request: ``POST path`` with a JSON body, to ``pod``."""

    name: str
    pod: str
    path: str
    body: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"name": self.name, "pod": self.pod, "path": self.path, "body": dict(self.body)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Call:
        """The inverse of ``to_json``."""
        return cls(data["name"], data["pod"], data["path"], data["body"])


@dataclass(frozen=True, slots=True)
class Scripted:
    """Let one request run on given replies, then on a database of the model, until its answer.

    Nothing of it reaches Redis. ``client`` is its number there; ``places`` hold words that are its own names.
    """

    call: Call
    heard: tuple[Heard, ...]
    database: Database
    client: int
    places: frozenset[Place]
    restarts = crowds = False

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "kind": "scripted",
            "call": self.call.to_json(),
            "heard": [_heard_json(it) for it in self.heard],
            "database": _database_json(self.database),
            "clients": [
                [number, [_text(key) for key in it.watched], it.dirty] for number, it in self.database.clients
            ],
            "client": self.client,
            "places": [list(place) for place in sorted(self.places)],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scripted:
        """The inverse of ``to_json``."""
        return cls(
            Call.from_json(data["call"]),
            tuple(_heard(it) for it in data["heard"]),
            _database(data["database"], data["clients"]),
            data["client"],
            frozenset((label, number, words, at) for label, number, words, at in data["places"]),
        )


@dataclass(frozen=True, slots=True)
class ScriptedRun:
    """What the request did (``seen``) and was told in between (``heard``)."""

    heard: tuple[Heard, ...]
    seen: tuple[Seen, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"heard": [_heard_json(it) for it in self.heard], "seen": [_seen_json(it) for it in self.seen]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ScriptedRun:
        """The inverse of ``to_json``."""
        return cls(tuple(_heard(it) for it in data["heard"]), tuple(_seen(it) for it in data["seen"]))


@dataclass(frozen=True, slots=True)
class EventCall:
    """An event as a process: ``expire`` or ``age`` of the session's key, ``lost`` of ``target``'s reply,
    ``restart`` of ``pod``."""

    event: str
    target: int | None = None
    pod: str | None = None


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Let requests and events run on one fresh session, step by step.

    Processes are numbered: ``calls`` first, then ``events``. First the steps of ``prefix`` (a process each),
    then always the first process that is not in ``sleep``; where all sleep, the run is blocked and merely
    brought to an end. ``watch``: tell the replies too. ``db``: the number of the database.
    """

    key: str
    document: str
    ttl_ms: int
    calls: tuple[Call, ...]
    events: tuple[EventCall, ...]
    prefix: tuple[int, ...] = ()
    sleep: frozenset[int] = frozenset()
    watch: bool = False
    db: int = 0

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
            "document": self.document,
            "ttl_ms": self.ttl_ms,
            "calls": [call.to_json() for call in self.calls],
            "events": [[it.event, it.target, it.pod] for it in self.events],
            "prefix": list(self.prefix),
            "sleep": sorted(self.sleep),
            "watch": self.watch,
            "db": self.db,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scheduled:
        """The inverse of ``to_json``."""
        return cls(
            data["key"],
            data["document"],
            data["ttl_ms"],
            tuple(Call.from_json(it) for it in data["calls"]),
            tuple(EventCall(event, target, pod) for event, target, pod in data["events"]),
            tuple(data["prefix"]),
            frozenset(data["sleep"]),
            data["watch"],
            data["db"],
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """One step that was taken: by ``process``, what it was (a command's name, an event), what it touched.

    ``reply`` in short, where that was asked for. ``waiting``: who waited inside a pod then. ``instead``, of
    the step in which a request learns that it was cut short: what it was about to touch until then.
    """

    process: int
    label: str
    touched: Touched
    reply: str | None = None
    waiting: tuple[int, ...] = ()
    instead: Touched | None = None

    def to_json(self) -> list[Any]:
        """A plain list."""
        instead = None if self.instead is None else [sorted(it) for it in self.instead]
        touched = [sorted(it) for it in self.touched]
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

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        outcome = self.outcome
        return {
            "steps": [it.to_json() for it in self.steps],
            "answers": [_seen_json(it) for it in outcome.answers],
            "happened": [*outcome.happened],
            "left": outcome.left,
            "document": outcome.document,
            "beside": [list(it) for it in outcome.beside],
            "blocked_at": self.blocked_at,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ScheduledRun:
        """The inverse of ``to_json``."""
        answers = [_seen(it) for it in data["answers"]]
        return cls(
            tuple(Taken.from_json(it) for it in data["steps"]),
            Outcome(
                tuple(it for it in answers if isinstance(it, Answered)),
                tuple(data["happened"]),
                data["left"],
                data["document"],
                tuple(Beside(key, left, number) for key, left, number in data["beside"]),
            ),
            data["blocked_at"],
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


# --- bytes as text: one letter for each byte ----------------------------------------------------------------


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _heard_json(heard: Heard) -> Any:
    return {"lost": True} if isinstance(heard, Lost) else _reply_json(heard)


def _heard(data: Any) -> Heard:
    return LOST if isinstance(data, dict) and "lost" in data else _reply(data)


def _reply_json(reply: Reply) -> Any:
    match reply:
        case bytes():
            return _text(reply)
        case Status(text=text):
            return {"status": text}
        case Failure(text=text):
            return {"failure": text}
        case Pairs(items=items):
            return {"pairs": [[_text(key), _text(value)] for key, value in items]}
        case NoArray():
            return {"no_array": True}
        case tuple():
            return [_reply_json(part) for part in reply]
        case _:
            return reply


def _reply(data: Any) -> Reply:
    if isinstance(data, str):
        return data.encode("latin-1")
    if isinstance(data, list):
        return tuple(_reply(part) for part in data)
    if isinstance(data, dict):
        [(kind, value)] = data.items()
        match kind:
            case "status":
                return Status(value)
            case "failure":
                return Failure(value)
            case "pairs":
                return Pairs(tuple((k.encode("latin-1"), v.encode("latin-1")) for k, v in value))
            case _:
                return NoArray()
    assert data is None or isinstance(data, int)
    return data


def _seen_json(seen: Seen) -> Any:
    if isinstance(seen, Answered):
        return {"status": seen.status, "body": seen.body}
    commands = [[_text(word) for word in words] for words in seen.commands]
    return {"commands": commands, "transaction": seen.transaction}


def _seen(data: Mapping[str, Any]) -> Seen:
    if "status" in data:
        return Answered(data["status"], data["body"])
    commands = tuple(tuple(word.encode("latin-1") for word in words) for words in data["commands"])
    return Issued(commands, data["transaction"])


def _database_json(database: Database) -> Any:
    entries: list[Sequence[Any]] = []
    for key, entry in database.entries:
        value: Any = (
            _text(entry.value.data)
            if isinstance(entry.value, Text)
            else [[_text(name), _text(it)] for name, it in entry.value.fields]
        )
        entries.append([_text(key), value, entry.expires])
    return entries


def _database(data: Any, clients: Any) -> Database:
    """Between two steps no transaction is open: what matters of a client is what it watches."""
    entries = []
    for key, value, expires in data:
        kept = (
            Text(value.encode("latin-1"))
            if isinstance(value, str)
            else Hash(tuple((name.encode("latin-1"), it.encode("latin-1")) for name, it in value))
        )
        entries.append((key.encode("latin-1"), Entry(kept, expires)))
    watching = [
        (number, Client(watched=tuple(key.encode("latin-1") for key in watched), dirty=dirty))
        for number, watched, dirty in clients
    ]
    return Database(tuple(entries), tuple(watching))
