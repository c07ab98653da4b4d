"""Histories: lines of history.jsonl → operations on challenges, and what was seen in Redis.

The format is Jepsen's, one JSON object per line, described in docs/check.md. An operation begins with an
``invoke`` and ends with ``ok``, ``fail`` (it had no effect) or ``info`` (indeterminate) of the same process;
one that never ends is like ``info``.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any, NamedTuple, NoReturn

from devenv.core.model.captcha_http import CHALLENGE_FIELD
from devenv.core.model.errors import UsageProblem
from devenv.core.model.events import EventType, HistoryEvent
from devenv.core.model.reading import REFUSED, read_json, refusal
from devenv.core.model.vocabulary import NOT_FOUND_MESSAGE, Answer, Outcome
from devenv.core.spec.captcha_session import Result, ResultKind

FORMAT = "docs/check.md describes the format"
SOLVED_MESSAGE = "Challenge already solved"
EXPIRED_MESSAGE = "Challenge expired"

CREATE, VERIFY, KEYS = "create", "verify", "keys"
EXPIRE, AGE, FLUSH = "expire", "age", "flush"
_OPERATIONS = frozenset((CREATE, VERIFY, EXPIRE, AGE, FLUSH))
LIMIT_FIELD = "limit"
"""In the value of a create: the graded answers that the session takes; 0: any number; null: not known."""

_TYPES: tuple[EventType, ...] = ("invoke", "ok", "fail", "info")
_OUTCOMES = {
    str(Outcome.SUCCESS): ResultKind.SUCCESS,
    str(Outcome.WRONG): ResultKind.WRONG,
    str(Outcome.NOT_FOUND): ResultKind.NOT_FOUND,
    str(ResultKind.ALREADY_SOLVED): ResultKind.ALREADY_SOLVED,
    str(ResultKind.EXPIRED): ResultKind.EXPIRED,
}
_UNGRADED = (str(Outcome.ERROR), "ungraded", "used")
"""What our own recorder writes where an answer costs and ends nothing."""
_KNOWN = (*_OUTCOMES, *_UNGRADED)
_ANSWERS = {str(answer): answer for answer in Answer}
_MESSAGES = {
    NOT_FOUND_MESSAGE: ResultKind.NOT_FOUND,
    SOLVED_MESSAGE: ResultKind.ALREADY_SOLVED,
    EXPIRED_MESSAGE: ResultKind.EXPIRED,
}


class Line(NamedTuple):
    """One event with the number (from 1) of the line it stood in."""

    number: int
    event: HistoryEvent


class HistoryOperation(NamedTuple):
    """One operation from its call to its return, in the seconds of the history's clock."""

    process: int
    f: str
    type: EventType
    """ok, fail or info."""
    challenge: str | None
    """None where the record does not say which."""
    pod: str | None
    called: float
    returned: float
    """Infinite where the end is not known."""
    value: Mapping[str, Any]
    lines: tuple[int, ...]
    """The numbers of its one or two lines."""
    answer: Answer | None = None
    """What a verify gave; None where it is not known whether it is right."""
    result: Result | None = None
    """The answer of a verify; None where none came or where it grades nothing."""

    @property
    def told(self) -> Result | None:
        """The former name of ``result``, for invariants in users' files."""
        return self.result

    @property
    def outcome(self) -> str | None:
        """The verify's outcome as the history calls it; of others the type: ok, fail, info."""
        if self.f == VERIFY:
            return str(self.result.kind) if self.result else str(self.value.get("outcome") or self.type)
        return self.type

    @property
    def lost(self) -> bool:
        """Whether the outcome is indeterminate: it may have had its effect or not."""
        return self.type == "info"

    def __str__(self) -> str:
        word = f"{self.f} {self.answer}" if self.answer else self.f
        where = f" on {self.pod}" if self.pod else ""
        place = "lines" if len(self.lines) > 1 else "line"
        return f"{word}{where} ({place} {', '.join(map(str, self.lines))})"


