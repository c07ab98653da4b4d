"""Rules as expressions: what they count, and that nothing else can be said."""

from __future__ import annotations

from typing import Any

import pytest

from devenv.core.checker.expressions import MAX_LENGTH, BadExpression, Scope, invariant, read_expression
from devenv.core.checker.history import History, history_of
from devenv.core.model.events import HistoryEvent


@pytest.fixture
def history() -> History:
    """k: wrong on a, success on b; l: not found on a, an error (503) on b."""
    messages: list[tuple[str, str, Any, dict[str, Any]]] = [
        ("k", "a", "ok", {"answer": "wrong", "outcome": "wrong", "attempts": 1, "status": 200}),
        ("k", "b", "ok", {"answer": "right", "outcome": "success", "attempts": 2, "status": 200}),
        ("l", "a", "ok", {"answer": "right", "outcome": "not_found", "status": 200}),
        ("l", "b", "info", {"answer": "right", "outcome": "error", "status": 503}),
    ]
    events = []
    for number, (key, pod, kind, value) in enumerate(messages):
        events += [
            HistoryEvent(number, "invoke", "verify", {}, number, None, key),
            HistoryEvent(number, kind, "verify", value, number + 0.5, pod, key),
        ]
    return history_of(events)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("count() == 4", True),
        ('count(f="verify") == 4 and count(f="create") == 0', True),
        ('count(outcome="success") == 1', True),
        ('count(outcome="error") == 0', False),
        ('count(outcome=["wrong", "success"]) == 2', True),
        ('count(answer="right", pod="a") == 1', True),
        ('count(attempts=2) == 1', True),
        ("count(attempts=None) == 2", True),
        ("count(status=503) < 1 or not count(type='info') != 1", True),
        ('count(outcome="not_found") * 100 <= count() * 25', True),
        ('count(outcome="not_found") * 100 < count() * 25', False),
        ("0 < count(process=(0, 1)) <= 2", True),
        ("-1 + count() - 3 == 0", True),
        ('count(challenge="l") > 2', False),
    ],
)  # fmt: skip
def test_what_is_counted(history: History, text: str, holds: bool) -> None:
    expression = read_expression(text)
    assert expression.holds(history.operations) is holds
    message = invariant("rule", expression).check(history)
    assert message == (None if holds else f"rule is violated: {text}")


@pytest.mark.parametrize(
    ("scope", "who"),
    [(Scope.CHALLENGE, "challenge l"), (Scope.POD, "pod a"), (Scope.PROCESS, "process 2")],
)
def test_rules_for_each(history: History, scope: Scope, who: str) -> None:
    message = invariant("found", read_expression('count(outcome="not_found") == 0'), scope).check(history)
    assert message == f'found of {who} is violated: count(outcome="not_found") == 0'
    assert invariant("few", read_expression("count() <= 2"), scope).check(history) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not readable"),
        ("count( == 1", "not readable"),
        ("count()", "it is a number, not a condition"),
        ("__import__('os').system('x') == 0", "is not part of the language"),
        ("(lambda: 1)() == 1", "is not part of the language"),
        ("count.__class__ == 1", "is not part of the language"),
        ("open('x') == 1", "is not part of the language"),
        ("[x for x in (1,)] == 1", "is not part of the language"),
        ("9 ** 9 ** 9 == 1", "is not part of the language"),
        ("10000000000000 == 1", "is not part of the language"),
        ("1 / 0 == 1", "is not part of the language"),
        ("True == 1", "is no number"),
        ("count(colour='red') == 1", "count knows no field 'colour'; it knows f, type"),
        ("count(**{'f': 'x'}) == 1", "count knows no field None"),
        ("count('verify') == 1", "is not part of the language"),
        ("count(f=count()) == 1", "f must be a text, a number, None or a list"),
        ("count(f=[count()]) == 1", "f must be a text, a number, None or a list"),
        ("count() is 1", "is not part of the language"),
        ("(" * 400 + "count()" + ")" * 400, "not readable"),
        ("not " * 240 + "1 == 1", ""),
        ("1 == 1" + " " * MAX_LENGTH, "longer than"),
    ],
)
def test_nothing_else_can_be_said(text: str, message: str) -> None:
    if not message:  # deep, but within bounds
        read_expression(text)
        return
    with pytest.raises(BadExpression, match=message.replace("(", r"\(")):
        read_expression(text)
