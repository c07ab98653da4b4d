"""Which request's Redis command runs next: by an exact schedule, or by rules between requests.

The rules' text form, one line each:

- ``V2:GET before V1:EXEC``   V1's EXEC waits until V2's GET has run; ``GET#2`` is the second GET;
- ``V1 after V2``             nothing of V1 runs until V2 is done;
- ``V1 after V2:DEL``         the same until V2's DEL has run;
- ``V1:EXEC!lost``            the reply to V1's EXEC never reaches the pod;
- ``@expire:s1 after V1:GET`` the event happens as soon as V1's GET has run, or (``before``) as soon as V1
                            waits with it.

A rule about a command that never comes binds nobody once its request is done; but an event or a loss that
never came is an order that was not kept. Where the rules leave a choice, the request that is named first runs
on: the same rules always give the same order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from devenv.core.model.errors import ExpectationFailed, UsageProblem
from devenv.core.model.schedule import Event, Release, Schedule, Step

_POINT = r"([A-Za-z][\w-]*):([A-Z][A-Z0-9._-]*)(?:#([1-9]))?"
_BEFORE = re.compile(rf"{_POINT}\s+before\s+{_POINT}", re.ASCII)
_AFTER = re.compile(rf"([A-Za-z][\w-]*)\s+after\s+(?:{_POINT}|([A-Za-z][\w-]*))", re.ASCII)
_LOST = re.compile(rf"{_POINT}!lost", re.ASCII)
_EVENT = re.compile(rf"(@\S+)\s+(before|after)\s+{_POINT}", re.ASCII)


_OTHER = "the service sends other commands than when the schedule was made"


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
                hint=_OTHER,
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


@dataclass(frozen=True, slots=True)
class Lost:
    """The reply to this command is lost."""

    point: Point


@dataclass(frozen=True, slots=True)
class Happens:
    """An event, as soon as the command waits (``before``) or as soon as it has run."""

    event: Event
    point: Point
    before: bool


Rule = Before | Lost | Happens


@dataclass(slots=True)
class Rules:
    """Keeps rules, else runs the requests one after the other."""

    rules: Sequence[Rule]
    _ran: Counter[tuple[str, str]] = field(default_factory=Counter)
    _left: list[Lost | Happens] = field(init=False)

    def __post_init__(self) -> None:
        self._left = [rule for rule in self.rules if not isinstance(rule, Before)]

    def choose(self, pending: Mapping[str, str], done: Collection[str]) -> Step | None:
        """The event that is due; else the first request, in order, whose command no rule holds back."""
        for rule in self._left:
            if isinstance(rule, Happens) and self._is_due(rule, pending):
                self._left.remove(rule)
                return rule.event
        for request, command in pending.items():
            if not any(self._holds_back(rule, request, command, done) for rule in self.rules):
                self._ran[request, command] += 1
                return Release(request, command, self._is_lost(request, command))
        if not pending:
            if self._left:
                raise CannotFollow(f"{_spoken(self._left[0])}: it never came to that", hint=_OTHER)
            return None
        waits = ", ".join(f"{request}:{command}" for request, command in pending.items())
        raise CannotFollow(f"the order holds everything back: {waits}", hint="two of its rules contradict")

    def _is_due(self, rule: Happens, pending: Mapping[str, str]) -> bool:
        point = rule.point
        ran = self._ran[point.request, point.command]
        if rule.before:
            return pending.get(point.request) == point.command and ran == point.nth - 1
        return ran >= point.nth

    def _is_lost(self, request: str, command: str) -> bool:
        point = Point(request, command, self._ran[request, command])
        found = [rule for rule in self._left if isinstance(rule, Lost) and rule.point == point]
        for rule in found:
            self._left.remove(rule)
        return bool(found)

    def _holds_back(self, rule: Rule, request: str, command: str, done: Collection[str]) -> bool:
        if not isinstance(rule, Before):
            return False
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


def _spoken(rule: Lost | Happens) -> str:
    nth = f"#{rule.point.nth}" if rule.point.nth > 1 else ""
    point = f"{rule.point.request}:{rule.point.command}{nth}"
    if isinstance(rule, Lost):
        return f"{point}!lost"
    return f"{rule.event} {'before' if rule.before else 'after'} {point}"


def parse_order(text: str | Sequence[str]) -> Order:
    """An order from its text: a schedule ("v1 …"), or one or several rules.

    Raises UsageProblem that names the rule or the step that is wrong. An order is used up by following it.
    """
    lines = [text] if isinstance(text, str) else list(text)
    if len(lines) == 1 and re.match(r"v\d", lines[0].lstrip()):
        return Exactly(Schedule.parse(lines[0]))
    return Rules([_rule(line.strip()) for entry in lines for line in entry.split(";") if line.strip()])


def _rule(line: str) -> Rule:
    if match := _BEFORE.fullmatch(line):
        early, late = match.groups()[:3], match.groups()[3:]
        return Before(_point(*early), _point(*late))
    if match := _AFTER.fullmatch(line):
        request, *point, whole = match.groups()
        return Before(whole if whole else _point(*point), request)
    if match := _LOST.fullmatch(line):
        return Lost(_point(*match.groups()))
    if match := _EVENT.fullmatch(line):
        event, when, *point = match.groups()
        [step] = Schedule.parse(f"v1 {event}")
        if isinstance(step, Event):
            return Happens(step, _point(*point), when == "before")
    raise UsageProblem(
        f"{line!r} is no rule of an order",
        hint="'V2:GET before V1:EXEC', 'V1 after V2', 'V1 after V2:DEL', 'V1:EXEC!lost', "
        "'@expire:s1 after V1:GET', or a schedule 'v1 V1:GET …'",
    )


def _point(request: str, command: str, nth: str | None) -> Point:
    return Point(request, command, int(nth or 1))


def requests_of(order: Order) -> tuple[str, ...]:
    """The requests that an order names, each once, to check them against those that are there."""
    names: list[str] = []
    if isinstance(order, Exactly):
        names = [step.request for step in order.schedule if isinstance(step, Release)]
    elif isinstance(order, Rules):
        sides = [side for rule in order.rules for side in _sides(rule)]
        names = [side if isinstance(side, str) else side.request for side in sides]
    return tuple(dict.fromkeys(names))


def _sides(rule: Rule) -> tuple[Point | str, ...]:
    return (rule.early, rule.late) if isinstance(rule, Before) else (rule.point,)


def events_of(order: Order) -> tuple[Event, ...]:
    """The events that an order contains."""
    if isinstance(order, Exactly):
        return tuple(step for step in order.schedule if isinstance(step, Event))
    rules = order.rules if isinstance(order, Rules) else ()
    return tuple(rule.event for rule in rules if isinstance(rule, Happens))
