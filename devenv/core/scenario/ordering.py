"""Which request's Redis command runs next: by an exact schedule, or by rules between requests.

The rules' text form, one line each:

- ``V2:read before V1:write``   V1's first write of its session's key waits until V2's first read has run;
- ``V2:reads before V1:write``  the same, until V2's first read and the reads right after it have run;
- ``V2:GET before V1:EXEC``     the same with the names of commands; ``GET#2`` is the second GET;
- ``V2:GET before V1:start``    V1 is not even sent until the GET of V2 has run;
- ``V1 after V2``               nothing of V1 runs until V2 is done;
- ``V1 after V2:delete``        the same until V2's delete has run;
- ``V1:write!lost``             the reply to V1's first write never reaches the pod;
- ``@expire:s1 after V1:read``  the event happens as soon as V1's read has run, or (``before``) as soon as V1
                                waits with it.

Roles (read, write, delete) are those of ``roles.Role``. A rule holds nothing back once its request is done;
but where a command that a rule names never came, the order was not met. Where the rules leave a choice, the
request that is named first runs on: the same rules always give the same order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from devenv.core.model.errors import Inconclusive, UsageProblem
from devenv.core.model.schedule import GIVES_UP, START, Event, Release, Schedule, Step
from devenv.core.scenario.roles import READS, Role

_NAME = r"([A-Za-z][\w-]*)"
_POINT = rf"{_NAME}:([A-Z][A-Z0-9._-]*|read|write|delete|start)(?:#([1-9]))?"
_EARLY = rf"{_NAME}:([A-Z][A-Z0-9._-]*|reads?|write|delete|start)(?:#([1-9]))?"
_BEFORE = re.compile(rf"{_EARLY}\s+before\s+{_POINT}", re.ASCII)
_AFTER = re.compile(rf"{_NAME}\s+after\s+(?:{_EARLY}|{_NAME})", re.ASCII)
_WORDS = ("read", READS, "write", "delete", START)
_COMMAND_AFTER = re.compile(r"([^\s:]++:[^\s:]++)\s++after\s++([^\s:]++:[^\s:]++)", re.ASCII)
_LOWER_COMMAND = re.compile(r":([a-z][a-z0-9]*)\b", re.ASCII)
_LOST = re.compile(rf"{_POINT}!lost", re.ASCII)
_EVENT = re.compile(rf"(@\S+)\s+(before|after)\s+{_POINT}", re.ASCII)

NO_ROLES: Mapping[str, Collection[Role]] = {}
_ENDS_READING = (Role.WRITE, Role.DELETE)
_HINT = (
    "the service sends other commands than the order names; the roles read, write and delete fit any command"
)


class OrderNotMet(Inconclusive):
    """The requests did not send the commands that the order names: what it is about was not tried."""


class Order(Protocol):
    """Chooses the next step, and is called after each step."""

    def choose(
        self,
        pending: Mapping[str, str],
        done: Collection[str],
        roles: Mapping[str, Collection[Role]] = NO_ROLES,
    ) -> Step | None:
        """The next step; None: the order has no more to say.

        ``pending``: request → its waiting command, in the order of the requests. ``done``: the requests that
        are answered. ``roles``: request → what its waiting command does to the session's key. Raises
        OrderNotMet where the order cannot be followed, or was not met.
        """


@dataclass(slots=True)
class Exactly:
    """Follows a schedule step by step."""

    schedule: Schedule
    position: int = 0
    """How many of its steps were taken."""

    def choose(
        self,
        pending: Mapping[str, str],
        done: Collection[str],
        roles: Mapping[str, Collection[Role]] = NO_ROLES,
    ) -> Step | None:
        """The schedule's next step, if it can be taken.

        Before a step that names a role, the request's commands that have no role run.
        """
        if self.position >= len(self.schedule):
            return None
        step = self.schedule.steps[self.position]
        if not isinstance(step, Release):
            self.position += 1
            return step
        command = pending.get(step.request)
        has_roles = roles.get(step.request, ())
        if command is not None and step.command == GIVES_UP:
            self.position += 1
            return step
        by_role = step.command in set(Role)
        if command is not None and by_role and not has_roles:
            return Release(step.request, command)
        self.position += 1
        if command is not None and step.command in (command, *has_roles):
            return Release(step.request, command, step.lost)
        stands = (
            f"waits with {command}"
            if command
            else ("is done" if step.request in done else "has sent nothing")
        )
        raise OrderNotMet(
            f"step {self.position} of the schedule is {step}, but {step.request} {stands}", hint=_HINT
        )


@dataclass(frozen=True, slots=True)
class Point:
    """A command of a request."""

    request: str
    what: str
    """A command's name, a role, or ``READS``."""
    nth: int = 1
    """Which one of those, from 1."""

    def __str__(self) -> str:
        nth = f"#{self.nth}" if self.nth > 1 else ""
        return f"{self.request}:{self.what}{nth}"


