"""Which of a session's requests meet: ``a+b``, ``a+logout``, ``ask+logout``, ``2 a+logout``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import permutations

from devenv.core.model.errors import UsageProblem
from devenv.core.model.session_profile import ASK, SessionProfile

MAX_REQUESTS = 4
_TERM = re.compile(r"(?:(?P<count>[1-9])(?:\s*[*x])?\s+)?(?P<name>[A-Za-z][\w-]*)")


@dataclass(frozen=True, slots=True)
class Member:
    """One request that meets others."""

    name: str
    """As schedules and answers call it; the second ``a`` of an expression is ``a2``."""
    request: str
    """The name of the request in the session's profile."""


@dataclass(frozen=True, slots=True)
class SessionMeeting:
    """The requests that meet on one session; ``str`` gives the expression back normalised."""

    members: tuple[Member, ...]

    def __str__(self) -> str:
        return "+".join(member.request for member in self.members)

    @property
    def names(self) -> tuple[str, ...]:
        """The members' names."""
        return tuple(member.name for member in self.members)


Sequence = tuple[int, ...]
"""Requests one after the other, as positions in the meeting; those that are missing do not happen."""


def is_meeting(text: str, session: SessionProfile) -> bool:
    """Whether every term of an expression is a request of the session."""
    names = {ASK, *session.requests}
    matches = [_TERM.fullmatch(part.strip()) for part in text.split("+")]
    return all(match is not None and match["name"] in names for match in matches)


def parse_session_meeting(text: str, session: SessionProfile) -> SessionMeeting:
    """Read an expression. Raises UsageProblem for a term that is no request of the session."""
    known = (ASK, *session.requests)
    requests: list[str] = []
    for part in text.split("+"):
        match = _TERM.fullmatch(part.strip())
        if match is None or match["name"] not in known:
            raise UsageProblem(
                f"{part.strip() or text!r} in {text!r} is no request of [session.requests]",
                hint=f"requests: {', '.join(known)}; joined by +, such as {_example(known)}",
            )
        requests += [match["name"]] * int(match["count"] or 1)
    if len(requests) < 2:
        raise UsageProblem(f"{text!r} is one request: at least two must meet", hint=f"'2 {requests[0]}'")
    if len(requests) > MAX_REQUESTS:
        raise UsageProblem(f"{text!r} has {len(requests)} requests; at most {MAX_REQUESTS} can be explored")
    return SessionMeeting(tuple(_members(requests, known)))


def _members(requests: list[str], known: Collection[str]) -> Iterator[Member]:
    taken: set[str] = set()
    for request in requests:
        name, number = request, 1
        while name in taken or (name != request and name in known):
            number += 1
            name = f"{request}{number}"
        taken.add(name)
        yield Member(name, request)


def _example(known: Collection[str]) -> str:
    return "+".join([*known, *known][1:3])


def sequences(count: int) -> tuple[Sequence, ...]:
    """Every sequence of every selection of ``count`` requests, short ones first; the empty one too."""
    return tuple(sequence for size in range(count + 1) for sequence in permutations(range(count), size))
