"""Which request's Redis command runs next: by an exact schedule, or by rules between requests.

The rules' text form, one line each:

- ``V2:GET before V1:EXEC``   V1's EXEC waits until V2's GET has run; ``GET#2`` is the second GET;
- ``V1 after V2``             nothing of V1 runs until V2 is done;
- ``V1 after V2:DEL``         the same until V2's DEL has run.

A rule about a command that never comes binds nobody once its request is done. Where the rules leave a choice,
the request that is named first runs on: the same rules always give the same order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from devenv.core.errors import ExpectationFailed, UsageProblem
from devenv.core.schedule import Event, Release, Schedule, Step

_POINT = r"([A-Za-z][\w-]*):([A-Z][A-Z0-9._-]*)(?:#([1-9]))?"
_BEFORE = re.compile(rf"{_POINT}\s+before\s+{_POINT}", re.ASCII)
_AFTER = re.compile(rf"([A-Za-z][\w-]*)\s+after\s+(?:{_POINT}|([A-Za-z][\w-]*))", re.ASCII)


class CannotFollow(ExpectationFailed):
    """The requests sent other commands than the order speaks of."""


class Order(Protocol):
    """Chooses the next step; told of each that was taken."""

    def choose(self, pending: Mapping[str, str], done: Collection[str]) -> Step | None:
        """The next step. ``pending``: request → its waiting command, in the order of the requests.

        None: the order has no more to say. Raises CannotFollow where it cannot be kept.
        """


@dataclass(slots=True)
class Exactly:
    """Follows a schedule step by step."""

    schedule: Schedule
    _position: int = 0

    def choose(self, pending: Mapping[str, str], done: Collection[str]) -> Step | None:
        """The schedule's next step, if it can be taken."""
        if self._position >= len(self.schedule):
            return None
        step = self.schedule.steps[self._position]
        self._position += 1
        if isinstance(step, Release) and pending.get(step.request) != step.command:
            at = pending.get(step.request)
            stands = f"waits with {at}" if at else ("is done" if step.request in done else "has sent nothing")
            raise CannotFollow(
                f"step {self._position} of the schedule is {step}, but {step.request} {stands}",
                hint="the service sends other commands than when the schedule was made",
            )
        return step


@dataclass(frozen=True, slots=True)
class Point:
    """The ``nth`` ``command`` of a request."""

    request: str
    command: str
    nth: int = 1


@dataclass(frozen=True, slots=True)
class Before:
    """``late`` (a point, or a whole request) waits for ``early`` (a point, or None: that request's end)."""

    early: Point | str
    late: Point | str


@dataclass(slots=True)
class Rules:
    """Keeps rules, else runs the requests one after the other."""

    rules: Sequence[Before]
    _ran: Counter[tuple[str, str]] = field(default_factory=Counter)

    def choose(self, pending: Mapping[str, str], done: Collection[str]) -> Step | None:
        """The first request, in order, whose waiting command no rule holds back."""
        for request, command in pending.items():
            if not any(self._holds_back(rule, request, command, done) for rule in self.rules):
                self._ran[request, command] += 1
                return Release(request, command)
        if not pending:
            return None
        waits = ", ".join(f"{request}:{command}" for request, command in pending.items())
        raise CannotFollow(f"the order holds everything back: {waits}", hint="two of its rules contradict")

    def _holds_back(self, rule: Before, request: str, command: str, done: Collection[str]) -> bool:
        if isinstance(rule.late, str):
            meant = rule.late == request
        else:
            nth = self._ran[request, command] + 1
            meant = rule.late == Point(request, command, nth)
        return meant and not self._has_run(rule.early, done)

    def _has_run(self, early: Point | str, done: Collection[str]) -> bool:
        if isinstance(early, str):
            return early in done
        return early.request in done or self._ran[early.request, early.command] >= early.nth


def parse_order(text: str | Sequence[str]) -> Order:
    """An order from its text: a schedule ("v1 …"), or one or several rules.

    Raises UsageProblem that names the rule or the step that is wrong.
    """
    if isinstance(text, str) and re.match(r"v\d", text.lstrip()):
        return Exactly(Schedule.parse(text))
    lines = [text] if isinstance(text, str) else list(text)
    return Rules([_rule(line.strip()) for entry in lines for line in entry.split(";") if line.strip()])


def _rule(line: str) -> Before:
    if match := _BEFORE.fullmatch(line):
        early, late = match.groups()[:3], match.groups()[3:]
        return Before(_point(*early), _point(*late))
    if match := _AFTER.fullmatch(line):
        request, *point, whole = match.groups()
        return Before(whole if whole else _point(*point), request)
    raise UsageProblem(
        f"{line!r} is no rule of an order",
        hint="'V2:GET before V1:EXEC', 'V1 after V2', 'V1 after V2:DEL', or a schedule 'v1 V1:GET …'",
    )


def _point(request: str, command: str, nth: str | None) -> Point:
    return Point(request, command, int(nth or 1))


def requests_of(order: Order) -> tuple[str, ...]:
    """The requests that an order names, each once, to check them against those that are there."""
    names: list[str] = []
    if isinstance(order, Exactly):
        names = [step.request for step in order.schedule if isinstance(step, Release)]
    elif isinstance(order, Rules):
        sides = [side for rule in order.rules for side in (rule.early, rule.late)]
        names = [side if isinstance(side, str) else side.request for side in sides]
    return tuple(dict.fromkeys(names))


def events_of(order: Order) -> tuple[Event, ...]:
    """The events that an order contains."""
    steps = order.schedule.steps if isinstance(order, Exactly) else ()
    return tuple(step for step in steps if isinstance(step, Event))