@dataclass(frozen=True, slots=True)
class Before:
    """One point of the order waits for another."""

    early: Point | str
    """A point, or a whole request: its end."""
    late: Point | str
    """What waits: a point, or a whole request."""

    def __str__(self) -> str:
        if isinstance(self.late, str):
            return f"{self.late} after {self.early}"
        return f"{self.early} before {self.late}"


@dataclass(frozen=True, slots=True)
class Lost:
    """The reply to this command is lost."""

    point: Point

    def __str__(self) -> str:
        return f"{self.point}!lost"


@dataclass(frozen=True, slots=True)
class Happens:
    """An event at a point of the order."""

    event: Event
    point: Point
    before: bool
    """Whether it happens as soon as the command waits; else as soon as it has run."""

    def __str__(self) -> str:
        return f"{self.event} {'before' if self.before else 'after'} {self.point}"


Rule = Before | Lost | Happens


@dataclass(frozen=True, slots=True)
class _Now:
    """How the requests stand when a step is chosen; as ``Order.choose`` takes it."""

    pending: Mapping[str, str]
    done: Collection[str]
    roles: Mapping[str, Collection[Role]]

    def names(self, request: str) -> tuple[str, ...]:
        """What rules can call the request's waiting command: its name and its roles."""
        return (self.pending[request], *self.roles.get(request, ()))


