"""Judges a history: every challenge by itself against the sequential session, and the invariants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from types import MappingProxyType
from typing import Any

from devenv.core.checker.history import (
    AGE,
    CREATE,
    LIMIT_FIELD,
    VERIFY,
    History,
    HistoryOperation,
    KeysSeen,
)
from devenv.core.checker.invariants import (
    RECEIPTS,
    InvariantViolation,
    Kind,
    broken_rules,
    by_kind,
    by_word,
    challenge_id,
    keys_without_ttl,
)
from devenv.core.checker.linearizability import Budget, Judgement, Op, Verdict, linearize
from devenv.core.model.contract import CAPTCHA_TTL_SECONDS
from devenv.core.model.verdict import passes
from devenv.core.spec.captcha_session import (
    ATTEMPTS_LIMIT,
    Create,
    Expire,
    Operation,
    Phase,
    Result,
    ResultKind,
    Session,
    Verify,
    successors,
)

Call = tuple[Operation, Result | None]
"""An operation with what its caller heard; None: the reply was lost."""

_ANY_BEGIN = (
    Session(Phase.OPEN, 0),
    Session(Phase.OPEN, 1),
    Session(Phase.ABSENT),
    Session(Phase.SOLVED, 1),
    Session(Phase.SPENT, 2),
    Session(Phase.EXPIRED),
)
_LONGEST_TTL_S = 1e9
"""A longer time to live is none that a clock can be compared with."""


class Outcome(StrEnum):
    """The verdict on a whole history."""

    HOLDS = "holds"
    VIOLATION = "violation"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a history is judged by where its create operations say nothing else."""

    ttl: float | None = float(CAPTCHA_TTL_SECONDS)
    """Seconds that a session lives; None: not known."""
    slack: float = 1.0
    """Within this many seconds of its end a session may be open or expired."""
    limit: int | None = ATTEMPTS_LIMIT
    """Graded answers that a session takes; 0: any number; None: not known."""
    receipts: str = RECEIPTS
    """Glob of the keys that may outlive a session."""


