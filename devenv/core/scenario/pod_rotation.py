"""Requests over several pods in turn, so that a session never stays where it was opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from string import ascii_uppercase

from devenv.core.model.ids import SessionName
from devenv.core.model.vocabulary import POD_PREFIX
from devenv.core.scenario.model import Create, Get, Request, Scenario, Step, Together, Verify


@dataclass(slots=True)
class Turns:
    """Of a session the first request goes to one pod, the next to the next, and so on.

    The sessions begin on different pods, the first on A. What is about no session takes turns too.
    """

    pods: int
    _next: bytearray = field(default_factory=bytearray)
    """Of each session which pod gets its next request."""
    _next_of_none: int = 0

    def next(self, session: int | None) -> str:
        """The letter of the pod that the next request of a session goes to.

        ``session`` is its number in the order in which sessions appear, from 0; None: the request is about no
        session.
        """
        if session is None:
            turn = self._next_of_none
            self._next_of_none = (turn + 1) % self.pods
            return ascii_uppercase[turn]
        while len(self._next) <= session:
            self._next.append(len(self._next) % self.pods)
        turn = self._next[session]
        self._next[session] = (turn + 1) % self.pods
        return ascii_uppercase[turn]


def across(scenario: Scenario, pods: int) -> Scenario:
    """The scenario with every request sent over ``pods`` pods in turn, wherever it was sent before.

    Its ``source`` stays as it was.
    """
    turns = Turns(pods)
    numbers: dict[SessionName, int] = {}

    def pod_of(session: SessionName | None) -> str:
        number = None if session is None else numbers.setdefault(session, len(numbers))
        return _pod(turns.next(number))

    moved = _sent_to(scenario, pod_of)
    return replace(moved, stack=replace(scenario.stack, pods=pods))


def unpinned(scenario: Scenario) -> Scenario:
    """The scenario with no request sent to a certain pod: the balancer, or the policy, chooses for all.

    Its ``source`` stays as it was.
    """
    return _sent_to(scenario, lambda session: None)


def _sent_to(scenario: Scenario, pod_of: Callable[[SessionName | None], str | None]) -> Scenario:
    """The scenario with the pod that ``pod_of`` gives, in the order of the requests, for each of them."""

    def part(sent: Verify | Request) -> Verify | Request:
        session = sent.session if isinstance(sent, Verify) else None
        return replace(sent, pod=pod_of(session))

    def moved(step: Step) -> Step:
        match step:
            case Verify() | Request():
                return part(step)
            case Create():
                return replace(step, pod=pod_of(step.session))
            case Get():
                return replace(step, pod=pod_of(None))
            case Together():
                return replace(step, verifies=tuple(map(part, step.verifies)))
        return step

    return replace(scenario, steps=tuple(map(moved, scenario.steps)))


def _pod(letter: str) -> str:
    return POD_PREFIX + letter.lower()