@dataclass(frozen=True, slots=True)
class KeysSeen:
    """The keys that were there at one moment, with the milliseconds that each has left; -1: no TTL."""

    called: float
    returned: float
    keys: Mapping[str, int]
    line: int


@dataclass(frozen=True, slots=True)
class History:
    """A whole history."""

    name: str
    """The file's name, for messages."""
    operations: tuple[HistoryOperation, ...]
    """In the order of their calls."""
    seen: tuple[KeysSeen, ...] = ()
    ignored: int = 0
    """How many events were of other kinds."""

    @property
    def challenges(self) -> tuple[str, ...]:
        """The challenges that were created or verified, in order of appearance."""
        named = (operation.challenge for operation in self.operations if operation.f in (CREATE, VERIFY))
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def of(self, challenge: str) -> tuple[HistoryOperation, ...]:
        """The operations on one challenge; a flush, and an expiry without a key, are operations on each."""
        return self.by_challenge().get(challenge, ())

    def by_challenge(self) -> Mapping[str, tuple[HistoryOperation, ...]]:
        """All challenges with their operations, as ``of`` gives them."""
        by_name: dict[str, list[HistoryOperation]] = {name: [] for name in self.challenges}
        for operation in self.operations:
            if operation.challenge in by_name:
                by_name[operation.challenge].append(operation)
            elif operation.challenge is None and operation.f in (EXPIRE, AGE, FLUSH):
                for operations in by_name.values():
                    operations.append(operation)
        return {name: tuple(operations) for name, operations in by_name.items()}


# --- reading ----------------------------------------------------------------------------------------------


def parse_history(text: str, name: str) -> History:
    """Read history.jsonl; ``name`` stands in messages. Raises UsageProblem with the line that is wrong."""
    return make_history(list(read_events(text.split("\n"), name)), name)


def read_events(lines: Iterable[str], name: str) -> Iterator[Line]:
    """The events of a history.jsonl, line by line; a line ends with a newline only: JSON may hold U+2028.

    Raises UsageProblem that names file and line; also at the end, where there was none.
    """
    empty = True
    for number, line in enumerate(lines, start=1):
        if not line or line.isspace():
            continue
        empty = False
        where = f"{name}:{number}"
        try:
            event = _event(line, where)
        except REFUSED as error:
            raise refusal(where, error) from error
        yield Line(number, event)
    if empty:
        raise UsageProblem(f"{name}: the history is empty", hint=FORMAT)


def history_of(events: Iterable[HistoryEvent], name: str = "history") -> History:
    """The history of events at hand; their position counts as their line."""
    return make_history([Line(number, event) for number, event in enumerate(events, start=1)], name)


def _event(line: str, where: str) -> HistoryEvent:
    try:
        data = read_json(line)
    except ValueError as error:
        raise UsageProblem(f"{where}: not JSON: {error}", hint=FORMAT) from error
    if not isinstance(data, dict):
        raise UsageProblem(f"{where}: an event is a JSON object, not {type(data).__name__}", hint=FORMAT)
    process, kind, time, f = data.get("process"), data.get("type"), data.get("time"), data.get("f")
    value, pod, key = data.get("value"), data.get("pod"), data.get("key")
    if type(process) is not int:
        _wrong(where, "process", "an integer", data)
    if kind not in _TYPES:
        _wrong(where, "type", f"one of {', '.join(_TYPES)}", data)
    if type(f) is not str or not f:
        _wrong(where, "f", f"a text: {CREATE}, {VERIFY}, …", data)
    if (type(time) is not float and type(time) is not int) or not isfinite(time):
        _wrong(where, "time", "a number of seconds", data)
    if value is not None and not isinstance(value, dict):
        _wrong(where, "value", "an object", data)
    for name, text in (("pod", pod), ("key", key)):
        if text is not None and not isinstance(text, str):
            _wrong(where, name, "a text", data)
    return HistoryEvent(process, kind, f, {} if value is None else value, float(time), pod, key)


