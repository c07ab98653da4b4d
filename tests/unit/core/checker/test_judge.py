"""Whole histories: the verdict, the kinds, and one sentence for each violation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from devenv.core.checker.history import History, make_history
from devenv.core.checker.history import Line as HistoryLine
from devenv.core.checker.invariants import Kind
from devenv.core.checker.judge import Outcome, Report, Rules, UserInvariant, judge
from devenv.core.checker.linearizability import Budget
from devenv.core.model.errors import UsageProblem
from devenv.core.model.events import HistoryEvent

CHALLENGE_ID = "0123456789abcdef0123456789abcdef"
KEY = f"abstract:{CHALLENGE_ID}"
REDIS_KEY = f"rcaptcha:{KEY}"
RECEIPT = f"rcaptcha:receipt:{{{REDIS_KEY}}}"


class Book:
    """Writes a history, a line at a time; a request has a process of its own."""

    def __init__(self) -> None:
        self.lines: list[HistoryLine] = []
        self._time = 0.0

    def add(self, process: int, kind: Any, f: str, value: dict[str, Any], key: str | None = KEY) -> None:
        self._time += 0.01
        event = HistoryEvent(process, kind, f, value, self._time, None, key)
        self.lines.append(HistoryLine(len(self.lines) + 1, event))

    def wait(self, seconds: float) -> Book:
        self._time += seconds
        return self

    def create(self, key: str | None = KEY, **value: Any) -> Book:
        self.add(0, "invoke", "create", {}, None)
        self.add(0, "ok", "create", value, key)
        return self

    def begin(self, process: int, answer: str, key: str | None = KEY) -> Book:
        self.add(process, "invoke", "verify", {"answer": answer}, key)
        return self

    def end(self, process: int, outcome: str, attempts: int | None = None, key: str | None = KEY) -> Book:
        self.add(process, "ok", "verify", {"outcome": outcome, "attempts": attempts}, key)
        return self

    def lose(self, process: int) -> Book:
        self.add(process, "info", "verify", {"status": 503})
        return self

    def verify(self, answer: str, outcome: str, attempts: int | None = None, key: str | None = KEY) -> Book:
        return self.begin(1, answer, key).end(1, outcome, attempts, key)

    def together(self, *requests: tuple[str, str, int | None]) -> Book:
        for number, (answer, _, _) in enumerate(requests, start=1):
            self.begin(number, answer)
        for number, (_, outcome, attempts) in enumerate(requests, start=1):
            self.end(number, outcome, attempts)
        return self

    def event(self, f: str, key: str | None = KEY, **value: Any) -> Book:
        self.add(99, "ok", f, value, key)
        return self

    def in_vain(self, f: str) -> Book:
        self.add(99, "fail", f, {})
        return self

    def keys(self, **left: int) -> Book:
        return self.event("keys", None, keys={REDIS_KEY if k == "session" else k: v for k, v in left.items()})

    def history(self) -> History:
        return make_history(self.lines, "h.jsonl")

    def judged(self, rules: Rules | None = None) -> Report:
        return judge(self.history(), rules)


def made() -> Book:
    return Book().create()


def kinds(report: Report) -> list[str]:
    return [str(violation.kind) for violation in report.violations]


# --- what holds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "book",
    [
        made(),
        made().verify("right", "success", 1),
        made().verify("wrong", "wrong", 1).verify("right", "success", 2).verify("right", "already_solved"),
        made().verify("wrong", "wrong", 1).verify("empty", "wrong", 2).verify("right", "not_found"),
        made().together(("right", "success", 1), ("right", "already_solved", None)),
        made().together(("wrong", "wrong", 2), ("wrong", "wrong", 1), ("wrong", "not_found", None)),
        made().begin(1, "right").lose(1).verify("right", "not_found"),
        made().begin(1, "right").lose(1).verify("right", "success", 1),
        made().begin(1, "wrong").lose(1).verify("wrong", "wrong", 2),
        made().event("expire").verify("right", "not_found"),
        made().in_vain("expire").verify("right", "success", 1),
        made().event("flush", None).verify("right", "not_found"),
        made().event("age").verify("wrong", "wrong", 1).verify("right", "not_found"),
        made().begin(1, "wrong").event("expire").end(1, "not_found"),
        made().wait(61).verify("right", "expired"),
        made().wait(59.5).verify("right", "success", 1),
        made().wait(59.5).verify("right", "not_found"),
        made()
        .keys(session=59_000)
        .verify("right", "success", 1)
        .keys(**{f"rcaptcha:receipt:{{{CHALLENGE_ID}}}": 9000}),
        Book().verify("right", "not_found"),
        Book().verify("wrong", "wrong", 1).verify("right", "not_found"),
        Book().verify("right", "success", 2).verify("right", "not_found"),
        Book().create(None).verify("right", "success", 1),
    ],
)
def test_what_a_right_service_does_holds(book: Book) -> None:
    report = book.judged()
    assert (report.verdict, report.violations, report.undecided) == (Outcome.HOLDS, (), ())


# --- what does not ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("book", "expected"),
    [
        (made().together(("right", "success", 1), ("right", "success", 2)), [Kind.DOUBLE_SUCCESS]),
        (made().together(("wrong", "wrong", 1), ("wrong", "wrong", 1)), [Kind.LOST_ATTEMPT]),
        (
            made().together(("wrong", "wrong", 1), ("wrong", "wrong", 2), ("wrong", "wrong", 3)),
            [Kind.MORE_THAN_TWO_GRADED],
        ),
        (made().verify("empty", "success", 1), [Kind.EMPTY_BYPASS]),
        (made().verify("wrong", "success", 1), [Kind.WRONG_ANSWER_PASSED]),
        (made().verify("right", "success", 1).keys(session=-1), [Kind.RESURRECTED_KEY]),
        (made().verify("right", "success", 1).keys(session=59_000), [Kind.RESURRECTED_KEY]),
        (
            made().together(("wrong", "wrong", 1), ("wrong", "wrong", 2)).keys(session=1000),
            [Kind.RESURRECTED_KEY],
        ),
        (  # nobody ended it: both answers were counted as the first
            made().together(("wrong", "wrong", 1), ("wrong", "wrong", 1)).keys(session=1000),
            [Kind.LOST_ATTEMPT],
        ),
        (  # a service that tells no counts: two answers are all that are allowed
            made().together(("wrong", "wrong", None), ("wrong", "wrong", None)).keys(session=1000),
            [Kind.RESURRECTED_KEY],
        ),
        (made().event("expire").keys(session=-1), [Kind.EXPIRY_INSIDE_VERIFY]),
        (made().in_vain("expire").verify("right", "not_found"), [Kind.NOT_LINEARIZABLE]),
        (made().in_vain("age").verify("right", "not_found"), [Kind.NOT_LINEARIZABLE]),
        (
            made().begin(1, "wrong").event("expire").end(1, "wrong", 1).verify("empty", "success", 2),
            [Kind.EMPTY_BYPASS, Kind.EXPIRY_INSIDE_VERIFY],
        ),
        (made().event("age").verify("wrong", "wrong", 1).keys(session=-1), [Kind.TTL_ROUNDS_TO_ZERO]),
        (made().verify("wrong", "wrong", 1).keys(session=-1), [Kind.NO_TTL]),
        (made().keys(session=59_000, other=-1), [Kind.NO_TTL]),
        (made().verify("right", "not_found"), [Kind.NOT_LINEARIZABLE]),
        (made().verify("right", "wrong", 1), [Kind.NOT_LINEARIZABLE]),
        (made().verify("wrong", "wrong", 2), [Kind.NOT_LINEARIZABLE]),
        (made().verify("wrong", "wrong", 1).verify("wrong", "not_found"), [Kind.NOT_LINEARIZABLE]),
        (made().event("expire").verify("right", "success", 1), [Kind.NOT_LINEARIZABLE]),
        (made().wait(70).verify("right", "success", 1), [Kind.NOT_LINEARIZABLE]),
        (made().create(), [Kind.NOT_LINEARIZABLE]),
        (Book().verify("right", "success", 1).verify("wrong", "wrong", 2), [Kind.NOT_LINEARIZABLE]),
    ],
)
def test_each_violation_has_its_kind(book: Book, expected: list[Kind]) -> None:
    report = book.judged()
    assert kinds(report) == [str(kind) for kind in expected]
    assert report.verdict is Outcome.VIOLATION
    assert all("\n" not in violation.sentence and violation.lines for violation in report.violations)
    quickly = judge(book.history(), partial=False)
    assert (quickly.violations, quickly.verdict) == (report.violations, report.verdict)


def test_the_sentences() -> None:
    def sentence(book: Book) -> str:
        return book.judged().violations[0].sentence

    assert sentence(made().verify("right", "not_found")) == (
        "no order of the operations explains that verify right (lines 3, 4) was answered not found: "
        "the session was open"
    )
    assert sentence(made().verify("wrong", "wrong", 1).verify("wrong", "wrong", 3)) == (
        "no order of the operations explains that verify wrong (lines 5, 6) was answered wrong as attempt 3: "
        "the session was open with 1 attempt used"
    )
    assert sentence(made().together(("right", "success", 1), ("right", "success", 1))) == (
        "2 verifies of one challenge were answered with success: "
        "verify right (lines 3, 5), verify right (lines 4, 6)"
    )
    assert sentence(made().verify("right", "success", 1).keys(session=-1)) == (
        f"key {REDIS_KEY} is there, for ever: it has no TTL, after the session was solved with "
        "verify right (lines 3, 4)"
    )


def test_the_longest_explicable_part_is_told() -> None:
    report = made().verify("wrong", "wrong", 1).verify("right", "not_found").judged()
    assert report.partial == {KEY: ((1, 2), (3, 4))}
    assert report.to_json()["longest_partial"] == {KEY: [[1, 2], [3, 4]]}


def test_challenges_are_judged_by_themselves() -> None:
    other = "abstract:" + "f" * 32
    book = made().create(other).verify("right", "success", 1).verify("right", "not_found", key=other)
    report = book.judged()
    assert [(violation.kind, violation.challenge) for violation in report.violations] == [
        (Kind.NOT_LINEARIZABLE, other)
    ]
    assert report.challenges == 2


def test_a_session_lives_as_long_as_its_create_says() -> None:
    assert Book().create(ttl=10).wait(11).verify("right", "not_found").judged().verdict is Outcome.HOLDS
    assert made().wait(11).verify("right", "not_found").judged(Rules(ttl=10)).verdict is Outcome.HOLDS
    assert made().verify("right", "not_found").judged(Rules(ttl=None)).verdict is Outcome.HOLDS
    assert made().wait(99).verify("right", "success").judged(Rules(ttl=None)).verdict is Outcome.HOLDS


def test_another_limit_and_other_receipts() -> None:
    once = made().verify("wrong", "wrong", 1).verify("right", "not_found")
    assert once.judged(Rules(limit=1)).verdict is Outcome.HOLDS
    kept = made().verify("right", "success", 1).keys(session=5000)
    assert kept.judged(Rules(receipts="rcaptcha:abstract:*")).verdict is Outcome.HOLDS


# --- what cannot be told ---------------------------------------------------------------------------------


def test_no_challenge_is_no_pass() -> None:
    report = Book().event("flush", None).judged()
    assert report.verdict is Outcome.UNKNOWN
    assert "no challenge" in report.undecided[0].reason


def test_verifies_without_a_challenge_are_no_pass() -> None:
    report = made().verify("right", "wrong", key=None).judged()
    assert report.verdict is Outcome.UNKNOWN
    assert report.undecided[0].reason == "verifies that name no challenge: 1, the first in line 3"


def test_a_budget_that_runs_out_is_no_pass_and_no_violation() -> None:
    report = judge(made().verify("right", "success", 1).history(), budget=Budget(steps=1))
    assert (report.verdict, report.violations) == (Outcome.UNKNOWN, ())
    assert report.undecided[0].challenge == KEY
    violated = made().together(("right", "success", 1), ("right", "success", 2)).history()
    assert judge(violated, budget=Budget(steps=1)).verdict is Outcome.VIOLATION


def test_the_steps_are_for_each_challenge() -> None:
    book = Book()
    names = [f"abstract:{number:032x}" for number in range(5)]
    for name in names:
        book.create(name).verify("right", "success", 1, key=name)
    report = judge(book.history(), budget=Budget(steps=2))
    assert (report.verdict, report.challenges, report.steps) == (Outcome.HOLDS, 5, 10)


# --- the reader's own rules ------------------------------------------------------------------------------


def test_user_invariants() -> None:
    def impatient(history: History) -> str | None:
        slow: Iterable[float] = (operation.returned - operation.called for operation in history.operations)
        return "too slow" if max(slow) > 0 else None

    rules = [UserInvariant("impatient", impatient), UserInvariant("fine", lambda history: None)]
    report = judge(made().history(), invariants=rules)
    assert report.verdict is Outcome.VIOLATION
    [violation] = report.violations
    assert (violation.kind, violation.name, violation.sentence) == (Kind.USER, "impatient", "too slow")
    assert report.to_json()["kinds"] == {"user": 1}


WRONG_THEN_GONE = [("wrong", "wrong"), ("right", "not_found")]
THREE_WRONG = [("wrong", "wrong"), ("wrong", "wrong"), ("wrong", "wrong"), ("right", "success")]
OPENED_AGAIN = [("right", "success"), ("wrong", "wrong")]


@pytest.mark.parametrize(
    ("limit", "answers", "kinds"),
    [
        (1, WRONG_THEN_GONE, []),
        (3, WRONG_THEN_GONE, [Kind.NOT_LINEARIZABLE]),
        (0, WRONG_THEN_GONE, [Kind.NOT_LINEARIZABLE]),
        (None, WRONG_THEN_GONE, []),
        (1, THREE_WRONG, [Kind.MORE_THAN_TWO_GRADED]),
        (3, THREE_WRONG, [Kind.MORE_THAN_TWO_GRADED]),
        (4, THREE_WRONG, []),
        (0, THREE_WRONG, []),
        (None, THREE_WRONG, []),
        (0, OPENED_AGAIN, [Kind.NOT_LINEARIZABLE]),
        (None, OPENED_AGAIN, [Kind.NOT_LINEARIZABLE]),
    ],
)
def test_the_limit_that_a_create_names(
    limit: int | None, answers: list[tuple[str, str]], kinds: list[Kind]
) -> None:
    book = Book().create(limit=limit)
    for answer, outcome in answers:
        book.verify(answer, outcome)
    assert [violation.kind for violation in book.judged().violations] == kinds


def test_without_a_known_limit_counts_mean_nothing() -> None:
    twice = (("wrong", "wrong", 1), ("wrong", "wrong", 1))
    assert Book().create(limit=2).together(*twice).judged().violations[0].kind is Kind.LOST_ATTEMPT
    for limit in (0, None):
        assert Book().create(limit=limit).together(*twice).judged().violations == ()


@pytest.mark.parametrize("limit", [-1, "2", True, 1.5])
def test_a_limit_that_is_none(limit: object) -> None:
    with pytest.raises(UsageProblem, match=r"^h\.jsonl:2: 'value\.limit' must be a whole number"):
        Book().create(limit=limit).history()
