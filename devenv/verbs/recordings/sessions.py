"""Which requests of a recording are about which session, by the profile of the service."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, TypeGuard
from urllib.parse import urlsplit

from devenv.core.model.service import Reading, ServiceProfile
from devenv.core.model.vocabulary import Outcome
from devenv.verbs.recordings.formats.log_values import LogLine
from devenv.verbs.recordings.formats.recorded import Numbers, Recorded, Recording, numbered
from devenv.verbs.recordings.values.whole_values import WholeValues

_READING = ("GET", "HEAD")
_PAGE_TYPES = (
    "text/html", "text/css", "image/", "font/", "audio/", "video/", "application/wasm", "application/font",
    "application/x-font", "application/pdf", "application/octet-stream", "application/manifest",
)  # fmt: skip

_MOST_DONE = 32
_MOST_READINGS = 16_384
_ASSET = re.compile(r"\.(?:ico|png|jpe?g|gif|svg|webp|css|m?js|map|woff2?|ttf)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Event:
    """A request with what it was: it opened a session, used one, or is ``other`` to the profile."""

    use: Literal["create", "verify", "other"]
    request: Recorded | None
    """None: the session's opening is not in the recording, it is added before its first use."""
    number: int = -1
    """Of the session; -1: the request is about none."""
    kind: str = ""
    outcome: Outcome | None = None
    """How a use ended; None where the recording does not say."""

    @property
    def session(self) -> str:
        """The session's name in the scenario; empty where the request is about none."""
        return session_name(self.number) if self.number >= 0 else ""


def session_name(number: int) -> str:
    """How the session of this number (from 0) is called."""
    return f"c{number + 1}"


@dataclass(slots=True)
class _Client:
    """One client's sessions of one kind, by number, in order."""

    numbers: list[int] = field(default_factory=list)
    """The latest, and all before it from the first that still waits for something."""
    _unused: int = 0
    """How many at the begin of ``numbers`` were used."""
    _nameless: int = 0
    """How many at the begin of ``numbers`` were used or have an id."""

    def unused(self, used: bytearray) -> int | None:
        """The first session that was not used yet."""
        numbers = self.numbers
        while self._unused < len(numbers) and used[numbers[self._unused]]:
            self._unused += 1
        self._forget()
        return numbers[self._unused] if self._unused < len(numbers) else None

    def nameless(self, waits: Callable[[int], bool]) -> list[int]:
        """The first two sessions that wait for an id."""
        numbers = self.numbers
        while self._nameless < len(numbers) and not waits(numbers[self._nameless]):
            self._nameless += 1
        self._forget()
        return list(islice(filter(waits, islice(numbers, self._nameless, None)), 2))

    def _forget(self) -> None:
        """Drop sessions that wait for nothing, seldom: that moves the others. The latest stays."""
        self._nameless = max(self._nameless, self._unused)  # a used one waits for no id
        done = min(self._unused, len(self.numbers) - 1)
        if done > _MOST_DONE and 2 * done > len(self.numbers):
            del self.numbers[:done]
            self._unused -= done
            self._nameless -= done


@dataclass(slots=True)
class _Ids:
    """The sessions of one kind by the ids that they have, and where an id may stand in a text."""

    latest: dict[str, int] = field(default_factory=dict)
    """The latest session that has an id."""
    _values: WholeValues = field(default_factory=WholeValues)
    _indexed: bool = False
    """Whether ids are listed by their words: where all requests name theirs, nothing is looked up."""

    def add(self, challenge_id: str, session: int) -> None:
        """A session has this id."""
        if self._indexed:
            self._values.add((challenge_id,))
        self.latest[challenge_id] = session

    def standing_in(self, text: str) -> list[int]:
        """The sessions whose ids stand whole in a text."""
        if not self._indexed:
            self._indexed = True
            self._values.add(self.latest)
        return [self.latest[challenge_id] for challenge_id in self._values.standing_in(text)]