def _wrong(where: str, field: str, wanted: str, data: Mapping[str, Any]) -> NoReturn:
    what = f"not {json.dumps(data[field], ensure_ascii=False)[:60]}" if field in data else "and is missing"
    raise UsageProblem(f"{where}: {field!r} must be {wanted}, {what}", hint=FORMAT)


# --- pairing ----------------------------------------------------------------------------------------------


def make_history(lines: Sequence[Line], name: str) -> History:
    """Pair the events of each process. Raises UsageProblem, by line, where they do not pair."""
    pairing = Pairing(name)
    operations = [operation for line in lines if (operation := pairing.take(line)) is not None]
    operations = in_order([*operations, *pairing.end()])
    return History(name, tuple(operations), tuple(pairing.seen), pairing.ignored)


def in_order(operations: Iterable[HistoryOperation]) -> list[HistoryOperation]:
    """The operations in the order of their calls; answers are compared with those of their challenge."""
    return _with_answers(sorted(operations, key=lambda operation: (operation.called, operation.lines)))


@dataclass(slots=True)
class Pairing:
    """Pairs the events of each process, line by line."""

    name: str
    """The file's name, for messages."""
    seen: list[KeysSeen] = field(default_factory=list)
    ignored: int = 0
    """How many events were of other kinds."""
    _open: dict[int, Line] = field(default_factory=dict)
    """Of each process the operation that has not ended."""

    def take(self, line: Line) -> HistoryOperation | None:
        """The operation that ends with this line, if one does.

        Raises UsageProblem where it does not pair with what came before.
        """
        event = line.event
        earlier = self._open.get(event.process)
        if event.type == "invoke":
            if earlier is not None:
                raise UsageProblem(
                    f"{self.name}:{line.number}: process {event.process} begins {event.f} while its "
                    f"{earlier.event.f} of line {earlier.number} has not ended",
                    hint="operations that overlap need process numbers of their own",
                )
            self._open[event.process] = line
            return None
        if earlier is not None and earlier.event.f == event.f:
            del self._open[event.process]
            if event.time < earlier.event.time:
                raise UsageProblem(
                    f"{self.name}:{line.number}: {event.f} ends before it begins (line {earlier.number})"
                )
            return self._made(earlier, line)
        if event.f in (CREATE, VERIFY):
            raise UsageProblem(
                f"{self.name}:{line.number}: process {event.process} ends a {event.f} that it has not begun",
                hint=FORMAT,
            )
        return self._made(line, line)

    def end(self) -> Iterator[HistoryOperation]:
        """The operations that never end."""
        for line in self._open.values():
            if (operation := self._made(line, None)) is not None:
                yield operation

    def _made(self, invoke: Line, end: Line | None) -> HistoryOperation | None:
        f = invoke.event.f
        if f == KEYS and end is not None and end.event.type == "ok":
            self.seen.append(_keys(invoke, end, self.name))
        elif f in _OPERATIONS:
            return _operation(invoke, end, self.name)
        else:
            self.ignored += 1
        return None


def _operation(invoke: Line, end: Line | None, name: str) -> HistoryOperation:
    first, last = invoke.event, (end or invoke).event
    value = {**first.value, **last.value}
    if first.f == CREATE:
        _check_limit(value, f"{name}:{(end or invoke).number}")
    kind: EventType = last.type if end is not None else "info"
    result = (
        _result(value, f"{name}:{(end or invoke).number}") if first.f == VERIFY and kind == "ok" else None
    )
    if kind == "ok" and first.f == VERIFY and result is None:
        kind = "fail"  # an answer without a grade: it cost nothing
    lines = (invoke.number,) if end is None or end is invoke else (invoke.number, end.number)
    return HistoryOperation(
        first.process,
        first.f,
        kind,
        _challenge(first, last, value),
        last.pod or first.pod,
        first.time,
        inf if kind == "info" else last.time,
        value,
        lines,
        _answer(value) if first.f == VERIFY else None,
        result,
    )


