"""Which requests of a recording are about which session, by the profile of the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from devenv.core.model.service import Reading, ServiceProfile
from devenv.core.model.vocabulary import Outcome
from devenv.verbs.recordings.recorded import Recorded, Recording

_READING = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Event:
    """A request with what it was: it opened a session, used one, or is ``other`` to the profile.

    ``session`` is its name in the scenario. ``outcome``: how a use ended, None where the recording does not
    say. ``request`` None: the session's opening is not in the recording, it is added before its first use.
    """

    use: Literal["create", "verify", "other"]
    request: Recorded | None
    session: str = ""
    kind: str = ""
    outcome: Outcome | None = None


@dataclass(slots=True)
class _Session:
    name: str
    kind: str
    client: str
    challenge_id: str | None
    used: bool = False


@dataclass(slots=True)
class Sessions:
    """Gives requests their sessions, in the order of the recording."""

    profile: ServiceProfile
    bodies: bool = True
    known: list[_Session] = field(default_factory=list)
    guessed: int = 0
    added: int = 0
    unborn: int = 0

    def read(self, recording: Recording) -> list[Event]:
        """The events of a recording: what the profile knows, and what else the same hosts' API was asked."""
        readings = [(one_request, self._reading(one_request)) for one_request in recording.requests]
        hosts = {item.host for item, reading in readings if reading is not None}
        events: list[Event] = []
        for request, reading in readings:
            if reading is None:
                if self.bodies and (not hosts or request.host in hosts) and _is_api(request):
                    events.append(Event("other", request))
            elif reading.use == "create":
                events += self._open(request, reading.kind, reading.session)
            else:
                events += self._use(request, reading.kind, reading.session)
        return events

    def _reading(self, request: Recorded) -> Reading | None:
        session = self.profile.carried(request.answer_headers) or self.profile.carried(request.headers)
        return self.profile.read(request.method, request.path, request.sent, request.got, session)

    def _open(self, request: Recorded, kind: str, challenge_id: str | None) -> list[Event]:
        if request.status is not None and request.status >= 400:
            self.unborn += 1
            return []
        session = self._new(kind, request.client, challenge_id)
        return [Event("create", request, session.name, kind)]

    def _use(self, request: Recorded, kind: str, challenge_id: str | None) -> list[Event]:
        session = self._found(kind, request.client, challenge_id)
        events = []
        if session is None:
            session = self._new(kind, request.client, challenge_id)
            self.added += 1
            events.append(Event("create", None, session.name, kind))
        session.used = True
        told = request.status is not None and (request.answer is not None or request.status != 200)
        outcome = self.profile.outcome(request.status, request.got) if told else None
        return [*events, Event("verify", request, session.name, kind, outcome)]

    def _found(self, kind: str, client: str, challenge_id: str | None) -> _Session | None:
        """By its id. Else the client's first one that nobody has used yet, else its latest: a guess."""
        same = [item for item in self.known if item.kind == kind]
        if challenge_id is not None:
            for session in same:
                if session.challenge_id == challenge_id:
                    return session
            same = [item for item in same if item.challenge_id is None]
        own = [item for item in same if item.client == client]
        unused = [item for item in own if not item.used]
        if challenge_id is not None:
            if unused:
                unused[0].challenge_id = challenge_id
                return unused[0]
            return None
        if not own:
            return None
        self.guessed += 1
        return unused[0] if unused else own[-1]

    def _new(self, kind: str, client: str, challenge_id: str | None) -> _Session:
        session = _Session(f"c{len(self.known) + 1}", kind, client, challenge_id)
        self.known.append(session)
        return session

    @property
    def ids(self) -> dict[str, str]:
        """The ids of the sessions that were told, to their names."""
        return {item.challenge_id: item.name for item in self.known if item.challenge_id is not None}

    def notes(self) -> list[str]:
        """What had to be guessed or added."""
        told = []
        if self.guessed:
            told.append(
                "which challenge an answer is about is not told: taken as the same client's first one "
                f"without an answer, else its latest ({self.guessed})"
            )
        if self.added:
            told.append(f"challenges from before the recording, created before their first use: {self.added}")
        if self.unborn:
            told.append(f"left out as refused creates: {self.unborn}")
        return told


def _is_api(request: Recorded) -> bool:
    """Not a page, a script or a picture."""
    if request.method not in _READING:
        return True
    return "json" in request.answer_headers.get("content-type", "")


def names_of(events: Sequence[Event]) -> dict[str, str]:
    """The sessions of these events with their kinds, in order of their opening."""
    return {event.session: event.kind for event in events if event.use == "create"}
