"""Requests over several pods in turn, so that a session never stays where it was opened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from string import ascii_uppercase

from devenv.core.model.ids import SessionName
from devenv.core.model.vocabulary import POD_PREFIX
from devenv.core.scenario.model import Create, Get, Request, Scenario, Step, Together, Verify

_NO_SESSION = SessionName("")


@dataclass(slots=True)
class Turns:
    """Of a session the first request goes to one pod, the next to the next, and so on.

    The sessions begin on different pods, the first on A. What is about no session (``""``) takes turns too.
    """

    pods: int
    _next: dict[str, int] = field(default_factory=dict)
    _sessions: int = 0

    def next(self, session: SessionName) -> str:
        """The letter of the pod that the session's next request goes to."""
        if session not in self._next:
            self._next[session] = self._sessions if session else 0
            self._sessions += bool(session)
        turn = self._next[session]
        self._next[session] = turn + 1
        return ascii_uppercase[turn % self.pods]


def across(scenario: Scenario, pods: int) -> Scenario:
    """The scenario with every request sent over ``pods`` pods in turn, wherever it was sent before.

    Its ``source`` stays as it was.
    """
    turns = Turns(pods)

    def part(sent: Verify | Request) -> Verify | Request:
        session = sent.session if isinstance(sent, Verify) else _NO_SESSION
        return replace(sent, pod=_pod(turns.next(session)))

    def moved(step: Step) -> Step:
        match step:
            case Verify() | Request():
                return part(step)
            case Create():
                return replace(step, pod=_pod(turns.next(step.session)))
            case Get():
                return replace(step, pod=_pod(turns.next(_NO_SESSION)))
            case Together():
                return replace(step, verifies=tuple(map(part, step.verifies)))
        return step

    stack = replace(scenario.stack, pods=pods)
    return replace(scenario, stack=stack, steps=tuple(map(moved, scenario.steps)))


def _pod(letter: str) -> str:
    return POD_PREFIX + letter.lower()
