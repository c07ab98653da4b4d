"""Which requests of a recording are about which session, by the profile of the service."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, quote_plus, urlsplit

from devenv.core.model.service import Reading, ServiceProfile
from devenv.core.model.vocabulary import Outcome
from devenv.verbs.recordings.formats.recorded import Recorded, Recording, numbered

_READING = ("GET", "HEAD")
_PAGE_TYPES = (
    "text/html", "text/css", "image/", "font/", "audio/", "video/", "application/wasm", "application/font",
    "application/x-font", "application/pdf", "application/octet-stream", "application/manifest",
)  # fmt: skip

_ASSET = re.compile(r"\.(?:ico|png|jpe?g|gif|svg|webp|css|m?js|map|woff2?|ttf)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Event:
    """A request with what it was: it opened a session, used one, or is ``other`` to the profile."""

    use: Literal["create", "verify", "other"]
    request: Recorded | None
    """None: the session's opening is not in the recording, it is added before its first use."""
    session: str = ""
    """Its name in the scenario."""
    kind: str = ""
    outcome: Outcome | None = None
    """How a use ended; None where the recording does not say."""


@dataclass(slots=True)
class _Session:
    name: str
    kind: str
    challenge_id: str | None
    answered: bool
    """Whether the recording is of a kind that has answers, so that an id that is not there is missing."""
    used: bool = False


@dataclass(slots=True)
class Sessions:
    """Gives requests their sessions, in the order of the recording."""

    profile: ServiceProfile
    bodies: bool = True
    unit: str = "entry"
    known: list[_Session] = field(default_factory=list)
    guessed: list[int] = field(default_factory=list)
    """Requests that say nowhere which session they are about."""
    matched: list[int] = field(default_factory=list)
    """Requests with an id that no answer gave: matched with the creates in order."""
    unknown: list[int] = field(default_factory=list)
    """Uses that are left out: which session they are about is not in the recording."""
    incomplete: list[int] = field(default_factory=list)
    """Other requests that are left out, as their bodies are missing."""
    answers_missing: list[int] = field(default_factory=list)
    """Creates and uses whose answer is missing."""
    added: int = 0
    refused: int = 0
    _by_id: dict[tuple[str, str], _Session] = field(default_factory=dict)
    """The latest session of a kind and an id."""
    _by_client: dict[tuple[str, str], list[_Session]] = field(default_factory=dict)
    """The sessions of a kind and a client, in order."""

    def read(self, recording: Recording) -> list[Event]:
        """The events of a recording: what the profile knows, and what else the same hosts' API was asked."""
        readings = [(request, self._reading(request)) for request in recording.requests]
        hosts = {request.host for request, reading in readings if reading is not None}
        events: list[Event] = []
        for request, reading in readings:
            if reading is None or reading.use in ("end", "also"):
                if self.bodies and (not hosts or request.host in hosts) and _is_api(request):
                    events += self._other(request)
            elif reading.use == "create":
                events += self._open(request, reading.kind, reading.session)
            else:
                events += self._use(request, reading.kind, reading.session)
        return events

    def _reading(self, request: Recorded) -> Reading | None:
        given, sent = self.profile.carried(request.answer_headers), self.profile.carried(request.headers)
        return self.profile.read(
            request.method, request.path, request.sent, request.got, sent or given, given
        )

    def _other(self, request: Recorded) -> list[Event]:
        if request.body_missing:
            self.incomplete.append(request.number)
            return []
        return [Event("other", request)]

    def _open(self, request: Recorded, kind: str, challenge_id: str | None) -> list[Event]:
        if request.status is not None and request.status >= 400:
            self.refused += 1
            return []
        if challenge_id is None and request.answer_missing:
            self.answers_missing.append(request.number)
        session = self._new(request, kind, challenge_id)
        return [Event("create", request, session.name, kind)]

    def _use(self, request: Recorded, kind: str, challenge_id: str | None) -> list[Event]:
        session, events = self._named_in(request, kind, challenge_id), []
        if session is None and challenge_id is None and request.body_missing:
            self.unknown.append(request.number)
            return []
        if session is None and challenge_id is None:
            session = self._guess(request, kind)
        elif session is None:
            candidates = self._without_id(request, kind)
            if len(candidates) > 1 and candidates[0].answered and self.bodies:
                self.unknown.append(request.number)
                return []
            if candidates and challenge_id is not None:
                session = candidates[0]
                self._name(session, challenge_id)
                self.matched.append(request.number)
        if session is None:
            session = self._new(request, kind, challenge_id)
            self.added += 1
            events.append(Event("create", None, session.name, kind))
        session.used = True
        if request.answer_missing:
            self.answers_missing.append(request.number)
        answered = request.status is not None and (request.answer is not None or request.status != 200)
        outcome = (
            self.profile.outcome(request.status, request.got, request.answer or "") if answered else None
        )
        return [*events, Event("verify", request, session.name, kind, outcome)]

    def _named_in(self, request: Recorded, kind: str, challenge_id: str | None) -> _Session | None:
        """The session whose id stands where the profile says; without one there, anywhere in the request."""
        if challenge_id is not None:
            return self._by_id.get((kind, challenge_id))
        sent = sent_text(request)
        named = [
            session
            for (known_kind, known_id), session in self._by_id.items()
            if known_kind == kind and whole(known_id).search(sent)
        ]
        return named[0] if len(named) == 1 else None

    def _without_id(self, request: Recorded, kind: str) -> list[_Session]:
        """The same client's sessions whose id the recording does not say, not used yet."""
        own = self._by_client.get((kind, request.client), ())
        return [session for session in own if session.challenge_id is None and not session.used]

    def _guess(self, request: Recorded, kind: str) -> _Session | None:
        """The client's first session that was not used yet, else its latest.

        A browser has one cookie of a name: where the id is a cookie, its latest. A list of commands has none.
        """
        own = self._by_client.get((kind, request.client), ())
        if not own:
            return None
        self.guessed.append(request.number)
        unused = next((session for session in own if not session.used), None)
        one_cookie = self.bodies and own[-1].answered and bool(self.profile.id_cookie)
        return own[-1] if unused is None or one_cookie else unused

    def _name(self, session: _Session, challenge_id: str) -> None:
        """The session has this id."""
        session.challenge_id = challenge_id
        self._by_id[session.kind, challenge_id] = session

    def _new(self, request: Recorded, kind: str, challenge_id: str | None) -> _Session:
        name = f"c{len(self.known) + 1}"
        session = _Session(name, kind, None, request.status is not None)
        self.known.append(session)
        self._by_client.setdefault((kind, request.client), []).append(session)
        if challenge_id is not None:
            self._name(session, challenge_id)
        return session

    @property
    def ids(self) -> dict[str, str]:
        """The ids of the sessions that the recording says, to their names."""
        return {item.challenge_id: item.name for item in self.known if item.challenge_id is not None}

    @property
    def left_out(self) -> int:
        """How many requests the notes say to be left out."""
        return len(self.unknown) + len(self.incomplete) + self.refused

    def _numbered(self, numbers: Sequence[int]) -> str:
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


def whole(value: str) -> re.Pattern[str]:
    """Finds a value that is no part of a longer word, as it is or percent-encoded."""
    forms = sorted({value, quote(value, safe=""), quote_plus(value)}, key=len, reverse=True)
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, forms))})(?![A-Za-z0-9])")


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


def names_of(events: Sequence[Event]) -> dict[str, str]:
    """The sessions of these events with their kinds, in order of their opening."""
    return {event.session: event.kind for event in events if event.use == "create"}