@dataclass(slots=True)
class Sessions:
    """Gives requests their sessions, in the order of the recording.

    A session is a number, in the order in which they are opened, from 0. A log has millions of them: what is
    known of one stands in columns.
    """

    profile: ServiceProfile
    bodies: bool = True
    unit: str = "entry"
    guessed: Numbers = field(default_factory=Numbers)
    """Requests that say nowhere which session they are about."""
    matched: Numbers = field(default_factory=Numbers)
    """Requests with an id that no answer gave: matched with the creates in order."""
    unknown: Numbers = field(default_factory=Numbers)
    """Uses that are left out: which session they are about is not in the recording."""
    incomplete: Numbers = field(default_factory=Numbers)
    """Other requests that are left out, as their bodies are missing."""
    answers_missing: Numbers = field(default_factory=Numbers)
    """Creates and uses whose answer is missing."""
    added: int = 0
    refused: int = 0
    kinds: list[str] = field(default_factory=list)
    """Of each session its kind."""
    _ids: list[str | None] = field(default_factory=list)
    """Of each session its id, None where the recording does not say."""
    _answered: bytearray = field(default_factory=bytearray)
    """Of each session whether the recording is of a kind that has answers, so that an id that is not there is
    missing.
    """
    _used: bytearray = field(default_factory=bytearray)
    _by_id: dict[str, _Ids] = field(default_factory=dict)
    """By kind."""
    _by_client: dict[str, dict[str, _Client]] = field(default_factory=dict)
    """By kind, then by client."""
    _readings: dict[tuple[str, str], Reading | None] = field(default_factory=dict)
    """Of requests of which only method and path are known, as most lines of a log are."""

    def read(self, recording: Recording) -> list[Event]:
        """The events of a recording: what the profile knows, and what else the same hosts' API was asked."""
        readings = [(request, self.reading(request)) for request in recording.requests]
        hosts = {request.host for request, reading in readings if reading is not None}
        events: list[Event] = []
        for request, reading in readings:
            if is_use(reading):
                events += self._events(request, reading)
            elif self.bodies and (not hosts or request.host in hosts) and _is_api(request):
                events += self._other(request)
        return events

    def events(self, request: Recorded) -> list[Event]:
        """The events of one request that opens or uses a session; they come in the order of time."""
        reading = self.reading(request)
        return self._events(request, reading) if is_use(reading) else []

    def _events(self, request: Recorded, reading: Reading) -> list[Event]:
        if reading.use == "create":
            return self._open(request, reading)
        return self._use(request, reading.kind, reading.session)

    def reading(self, request: Recorded) -> Reading | None:
        """What a request is to the profile."""
        if request.body or request.answer or request.headers or request.answer_headers:
            return self._read(request)
        return self._reading_of_path(request.method, request.target)

    def reading_of(self, line: LogLine) -> Reading | None:
        """What a line of a log is to the profile."""
        if line.body or line.answer:
            return self._read(line.recorded(line.client))
        return self._reading_of_path(line.method, line.target)

    def _reading_of_path(self, method: str, target: str) -> Reading | None:
        key = method, target
        if key not in self._readings:
            if len(self._readings) >= _MOST_READINGS:
                self._readings.clear()
            self._readings[key] = self._read(Recorded(0, method, target))
        return self._readings[key]

    def refuses(self, reading: Reading, status: int | None) -> bool:
        """Whether a request is a create that was refused: it opened nothing."""
        return reading.use == "create" and status is not None and status >= 400

    def _read(self, request: Recorded) -> Reading | None:
        given, sent = self.profile.carried(request.answer_headers), self.profile.carried(request.headers)
        return self.profile.read(
            request.method, request.path_and_query, request.sent, request.got, sent or given, given
        )

    def _other(self, request: Recorded) -> list[Event]:
        if request.body_missing:
            self.incomplete.add(request.number)
            return []
        return [Event("other", request)]

    def _open(self, request: Recorded, reading: Reading) -> list[Event]:
        kind, challenge_id = reading.kind, reading.session
        if self.refuses(reading, request.status):
            self.refused += 1
            return []
        if challenge_id is None and request.answer_missing:
            self.answers_missing.add(request.number)
        return [Event("create", request, self._new(request, kind, challenge_id), kind)]

    def _use(self, request: Recorded, kind: str, challenge_id: str | None) -> list[Event]:
        session, events = self._named_in(request, kind, challenge_id), []
        if session is None and challenge_id is None and request.body_missing:
            self.unknown.add(request.number)
            return []
        if session is None and challenge_id is None:
            session = self._guess(request, kind)
        elif session is None:
            candidates = self._without_id(request, kind)
            if len(candidates) > 1 and self._answered[candidates[0]] and self.bodies:
                self.unknown.add(request.number)
                return []
            if candidates and challenge_id is not None:
                session = candidates[0]
                self._name(session, challenge_id)
                self.matched.add(request.number)
        if session is None:
            session = self._new(request, kind, challenge_id)
            self.added += 1
            events.append(Event("create", None, session, kind))
        self._used[session] = True
        if request.answer_missing:
            self.answers_missing.add(request.number)
        answered = request.status is not None and (request.answer is not None or request.status != 200)
        outcome = (
            self.profile.outcome(request.status, request.got, request.answer or "") if answered else None
        )
        return [*events, Event("verify", request, session, kind, outcome)]

    def _named_in(self, request: Recorded, kind: str, challenge_id: str | None) -> int | None:
        """The session whose id stands where the profile says; without one there, anywhere in the request."""
        ids = self._by_id.get(kind)
        if ids is None:
            return None
        if challenge_id is not None:
            return ids.latest.get(challenge_id)
        named = ids.standing_in(sent_text(request))
        return named[0] if len(named) == 1 else None

    def _without_id(self, request: Recorded, kind: str) -> list[int]:
        """The first two of the same client's sessions whose id the recording does not say, not used yet."""
        client = self._by_client.get(kind, {}).get(request.client)
        return [] if client is None else client.nameless(self._waits_for_id)

    def _waits_for_id(self, session: int) -> bool:
        return self._ids[session] is None and not self._used[session]

    def _guess(self, request: Recorded, kind: str) -> int | None:
        """The client's first session that was not used yet, else its latest.

        A browser has one cookie of a name: where the id is a cookie, its latest. A list of commands has none.
        """
        client = self._by_client.get(kind, {}).get(request.client)
        if client is None:
            return None
        self.guessed.add(request.number)
        latest = client.numbers[-1]
        if self.bodies and self._answered[latest] and self.profile.id_cookie:
            return latest
        unused = client.unused(self._used)
        return latest if unused is None else unused

    def _name(self, session: int, challenge_id: str) -> None:
        """The session has this id."""
        self._ids[session] = challenge_id
        self._by_id.setdefault(self.kinds[session], _Ids()).add(challenge_id, session)

    def _new(self, request: Recorded, kind: str, challenge_id: str | None) -> int:
        session = len(self.kinds)
        self.kinds.append(kind)
        self._ids.append(None)
        self._answered.append(request.status is not None)
        self._used.append(False)
        clients = self._by_client.setdefault(kind, {})
        if request.client not in clients:
            clients[request.client] = _Client()
        clients[request.client].numbers.append(session)
        if challenge_id is not None:
            self._name(session, challenge_id)
        return session

    @property
    def ids(self) -> dict[str, str]:
        """The ids of the sessions that the recording says, to their names."""
        return {known: session_name(number) for number, known in enumerate(self._ids) if known is not None}

    @property
    def left_out(self) -> int:
        """How many requests the notes say to be left out."""
        return len(self.unknown) + len(self.incomplete) + self.refused

    def _numbered(self, numbers: Numbers) -> str:
        return f"{numbered(self.unit, numbers)} ({len(numbers)})"

    def notes(self) -> list[str]:
        """What had to be guessed, added or left out."""
        texts = []
        if self.unknown:
            texts.append(
                "left out: uses of a session, as bodies that say which one are missing: "
                f"{self._numbered(self.unknown)}"
            )
        if self.incomplete:
            texts.append(f"left out: requests whose bodies are missing: {self._numbered(self.incomplete)}")
        if self.answers_missing:
            texts.append(
                "answers without their bodies, so neither the id nor whether it passed is known: "
                f"{self._numbered(self.answers_missing)}"
            )
        if self.guessed:
            order = (
                "latest one"
                if self.bodies and self.profile.id_cookie
                else "first one without an answer, else its latest"
            )
            texts.append(
                "which challenge an answer is about is not recorded: taken as the same client's "
                f"{order}: {self._numbered(self.guessed)}"
            )
        if self.matched:
            texts.append(
                "ids that no answer gave, matched with the creates before them, in order: "
                f"{self._numbered(self.matched)}"
            )
        if self.added:
            texts.append(
                f"challenges from before the recording, created before their first use: {self.added}"
            )
        if self.refused:
            texts.append(f"left out as refused creates: {self.refused}")
        return texts


def sent_text(request: Recorded) -> str:
    """Everything of a request in which a value may stand."""
    return "\n".join([request.target, *request.headers.values(), request.body or ""])


def _is_api(request: Recorded) -> bool:
    """Not a page, a script or a picture."""
    if request.method not in _READING:
        return True
    if _ASSET.search(request.path):
        return False
    if "transport=polling" in urlsplit(request.target).query:
        return True
    kind = request.answer_headers.get("content-type", "").strip().lower()
    return bool(kind) and not kind.startswith(_PAGE_TYPES) and "javascript" not in kind


def is_use(reading: Reading | None) -> TypeGuard[Reading]:
    """Whether a request opens a session or uses one in the way that a scenario knows."""
    return reading is not None and reading.use in ("create", "verify")