def _check_limit(value: Mapping[str, Any], where: str) -> None:
    """Raise UsageProblem where a create names a limit that is none."""
    limit = value.get(LIMIT_FIELD)
    whole = isinstance(limit, int) and not isinstance(limit, bool)
    if limit is not None and not (whole and limit >= 0):
        wanted = "a whole number of graded answers, 0 (any number) or null (not known)"
        raise UsageProblem(f"{where}: 'value.{LIMIT_FIELD}' must be {wanted}", hint=FORMAT)


def _challenge(first: HistoryEvent, last: HistoryEvent, value: Mapping[str, Any]) -> str | None:
    """The key where there is one, else ``<type>:<id>``, or the id alone."""
    if last.key or first.key:
        return last.key or first.key
    challenge_id, kind = value.get(CHALLENGE_FIELD), value.get("type")
    if not isinstance(challenge_id, str) or not challenge_id:
        return None
    return f"{kind}:{challenge_id}" if isinstance(kind, str) and kind else challenge_id


def _result(value: Mapping[str, Any], where: str) -> Result | None:
    """The answer of a verify; None where it grades nothing."""
    outcome, message, attempts = value.get("outcome"), value.get("message"), value.get("attempts")
    kind = _OUTCOMES.get(outcome) if isinstance(outcome, str) else None
    if kind is None and isinstance(message, str):
        kind = _MESSAGES.get(message)
    if outcome is None and kind is None:
        raise UsageProblem(f"{where}: a verify that is ok needs 'value.outcome'", hint=", ".join(_KNOWN))
    if outcome is not None and outcome not in _KNOWN:
        # A misspelt success would count as no grade, and a violation pass unseen.
        shown = json.dumps(outcome)[:60]
        raise UsageProblem(f"{where}: 'value.outcome' {shown} is no outcome", hint=", ".join(_KNOWN))
    if attempts is not None and (isinstance(attempts, bool) or not isinstance(attempts, int)):
        raise UsageProblem(f"{where}: 'value.attempts' must be an integer", hint=FORMAT)
    if kind is None:
        return None
    return Result(kind, attempts if kind in (ResultKind.SUCCESS, ResultKind.WRONG) else None)


def _answer(value: Mapping[str, Any]) -> Answer | None:
    word = value.get("answer")
    if isinstance(word, str) and word in _ANSWERS:
        return _ANSWERS[word]
    return Answer.EMPTY if _selections(value) == () else None


def _selections(value: Mapping[str, Any]) -> tuple[int, ...] | None:
    """What was selected, ascending; also from an answer that is a list, as text or not."""
    for given in (value.get("selections"), value.get("answer")):
        if isinstance(given, str) and given.startswith("["):
            try:
                given = ast.literal_eval(given)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                continue
        if isinstance(given, list) and all(isinstance(item, int) for item in given):
            return tuple(sorted({int(item) for item in given}))
    return None


def _with_answers(operations: Sequence[HistoryOperation]) -> list[HistoryOperation]:
    """Selections that are not marked right or wrong, compared with those of the challenge that are known."""
    right: dict[str | None, tuple[int, ...]] = {}
    for operation in operations:
        if operation.answer is Answer.RIGHT and (chosen := _selections(operation.value)) is not None:
            right.setdefault(operation.challenge, chosen)
    completed = []
    for operation in operations:
        if operation.f == VERIFY and operation.answer is None and operation.challenge in right:
            chosen = _selections(operation.value)
            if chosen is not None:
                is_right = chosen == right[operation.challenge]
                operation = operation._replace(answer=Answer.RIGHT if is_right else Answer.WRONG)
        completed.append(operation)
    return completed


def _keys(invoke: Line, end: Line, name: str) -> KeysSeen:
    keys = end.event.value.get("keys")
    if not isinstance(keys, dict) or not all(
        isinstance(left, int) and not isinstance(left, bool) for left in keys.values()
    ):
        raise UsageProblem(
            f"{name}:{end.number}: 'value.keys' must map keys to their milliseconds left (-1: no TTL)",
            hint=FORMAT,
        )
    return KeysSeen(invoke.event.time, end.event.time, dict(keys), end.number)
