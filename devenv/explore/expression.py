"""Which requests and events meet on one fresh challenge: ``W+W``, ``3 R``, ``R+W+E+X``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from devenv.core.errors import UsageProblem
from devenv.core.vocabulary import Answer

ANSWERS = {"R": Answer.RIGHT, "W": Answer.WRONG, "E": Answer.EMPTY}
EVENTS = {"X": "expire", "A": "age", "L": "lost"}
EVENT_NAMES = {"expiry": "X", "ageing": "A", "lost": "L"}
"""The words of ``--events``."""
MAX_REQUESTS = 8

_TERM = re.compile(r"(?:(?P<count>[1-9]\d?)\s*[*x]?\s*)?(?P<letter>[A-Z])")
HINT = (
    "letters joined by +: R right, W wrong, E empty selection, X expiry, A ageing, L lost reply; "
    "for example R+W+E+X or '3 W'"
)


@dataclass(frozen=True, slots=True)
class Participant:
    """A request (``answer`` set) or an event (``event`` set), named as schedules name it.

    ``target`` is the position of the request whose reply a "lost" event loses.
    """

    letter: str
    name: str
    answer: Answer | None = None
    event: str | None = None
    target: int | None = None


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

    def cast(self, session: str = "s1") -> list[tuple[Participant, ...]]:
        """The participants; one cast for each choice of whose reply is lost."""
        requests = [
            Participant(letter, f"V{at}", answer=ANSWERS[letter])
            for at, letter in enumerate(self.requests, start=1)
        ]
        casts: list[tuple[Participant, ...]] = [tuple(requests)]
        for letter in self.events:
            grown = []
            for cast in casts:
                if letter != "L":
                    grown.append(
                        (*cast, Participant(letter, f"@{EVENTS[letter]}:{session}", event=EVENTS[letter]))
                    )
                    continue
                lost = [it.target for it in cast if it.target is not None]
                grown += [
                    (*cast, Participant(letter, f"lost:V{at + 1}", event="lost", target=at))
                    for at in range(len(requests))
                    if all(at > other for other in lost)
                ]
            casts = grown
        return casts


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
