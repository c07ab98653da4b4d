"""Which requests and events meet on one fresh challenge: ``W+W``, ``3 R``, ``R+W+E+X``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import Answer

ANSWERS = {"R": Answer.RIGHT, "W": Answer.WRONG, "E": Answer.EMPTY}
EVENTS = {"X": "expire", "A": "age", "L": "lost", "P": "restart"}
EVENT_NAMES = {"expiry": "X", "ageing": "A", "lost": "L", "restart": "P"}
"""The words of ``--events``."""
MAX_REQUESTS = 16

_TERM = re.compile(r"(?:(?P<count>[1-9]\d?)\s*(?:[*x]\s*)?)?(?P<letter>[A-Z])")
HINT = (
    "letters joined by +: R right, W wrong, E empty selection, X expiry, A ageing, L lost reply, "
    "P pod restart; for example R+W+E+X or '3 W'"
)


@dataclass(frozen=True, slots=True)
class Participant:
    """A request or an event, named as schedules name it."""

    letter: str
    name: str
    answer: Answer | None = None
    """What a request answers; None of an event."""
    event: str | None = None
    """What an event does; None of a request."""
    target: int | None = None
    """The position of the request whose reply a "lost" event loses."""
    pod: int = 0
    """From 0: the pod that serves the request, or that a "restart" restarts."""

    def affects(self, cast: Sequence[Participant]) -> tuple[int, ...]:
        """The positions of the requests of ``cast`` that it happens to, rather than to the session's key."""
        if self.target is not None:
            return (self.target,)
        if self.event != "restart":
            return ()
        return tuple(
            number for number, item in enumerate(cast) if item.answer is not None and item.pod == self.pod
        )


@dataclass(frozen=True, slots=True)
class Meeting:
    """All participants, requests first in the order of the expression; ``str`` gives it back normalised."""

    letters: tuple[str, ...]

    def __str__(self) -> str:
        return "+".join(self.letters)

    @property
    def requests(self) -> tuple[str, ...]:
        """The requests' letters."""
        return tuple(letter for letter in self.letters if letter in ANSWERS)

    @property
    def events(self) -> tuple[str, ...]:
        """The events' letters."""
        return tuple(letter for letter in self.letters if letter in EVENTS)

    def cast(self, session: str = "s1", pods: int | None = None) -> list[tuple[Participant, ...]]:
        """The participants, requests on ``pods`` pods in turn (None: each on its own).

        One cast for each choice of whose reply is lost and which pod is restarted.
        """
        served = len(self.requests) if pods is None else max(1, min(pods, len(self.requests)))
        requests = [
            Participant(letter, f"V{number + 1}", answer=ANSWERS[letter], pod=number % served)
            for number, letter in enumerate(self.requests)
        ]
        casts: list[tuple[Participant, ...]] = [tuple(requests)]
        for letter in self.events:
            casts = [(*cast, event) for cast in casts for event in _choices(letter, cast, session, served)]
        return casts


def _choices(letter: str, cast: Sequence[Participant], session: str, pods: int) -> list[Participant]:
    """Every event of this letter that may join; of two equal letters the first has the lower target."""
    kind = EVENTS[letter]
    if letter == "L":
        lost = [item.target for item in cast if item.target is not None]
        requests = sum(1 for item in cast if item.answer is not None)
        return [
            Participant(letter, f"lost:V{number + 1}", event=kind, target=number)
            for number in range(requests)
            if all(number > other for other in lost)
        ]
    if letter == "P":
        last = max((item.pod for item in cast if item.event == kind), default=0)
        return [restart_of(pod) for pod in range(last, pods)]
    return [Participant(letter, f"@{kind}:{session}", event=kind)]


def restart_of(pod: int) -> Participant:
    """The restart of the pod with this number."""
    return Participant("P", f"@restart:{chr(ord('A') + pod)}", event="restart", pod=pod)


def parse_meeting(text: str, events: Sequence[str] = ()) -> Meeting:
    """Read an expression; ``events`` (the words of ``EVENT_NAMES``) are added. Raises UsageProblem."""
    letters: list[str] = []
    for part in text.upper().split("+"):
        match = _TERM.fullmatch(part.strip())
        if match is None or match["letter"] not in (*ANSWERS, *EVENTS):
            raise UsageProblem(f"{part.strip() or text!r} in {text!r} is no request and no event", hint=HINT)
        letters += [match["letter"]] * int(match["count"] or 1)
    for word in events:
        if word not in EVENT_NAMES:
            raise UsageProblem(f"--events: {word!r} is no event", hint="events: " + ", ".join(EVENT_NAMES))
        letters.append(EVENT_NAMES[word])
    requests = [letter for letter in letters if letter in ANSWERS]
    chosen = [letter for letter in letters if letter in EVENTS]
    if not requests:
        raise UsageProblem(f"{text!r} has no request", hint=HINT)
    if len(requests) > MAX_REQUESTS:
        raise UsageProblem(f"{text!r} has {len(requests)} requests; at most {MAX_REQUESTS} can be explored")
    if chosen.count("L") > len(requests):
        raise UsageProblem(f"{text!r} loses more replies than there are requests")
    return Meeting((*requests, *chosen))