@dataclass(frozen=True, slots=True)
class UserInvariant:
    """A rule of the reader's own."""

    name: str
    check: Callable[[History], str | None]
    """Gives a sentence where the rule is violated, else None."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """A part of the history that could not be judged, and why."""

    challenge: str | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"challenge": self.challenge, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Report:
    """What the checker found."""

    verdict: Outcome
    violations: tuple[InvariantViolation, ...]
    undecided: tuple[Undecided, ...]
    challenges: int
    operations: int
    lost: int
    ignored: int
    steps: int
    partial: Mapping[str, tuple[tuple[int, ...], ...]]
    """For each challenge that is not linearizable or undecided, the lines of its longest explicable sequence
    of operations.
    """

    def to_json(self) -> dict[str, Any]:
        """A plain dict; ``kinds`` counts the violations."""
        return {
            "verdict": str(self.verdict),
            "kinds": {str(kind): len(violations) for kind, violations in by_kind(self.violations).items()},
            "violations": [violation.to_json() for violation in self.violations],
            "undecided": [item.to_json() for item in self.undecided],
            "challenges": self.challenges,
            "operations": self.operations,
            "lost_replies": self.lost,
            "ignored_events": self.ignored,
            "steps": self.steps,
            "longest_partial": {name: [list(line) for line in lines] for name, lines in self.partial.items()},
        }


@dataclass(frozen=True, slots=True)
class SessionModel:
    """The sequential session as the search asks about it."""

    begins: tuple[Session, ...] = (Session(),)
    """The states that it may begin in."""
    limit: int | None = ATTEMPTS_LIMIT

    def initial(self) -> Sequence[Session]:
        """Where the challenge may stand when the history begins."""
        return self.begins

    def successors(self, state: Session, call: Call) -> Sequence[Session]:
        """As the specification has it."""
        operation, heard = call
        return successors(state, operation, heard, self.limit)

    def reads(self, call: Call) -> bool:
        """A verify that was answered "the session is over" changed nothing."""
        heard = call[1]
        return heard is not None and heard.kind in (
            ResultKind.NOT_FOUND,
            ResultKind.ALREADY_SOLVED,
            ResultKind.EXPIRED,
        )


def judge(
    history: History,
    rules: Rules | None = None,
    budget: Budget | None = None,
    invariants: Sequence[UserInvariant] = (),
    *,
    partial: bool = True,
) -> Report:
    """Judge a whole history. ``budget``: its steps are for each challenge, its deadline for all together.

    Without ``partial`` no sequence of operations is looked for where an invariant shows a violation already:
    the violations are the same, and ``Report.partial`` and ``steps`` lack these challenges.

    UNKNOWN where something could not be judged and nothing is violated; a history without any challenge is
    never HOLDS. What a user invariant raises, it raises here.
    """
    judging = Judging(rules or Rules(), budget or Budget(), history.seen, partial=partial)
    for challenge, operations in history.by_challenge().items():
        judging.challenge(challenge, operations)
    counts = Counts(history.ignored)
    for operation in history.operations:
        counts.add(operation)
    broken = [
        InvariantViolation(Kind.USER, None, sentence, name=invariant.name)
        for invariant in invariants
        if (sentence := invariant.check(history)) is not None
    ]
    return judging.report(counts, broken)


@dataclass(slots=True)
class Counts:
    """What a history has, beside what its challenges show."""

    ignored: int = 0
    """Events of other kinds."""
    operations: int = 0
    lost: int = 0
    """Operations whose outcome is indeterminate."""
    stray: int = 0
    """Verifies that name no challenge."""
    first_stray: tuple[float, int] = (inf, 0)
    """When the first of them was called, and its line."""

    def add(self, operation: HistoryOperation) -> None:
        """Count one operation."""
        self.operations += 1
        self.lost += operation.lost
        if operation.f == VERIFY and operation.challenge is None:
            self.stray += 1
            self.first_stray = min(self.first_stray, (operation.called, operation.lines[0]))


@dataclass(frozen=True, slots=True)
class _Judged:
    """What one challenge showed; nothing is kept of one that is as it should be."""

    first: tuple[float, tuple[int, ...]]
    """When it first appeared, and in which lines: challenges are reported in this order."""
    violations: Sequence[InvariantViolation]
    undecided: Sequence[Undecided]
    partial: Mapping[str, tuple[tuple[int, ...], ...]]


class Judging:
    """Judges challenges one after the other, in any order, by what was seen in Redis meanwhile."""

    def __init__(
        self, rules: Rules, budget: Budget, seen: Sequence[KeysSeen], *, partial: bool = True
    ) -> None:
        self._rules = rules
        self._partial = partial
        self._budget = budget
        self._seen = seen
        self._by_word = by_word(seen)
        self._names: list[str] = []
        self._judged: list[_Judged] = []
        self._steps = 0

    def challenge(self, name: str, operations: Sequence[HistoryOperation]) -> None:
        """Judge one challenge by all its operations, which are in the order of their calls."""
        self._names.append(name)
        rules = self._rules
        limit = _limit(operations, rules)
        operations = operations if limit else _without_counts(operations)
        seen = self._by_word.get(challenge_id(name), ())
        violations = broken_rules(name, operations, seen, limit=limit, receipts=rules.receipts)
        if violations and not self._partial:
            self._keep(operations, violations)
            return
        mine = _ops(operations, rules)
        judged = linearize([op for op, _ in mine], _model(operations, rules), replace(self._budget))
        self._steps += judged.steps
        undecided: list[Undecided] = []
        partial: dict[str, tuple[tuple[int, ...], ...]] = {}
        if judged.verdict is not Verdict.LINEARIZABLE:
            order = [source for source in (mine[index][1] for index in judged.order) if source is not None]
            partial[name] = tuple(item.lines for item in order)
        if judged.verdict is Verdict.NOT_LINEARIZABLE and not violations:
            violations = [_not_linearizable(name, operations, mine, judged, rules)]
        if judged.verdict is Verdict.UNKNOWN and not violations:
            undecided.append(Undecided(name, f"the budget ran out after {judged.steps} steps"))
        if violations or undecided or partial:
            self._keep(operations, violations, undecided, partial)

    def _keep(
        self,
        operations: Sequence[HistoryOperation],
        violations: Sequence[InvariantViolation],
        undecided: Sequence[Undecided] = (),
        partial: Mapping[str, tuple[tuple[int, ...], ...]] = MappingProxyType({}),
    ) -> None:
        first = next(item for item in operations if item.f in (CREATE, VERIFY))
        self._judged.append(_Judged((first.called, first.lines), violations, undecided, partial))

    def report(self, counts: Counts, broken: Sequence[InvariantViolation] = ()) -> Report:
        """The verdict on all. ``broken``: rules of the reader's own that the history breaks."""
        violations: list[InvariantViolation] = []
        undecided: list[Undecided] = []
        partial: dict[str, tuple[tuple[int, ...], ...]] = {}
        for judged in sorted(self._judged, key=lambda item: item.first):
            violations += judged.violations
            undecided += judged.undecided
            partial |= judged.partial
        violations += keys_without_ttl(self._seen, self._names, receipts=self._rules.receipts)
        violations += broken
        undecided += _nowhere(counts, len(self._names))
        verdict = Outcome.VIOLATION if violations else Outcome.UNKNOWN
        if passes(checked=len(self._names), failures=len(violations), gaps=len(undecided)):
            verdict = Outcome.HOLDS
        return Report(
            verdict,
            tuple(violations),
            tuple(undecided),
            len(self._names),
            counts.operations,
            counts.lost,
            counts.ignored,
            self._steps,
            partial,
        )


def _nowhere(counts: Counts, challenges: int) -> list[Undecided]:
    """What belongs to no challenge, and so was not judged."""
    if counts.stray:
        line = counts.first_stray[1]
        text = f"verifies that name no challenge: {counts.stray}, the first in line {line}"
        return [Undecided(None, text)]
    if not challenges:
        return [Undecided(None, "no challenge is created or verified in this history")]
    return []


