"""Which commands the gate disturbs, and how: rules, their counting, what they decide for a command. Pure.

Every rule counts every command that its filters match, also where another rule acts. For one command the
first rule in order that is due decides about the request, and the first one that is due about the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, TypeVar

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import POD_PREFIX

DEFAULT_HOLD_SECONDS = 10.0
MAX_SECONDS = 300.0
DEFAULT_ERROR = "ERR injected by the gate"


class Action(StrEnum):
    """What happens to a command that a rule is due for.

    A dropped request or reply takes all that follows it in its direction with it, as a broken network does:
    with one message missing in the middle, every later reply would answer the wrong request.
    """

    DELAY = "delay"
    """Later by ``seconds``."""
    DROP_REQUEST = "drop-request"
    """It never reaches Redis; the pod waits until its time-out."""
    DROP_REPLY = "drop-reply"
    """It runs; its reply is lost; the pod waits until its time-out."""
    ERROR = "error"
    """It never reaches Redis; the pod is answered ``text``."""
    DISCONNECT = "disconnect"
    """The connection ends: before the command reaches Redis, or (direction reply) after it ran."""
    BLACKHOLE = "blackhole"
    """From here on nothing passes this connection either way, and it stays open."""
    HOLD = "hold"
    """Kept until released, or for ``seconds``; discarded when the pod has hung up before that."""


class Direction(StrEnum):
    """Towards Redis, or back."""

    REQUEST = "request"
    REPLY = "reply"


_ONE_WAY = {
    Action.DROP_REQUEST: Direction.REQUEST,
    Action.DROP_REPLY: Direction.REPLY,
    Action.ERROR: Direction.REQUEST,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do with which commands; a filter that is None matches all.

    Commands that only prepare a connection (HELLO, PING, …) are matched only where ``command`` says their
    name without wildcards. Queued commands of a transaction are matched at its EXEC, except by ``error``.
    """

    action: Action
    direction: Direction = Direction.REQUEST
    pod: str | None = None
    """A pod's name or its letter."""
    command: str | None = None
    """A glob (``*``, ``?``, ``[...]``), in either case."""
    key: str | None = None
    """A glob."""
    nth: int | None = None
    """The first matching command that the rule applies to (from 1)."""
    times: int | None = None
    """To how many it applies in all (default: 1 with ``nth``, no limit without)."""
    seconds: float | None = None
    """Of a delay, or the limit of a hold."""
    text: str | None = None
    """Of an error."""
    id: str = ""
    """Names the rule; left empty it is made of the rest, so that the same rule given twice is one rule."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict; ``from_json`` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any], where: str = "rule") -> Rule:
        """Read a rule; ``where`` is its place in the input. UsageProblem names the field that is wrong."""
        known = [field.name for field in fields(cls)]
        for name in data:
            if name not in known:
                raise UsageProblem(
                    f"{where}.{name} is not a field of a rule", hint="fields: " + ", ".join(known)
                )
        action = _member(Action, data.get("action"), f"{where}.action")
        direction = _ONE_WAY.get(action, Direction.REQUEST)
        if data.get("direction") is not None:
            wished = _member(Direction, data["direction"], f"{where}.direction")
            if action in _ONE_WAY and wished != direction:
                raise UsageProblem(f"{where}.direction is {wished}, and {action} is about the {direction}")
            direction = wished
        rule = cls(
            action=action,
            direction=direction,
            pod=_filter(data, "pod", where),
            command=_filter(data, "command", where),
            key=_filter(data, "key", where),
            nth=_count(data, "nth", where),
            times=_count(data, "times", where),
            seconds=_seconds(data, where),
            text=_text(data, "text", where),
            id=_text(data, "id", where) or "",
        )
        return rule.completed(where)

    def completed(self, where: str = "rule") -> Rule:
        """With everything that was left to default; UsageProblem where parts do not go together."""
        direction = _ONE_WAY.get(self.action, self.direction)
        seconds, text = self.seconds, self.text
        if self.action is Action.DELAY and seconds is None:
            raise UsageProblem(f"{where}.seconds is missing: for how long to delay")
        if self.action is Action.HOLD and seconds is None:
            seconds = DEFAULT_HOLD_SECONDS
        if self.action is Action.ERROR:
            text = (text or DEFAULT_ERROR).removeprefix("-")
            if "\r" in text or "\n" in text:
                raise UsageProblem(f"{where}.text is more than one line")
        times = self.times if self.times is not None or self.nth is None else 1
        command = self.command.upper() if self.command else self.command
        rule = replace(self, direction=direction, seconds=seconds, text=text, times=times, command=command)
        return rule if rule.id else replace(rule, id=rule._made_id())

    def _made_id(self) -> str:
        parts = [str(self.action)]
        if self.action not in _ONE_WAY and self.direction is Direction.REPLY:
            parts.append("reply")
        parts += [part for part in (self.command, self.key) if part]
        parts += [f"pod={self.pod}"] if self.pod else []
        parts += [f"{name}={value}" for name, value in (("nth", self.nth), ("times", self.times)) if value]
        parts += [f"{self.seconds:g}s"] if self.seconds is not None else []
        parts += [self.text] if self.text else []
        return ":".join(parts)


_Member = TypeVar("_Member", bound=StrEnum)


def _member(kind: type[_Member], value: object, where: str) -> _Member:
    try:
        return kind(str(value))
    except ValueError:
        raise UsageProblem(f"{where} is {value!r}", hint="one of " + ", ".join(kind)) from None


def _text(data: Mapping[str, Any], name: str, where: str) -> str | None:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise UsageProblem(f"{where}.{name} is {value!r}, not a text")
    if value is not None and any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        raise UsageProblem(f"{where}.{name} is {value!r}, which is no text in UTF-8")
    return value


def _filter(data: Mapping[str, Any], name: str, where: str) -> str | None:
    value = _text(data, name, where)
    if value == "":  # an unset shell variable must not become a rule for every key
        raise UsageProblem(f"{where}.{name} is empty", hint="leave it out to match all")
    return value


def _count(data: Mapping[str, Any], name: str, where: str) -> int | None:
    value = data.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise UsageProblem(f"{where}.{name} is {value!r}, not a whole number from 1")
    return value


def _seconds(data: Mapping[str, Any], where: str) -> float | None:
    value = data.get("seconds")
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MAX_SECONDS:
        raise UsageProblem(f"{where}.seconds is {value!r}, not a number of seconds up to {MAX_SECONDS:g}")
    return float(value)


class Seen(NamedTuple):
    """One command as rules see it."""

    pod: str
    name: str
    key: str | None
    quiet: bool = False
    """HELLO, MULTI, …: only a rule that says its name applies."""


class Armed:
    """A rule in force and its counts: ``matched`` commands, and to how many it was ``applied``."""

    __slots__ = ("applied", "in_force", "matched", "rule")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.matched = 0
        self.applied = 0
        self.in_force = True

    def to_json(self) -> dict[str, Any]:
        """The rule with its counts."""
        return {**self.rule.to_json(), "matched": self.matched, "applied": self.applied}

    def due(self) -> bool:
        """Count one matching command; whether the rule wants it."""
        self.matched += 1
        after_first = self.matched - (self.rule.nth or 1)
        return after_first >= 0 and (self.rule.times is None or after_first < self.rule.times)


class Plan(NamedTuple):
    """What was decided for one command: the rule for its request and the one for its reply."""

    request: Armed | None
    reply: Armed | None


NO_PLAN = Plan(None, None)


class RuleSet:
    """The rules in force, in order."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.armed: list[Armed] = []
        self.populate(rules)

    def __bool__(self) -> bool:
        return bool(self.armed)

    def add(self, rule: Rule) -> Armed:
        """Put a rule in force; one with the same id is replaced where it stands, its counts begin anew."""
        added = Armed(rule.completed())
        for index, old in enumerate(self.armed):
            if old.rule.id == added.rule.id:
                old.in_force = False
                self.armed[index] = added
                return added
        self.armed.append(added)
        return added

    def remove(self, rule_id: str) -> bool:
        """Take a rule out of force; whether there was one."""
        removed = [old for old in self.armed if old.rule.id == rule_id]
        for old in removed:
            old.in_force = False
            self.armed.remove(old)
        return bool(removed)

    def populate(self, rules: Sequence[Rule]) -> None:
        """Exactly these rules from now on, with counts from zero."""
        for old in self.armed:
            old.in_force = False
        self.armed.clear()
        for rule in rules:
            self.add(rule)

    def plan(self, seen: Seen) -> Plan:
        """Decide for a command of its own, outside a transaction."""
        return self._plan(lambda rule: _matches(rule, seen))

    def plan_queued(self, seen: Seen) -> Plan:
        """Decide for a command that a transaction queues: only an error can meet it now."""
        return self._plan(lambda rule: rule.action is Action.ERROR and _matches(rule, seen))

    def plan_exec(self, seen: Seen, queued: Sequence[Seen]) -> Plan:
        """Decide for the EXEC of a transaction: a rule that matches one of the ``queued`` matches it."""
        return self._plan(
            lambda rule: (
                _matches(rule, seen)
                or (rule.action is not Action.ERROR and any(_matches(rule, one) for one in queued))
            )
        )

    def _plan(self, matches: Callable[[Rule], bool]) -> Plan:
        request = reply = None
        for armed in self.armed:
            if not matches(armed.rule) or not armed.due():
                continue
            if armed.rule.direction is Direction.REQUEST:
                request = request or armed
            else:
                reply = reply or armed
        for chosen in (request, reply):
            if chosen is not None:
                chosen.applied += 1
        return Plan(request, reply)


def _matches(rule: Rule, seen: Seen) -> bool:
    if rule.pod is not None and seen.pod not in (rule.pod, POD_PREFIX + rule.pod.lower()):
        return False
    if not matches_name(rule.command, seen):
        return False
    return rule.key is None or rule.key == "*" or (seen.key is not None and fnmatchcase(seen.key, rule.key))


def matches_name(pattern: str | None, seen: Seen) -> bool:
    """Whether a rule's ``command`` (upper case; None matches all) fits the name of a command."""
    if pattern is None:
        return not seen.quiet
    named = pattern in (seen.name, seen.name.split(" ", 1)[0])
    return named or (not seen.quiet and fnmatchcase(seen.name, pattern))
