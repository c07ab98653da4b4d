"""A reader's own rules as expressions over a history: counts, sums and comparisons, and nothing else.

    count(outcome="error") == 0
    count(outcome="not_found") * 100 <= count(f="verify")
    count(f="verify", outcome="success") <= 1          # for: challenge

The syntax is Python's, parsed but never run: an interpreter of its own knows integers, ``+ - *``,
comparisons, ``and or not``, and ``count(...)`` with the fields below. Anything else is refused when read.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from devenv.core.checker.history import History, HistoryOperation
from devenv.core.checker.judge import UserInvariant

MAX_LENGTH = 1000
MAX_NUMBER = 10**12

FIELDS: Mapping[str, Callable[[HistoryOperation], object]] = {
    "f": lambda item: item.f,
    "type": lambda item: item.type,
    "outcome": lambda item: item.outcome,
    "answer": lambda item: str(item.answer) if item.answer else None,
    "pod": lambda item: item.pod,
    "process": lambda item: item.process,
    "challenge": lambda item: item.challenge,
    "attempts": lambda item: item.result.attempts if item.result else None,
    "status": lambda item: item.value.get("status"),
    "message": lambda item: item.value.get("message"),
}
"""What ``count`` can ask of an operation."""

_ARITHMETIC: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}

Operations = Sequence[HistoryOperation]
Value = int | bool


class Scope(StrEnum):
    """What a rule is asked of: the whole history, or each challenge, pod or process by itself."""

    HISTORY = "history"
    CHALLENGE = "challenge"
    POD = "pod"
    PROCESS = "process"


class BadExpression(ValueError):
    """The expression is not one; the message says what in it."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A rule that was read; ``holds`` asks it."""

    text: str
    _tree: ast.expr

    def holds(self, operations: Operations) -> bool:
        """Whether it is true of these operations."""
        return bool(_evaluate(self._tree, operations))


def read_expression(text: str) -> Expression:
    """Read one expression. Raises BadExpression."""
    if len(text) > MAX_LENGTH:
        raise BadExpression(f"longer than {MAX_LENGTH} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        _check(tree)
    except SyntaxError as error:
        raise BadExpression(f"not readable: {error.msg}") from error
    except (RecursionError, MemoryError, ValueError) as error:
        if isinstance(error, BadExpression):
            raise
        raise BadExpression("not readable") from error
    if not isinstance(tree, ast.Compare | ast.BoolOp) and not (
        isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not)
    ):
        raise BadExpression("it is a number, not a condition: compare it with something")
    return Expression(text.strip(), tree)


def invariant(name: str, expression: Expression, scope: Scope = Scope.HISTORY) -> UserInvariant:
    """The rule as ``judge`` asks it; its sentence names the first part of the history that breaks it."""

    def check(history: History) -> str | None:
        for who, operations in _parts(history, scope):
            if not expression.holds(operations):
                return f"{name}{who} is violated: {expression.text}"
        return None

    return UserInvariant(name, check)


def _parts(history: History, scope: Scope) -> list[tuple[str, Operations]]:
    if scope is Scope.HISTORY:
        return [("", history.operations)]
    if scope is Scope.CHALLENGE:
        return [(f" of challenge {name}", operations) for name, operations in history.by_challenge().items()]
    field = FIELDS[scope]
    names = dict.fromkeys(who for operation in history.operations if (who := field(operation)) is not None)
    return [
        (f" of {scope} {who}", [operation for operation in history.operations if field(operation) == who])
        for who in names
    ]


# --- the small language -----------------------------------------------------------------------------------


def _check(node: ast.expr) -> None:
    """Refuse what is not in the language."""
    match node:
        case ast.Constant(value=bool(value)):
            raise BadExpression(f"{value} is no number")
        case ast.Constant(value=int(value)) if abs(value) <= MAX_NUMBER:
            return
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            _check(operand)
        case ast.BoolOp(values=values):
            for part in values:
                _check(part)
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult(), left=left, right=right):
            _check(left)
            _check(right)
        case ast.Compare(left=left, ops=ops, comparators=rest) if all(type(op) in _COMPARISONS for op in ops):
            for part in (left, *rest):
                _check(part)
        case ast.Call(func=ast.Name(id="count"), args=[], keywords=keywords):
            for keyword in keywords:
                _check_field(keyword)
        case _:
            raise BadExpression(f"{ast.unparse(node)[:60]!r} is not part of the language")


def _check_field(keyword: ast.keyword) -> None:
    if keyword.arg not in FIELDS:
        raise BadExpression(f"count knows no field {keyword.arg!r}; it knows {', '.join(FIELDS)}")
    match keyword.value:
        case ast.Constant(value=str() | int() | None):
            return
        case ast.Tuple(elts=parts) | ast.List(elts=parts) if all(
            isinstance(part, ast.Constant) for part in parts
        ):
            return
    raise BadExpression(f"{keyword.arg} must be a text, a number, None or a list of them")


def _evaluate(node: ast.expr, operations: Operations) -> Value:
    match node:
        case ast.Constant(value=value):
            return int(value)  # type: ignore[arg-type]  # _check has seen to it
        case ast.UnaryOp(op=op, operand=operand):
            operand_value = _evaluate(operand, operations)
            return not operand_value if isinstance(op, ast.Not) else -operand_value
        case ast.BoolOp(op=op, values=values):
            answers = (bool(_evaluate(value, operations)) for value in values)
            return all(answers) if isinstance(op, ast.And) else any(answers)
        case ast.BinOp(op=op, left=left, right=right):
            return _ARITHMETIC[type(op)](_evaluate(left, operations), _evaluate(right, operations))
        case ast.Compare(left=left, ops=ops, comparators=rest):
            numbers = [_evaluate(part, operations) for part in (left, *rest)]
            pairs = zip(ops, numbers, numbers[1:], strict=False)
            return all(_COMPARISONS[type(op)](one, other) for op, one, other in pairs)
        case ast.Call(keywords=keywords):
            return _count(keywords, operations)
    raise BadExpression("not part of the language")


def _count(keywords: Sequence[ast.keyword], operations: Operations) -> int:
    wanted: list[tuple[Callable[[HistoryOperation], object], Any]] = []
    for keyword in keywords:
        value = ast.literal_eval(keyword.value)
        options = value if isinstance(value, tuple | list) else (value,)
        wanted.append((FIELDS[keyword.arg or ""], options))
    return sum(1 for operation in operations if all(field(operation) in options for field, options in wanted))