# --- one challenge ----------------------------------------------------------------------------------------


def _model(operations: Sequence[HistoryOperation], rules: Rules) -> SessionModel:
    """Where the history does not show the create, the challenge may have stood anywhere."""
    made = any(operation.f == CREATE and operation.type == "ok" for operation in operations)
    return SessionModel((Session(),) if made else _ANY_BEGIN, _limit(operations, rules))


def _without_counts(operations: Sequence[HistoryOperation]) -> tuple[HistoryOperation, ...]:
    """The operations without their counts of attempts, which say nothing where the limit is not known."""
    return tuple(
        operation if operation.result is None else operation._replace(result=Result(operation.result.kind))
        for operation in operations
    )


def _limit(operations: Sequence[HistoryOperation], rules: Rules) -> int | None:
    """The limit that the challenge's create names (null: not known), else that of the rules."""
    made = (operation.value for operation in operations if operation.f == CREATE)
    return next((value[LIMIT_FIELD] for value in made if LIMIT_FIELD in value), rules.limit)


_Sourced = tuple[Op[Call], HistoryOperation | None]


def _ops(operations: Sequence[HistoryOperation], rules: Rules) -> list[_Sourced]:
    """The operations as the search takes them; an expiry that is not in the history has no source."""
    sourced: list[_Sourced] = []
    for operation in operations:
        call = _call(operation)
        if call is not None and operation.type != "fail":
            sourced.append((Op(call, operation.called, operation.returned), operation))
    return sourced + [(op, None) for op in _ends_of_time(operations, rules)]


def _call(history_operation: HistoryOperation) -> Call | None:
    heard = None if history_operation.lost else Result(ResultKind.DONE)
    match history_operation.f:
        case "create":
            return Create(), heard
        case "verify":
            return Verify(history_operation.answer), history_operation.result
        case "expire" | "flush":
            return Expire(), heard
        case _:  # age: it expires some time later, see _ends_of_time
            return None


def _ends_of_time(operations: Sequence[HistoryOperation], rules: Rules) -> list[Op[Call]]:
    """Expiries that no line records: certain after the TTL, possible after ageing or without a create."""
    expiries = [
        _expiry(None, operation.called)
        for operation in operations
        if operation.f == AGE and operation.type != "fail"
    ]
    made = next(
        (operation for operation in operations if operation.f == CREATE and operation.type == "ok"), None
    )
    if made is None:
        return [*expiries, _expiry(None, -inf)]
    given = made.value.get("ttl")
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < _LONGEST_TTL_S:
        ttl: float | None = given
    else:
        ttl = rules.ttl
    if ttl is None:
        return [*expiries, _expiry(None, made.called)]
    begins, ends = made.called + ttl - rules.slack, made.returned + ttl + rules.slack
    if any(operation.returned > begins for operation in operations):
        expiries.append(_expiry(Result(ResultKind.DONE), begins, ends))
    return expiries


def _expiry(heard: Result | None, called: float, returned: float = inf) -> Op[Call]:
    return Op((Expire(), heard), called, returned)


def _not_linearizable(
    challenge: str,
    operations: Sequence[HistoryOperation],
    mine: Sequence[_Sourced],
    judged: Judgement,
    rules: Rules,
) -> InvariantViolation:
    """In one sentence: the first operation that has no place, and where the session stood by all others."""
    explained = dict.fromkeys(judged.order)
    rest = [source for index, (_, source) in enumerate(mine) if index not in explained and source is not None]
    stuck = min(
        (item for item in rest if not item.lost), key=lambda item: (item.returned, item.lines), default=None
    )
    states: list[Session] = list(_model(operations, rules).initial())
    model = _model(operations, rules)
    for index in judged.order:
        call = mine[index][0].call
        states = list(dict.fromkeys(after for state in states for after in model.successors(state, call)))
    stood = " or ".join(_spoken(state) for state in states[:2])
    if stuck is None:
        return InvariantViolation(Kind.NOT_LINEARIZABLE, challenge, "its time was up, but it was not over")
    answer = stuck.result.kind.replace("_", " ") if stuck.result else "done"
    count = (
        f" as attempt {stuck.result.attempts}" if stuck.result and stuck.result.attempts is not None else ""
    )
    text = f"no order of the operations explains that {stuck} was answered {answer}{count}"
    text += f": the session was {stood}"
    return InvariantViolation(Kind.NOT_LINEARIZABLE, challenge, text, stuck.lines)


def _spoken(state: Session) -> str:
    match state.phase:
        case Phase.ABSENT:
            return "not created yet"
        case Phase.OPEN:
            count = f" with {state.attempts} attempt{'' if state.attempts == 1 else 's'} used"
            return f"open{count if state.attempts else ''}"
        case Phase.SPENT:
            return "over, its attempts used up"
        case _:
            return str(state.phase)