@dataclass(slots=True)
class Rules:
    """Keeps rules, else runs the requests one after the other."""

    rules: Sequence[Rule]
    _ran: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each command, and each role, of a request has run."""
    _sent: dict[str, list[str]] = field(default_factory=dict)
    """The commands of each request that have run."""
    _read: set[str] = field(default_factory=set)
    """The requests that have been seen at the end of their reads."""
    _left: list[Lost | Happens] = field(init=False)

    def __post_init__(self) -> None:
        self._left = [rule for rule in self.rules if not isinstance(rule, Before)]

    def choose(
        self,
        pending: Mapping[str, str],
        done: Collection[str],
        roles: Mapping[str, Collection[Role]] = NO_ROLES,
    ) -> Step | None:
        """The event that is due; else the first request, in order, whose command no rule holds back."""
        now = _Now(pending, done, roles)
        self._note_reads(now)
        for rule in self._left:
            if isinstance(rule, Happens) and self._is_due(rule, now):
                self._left.remove(rule)
                return rule.event
        for request, command in pending.items():
            if not any(self._holds_back(rule, request, now) for rule in self.rules):
                return self._release(request, command, now)
        if pending:
            waits = ", ".join(f"{request}:{command}" for request, command in pending.items())
            raise OrderNotMet(f"the order holds everything back: {waits}", hint="two of its rules contradict")
        self._check_met()
        return None

    def _release(self, request: str, command: str, now: _Now) -> Release:
        for word in now.names(request):
            self._ran[request, word] += 1
        self._sent.setdefault(request, []).append(command)
        return Release(request, command, self._is_lost(request, now))

    def _note_reads(self, now: _Now) -> None:
        """A request is at the end of its reads where it waits with another command, or would write next."""
        for request in (*now.pending, *now.done):
            roles = now.roles.get(request, ())
            has_read = self._ran[request, Role.READ] > 0 and Role.READ not in roles
            if has_read or any(role in _ENDS_READING for role in roles):
                self._read.add(request)

    def _is_due(self, rule: Happens, now: _Now) -> bool:
        point = rule.point
        ran = self._ran[point.request, point.what]
        if not rule.before:
            return ran >= point.nth
        waits = point.request in now.pending and point.what in now.names(point.request)
        return waits and ran == point.nth - 1

    def _is_lost(self, request: str, now: _Now) -> bool:
        points = [Point(request, word, self._ran[request, word]) for word in now.names(request)]
        lost = [rule for rule in self._left if isinstance(rule, Lost) and rule.point in points]
        for rule in lost:
            self._left.remove(rule)
        return bool(lost)

    def _holds_back(self, rule: Rule, request: str, now: _Now) -> bool:
        if not isinstance(rule, Before):
            return False
        if isinstance(rule.late, str):
            meant = rule.late == request
        else:
            clauses = now.names(request)
            meant = rule.late in [Point(request, word, self._ran[request, word] + 1) for word in clauses]
        return meant and not self._has_run(rule.early, now)

    def _has_run(self, early: Point | str, now: _Now) -> bool:
        request = early if isinstance(early, str) else early.request
        return request in now.done or (isinstance(early, Point) and self._reached(early))

    def _reached(self, point: Point) -> bool:
        if point.what == READS:
            return point.request in self._read
        return self._ran[point.request, point.what] >= point.nth

    def _check_met(self) -> None:
        """Raise OrderNotMet for the first rule that names a command which never came."""
        for rule in self.rules:
            for side in _sides(rule):
                missing = isinstance(side, Point) and not self._reached(side)
                if isinstance(side, Point) and (missing or rule in self._left):
                    raise OrderNotMet(f"{rule}: {self._why(side)}", hint=_HINT)

    def _why(self, point: Point) -> str:
        sent = ", ".join(self._sent.get(point.request, ())) or "no command"
        nth = f" no. {point.nth}" if point.nth > 1 else ""
        wanted = f"a {point.what}{nth} of the session's key" if point.what in set(Role) else point.what + nth
        wanted = "a read of the session's key" if point.what == READS else wanted
        return f"{point.request} never sent {wanted}; it sent {sent}"


def expects(order: Order, request: str) -> bool:
    """Whether an exact schedule still has a command of this request, one that comes after its answer too."""
    if not isinstance(order, Exactly):
        return False
    rest = order.schedule.steps[order.position :]
    return any(isinstance(step, Release) and step.request == request for step in rest)


def started_late(order: Order) -> frozenset[str]:
    """The requests whose start is a step of the order; all others are sent before its first step."""
    if isinstance(order, Exactly):
        steps = (step for step in order.schedule if isinstance(step, Release))
        return frozenset(step.request for step in steps if step.command == START)
    sides = (side for rule in getattr(order, "rules", ()) for side in _sides(rule))
    return frozenset(side.request for side in sides if isinstance(side, Point) and side.what == START)


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
    if match := _COMMAND_AFTER.fullmatch(line):
        then, first = match.groups()
        raise UsageProblem(
            f"{line!r} is no rule of an order: what comes after is a whole request",
            hint=f"'{first} before {then}' says the same",
        )
    lower = next((item for item in _LOWER_COMMAND.finditer(line) if item[1] not in _WORDS), None)
    if lower is not None:
        raise UsageProblem(
            f"{line!r} is no rule of an order: {lower[1]!r} is no command of Redis",
            hint=f"in capitals: {lower[1].upper()}; or read, write, delete, {START}",
        )
    raise UsageProblem(
        f"{line!r} is no rule of an order",
        hint="'V2:read before V1:write', 'V2:GET before V1:EXEC', 'V1 after V2', 'V1 after V2:delete', "
        "'V1:write!lost', '@expire:s1 after V1:read', or a schedule 'v1 V1:GET …'",
    )


def _point(request: str, what: str, nth: str | None) -> Point:
    if what == READS and nth is not None:
        raise UsageProblem(f"{request}:{what}#{nth}: {READS} are all reads, so they have no number")
    return Point(request, what, int(nth or 1))


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
