"""The search against a brute-force oracle, and on histories that would drown a naive one."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from random import Random
from typing import Any

import pytest

from devenv.core.checker.judge import Call, SessionModel
from devenv.core.checker.linearizability import Budget, Judgement, Op, Verdict, _Search, linearize
from devenv.core.model.vocabulary import Answer
from devenv.core.spec.captcha_session import (
    Create,
    Expire,
    Operation,
    Result,
    ResultKind,
    Session,
    Verify,
    step,
    successors,
)

# --- the oracle: every order of every subset, from the definition ---------------------------------------


def brute_force(ops: Sequence[Op[Any]], initial: Sequence[Any], model: Any) -> tuple[bool, int]:
    """Whether a linearization exists, and how many known operations the longest partial one has."""
    known = sum(1 for op in ops if not op.lost)
    longest = 0

    def extend(taken: frozenset[int], state: Any) -> None:
        nonlocal longest
        longest = max(longest, sum(1 for index in taken if not ops[index].lost))
        for index, op in enumerate(ops):
            if index in taken:
                continue
            if any(other not in taken and ops[other].returned < op.called for other in range(len(ops))):
                continue
            for after in model.successors(state, op.call):
                extend(taken | {index}, after)

    for state in initial:
        extend(frozenset(), state)
    return longest == known, longest


def check_order(ops: Sequence[Op[Any]], order: Sequence[int], model: Any) -> None:
    """The order that was reported is one that time and the model admit."""
    assert len(set(order)) == len(order)
    for position, index in enumerate(order):
        later = [other for other in range(len(ops)) if other not in order[: position + 1]]
        assert not any(ops[other].returned < ops[index].called for other in later)
    states = list(model.initial())
    for index in order:
        states = [after for state in states for after in model.successors(state, ops[index].call)]
        assert states


def agree(ops: Sequence[Op[Any]], model: Any) -> Verdict:
    judged = linearize(ops, model)
    linearizable, longest = brute_force(ops, model.initial(), model)
    assert judged.verdict is (Verdict.LINEARIZABLE if linearizable else Verdict.NOT_LINEARIZABLE)
    check_order(ops, judged.order, model)
    assert sum(1 for index in judged.order if not ops[index].lost) == longest
    return judged.verdict


# --- the captcha session --------------------------------------------------------------------------------

VERIFY_KINDS = (
    ResultKind.NOT_FOUND, ResultKind.ALREADY_SOLVED, ResultKind.EXPIRED, ResultKind.SUCCESS, ResultKind.WRONG,
)  # fmt: skip


def a_result(chance: Random) -> Result:
    """What a verify may hear, of every kind."""
    kind = chance.choice(VERIFY_KINDS)
    graded = kind in (ResultKind.SUCCESS, ResultKind.WRONG)
    return Result(kind, chance.choice([None, 1, 2])) if graded else Result(kind)


def a_verify(chance: Random) -> Verify:
    return Verify(chance.choice([*Answer, None]))


def a_part(chance: Random) -> float:
    """From 0 to 1, often one of the two, where operations touch."""
    return chance.choice((0.0, 1.0, chance.random(), chance.random()))


def arbitrary(chance: Random) -> list[Op[Call]]:
    """A few operations at any times with any results: mostly wrong."""
    ops = []
    for _ in range(chance.randint(1, 6)):
        operations: tuple[Operation, ...] = (*(a_verify(chance) for _ in range(3)), Create(), Expire())
        operation = chance.choice(operations)
        lost = chance.randint(0, 4) == 0
        heard = a_result(chance) if isinstance(operation, Verify) else Result(ResultKind.DONE)
        called = chance.randint(0, 6)
        returned = inf if lost else called + chance.randint(0, 6)
        ops.append(Op((operation, None if lost else heard), called, returned))
    return ops


def produced(chance: Random) -> list[Op[Call]]:
    """What a correct service would record, with lost replies; then, mostly, results are changed."""
    state, ops = Session(), []
    for moment in range(chance.randint(1, 6)):
        operation: Operation = Create()
        if moment > 0:
            operation = chance.choice((a_verify(chance), a_verify(chance), Expire()))
        actual = operation
        if isinstance(operation, Verify) and operation.answer is None:
            actual = Verify(chance.choice([Answer.RIGHT, Answer.WRONG]))
        done = step(state, actual)
        lost = chance.randint(0, 5) == 0
        if not lost or chance.random() < 0.5:
            state = done.state
        called, returned = moment - a_part(chance), moment + a_part(chance)
        heard = None if lost else chance.choice(done.results)
        ops.append(Op((operation, heard), called, inf if lost else returned))
    for _ in range(chance.randint(0, 3)):
        index = chance.randint(0, len(ops) - 1)
        operation, heard = ops[index].call
        if heard is not None and isinstance(operation, Verify):
            ops[index] = Op((operation, a_result(chance)), ops[index].called, ops[index].returned)
    return ops


def judged(count: int, history: Callable[[Random], list[Op[Any]]], model: Any) -> Counter[Verdict]:
    """How often each verdict came, of so many histories; a failure names its seed.

    The same ones in every run: the four tests judge 10,300. They come from seeds, as drawing them with
    hypothesis takes six times the CPU of judging them.
    """
    seen: Counter[Verdict] = Counter()
    for seed in range(count):
        try:
            seen[agree(history(Random(seed)), model)] += 1
        except AssertionError as error:
            error.add_note(f"{history.__name__}(Random({seed}))")
            raise
    return seen


def test_any_history_of_a_session_as_the_oracle_judges() -> None:
    seen = judged(3000, arbitrary, SessionModel())
    assert min(seen[Verdict.LINEARIZABLE], seen[Verdict.NOT_LINEARIZABLE]) > 100


def test_a_history_that_begins_anywhere() -> None:
    seen = judged(300, arbitrary, SessionModel((Session(), *successors(Session(), Create(), None))))
    assert min(seen[Verdict.LINEARIZABLE], seen[Verdict.NOT_LINEARIZABLE]) > 10


def test_histories_of_a_right_service_as_the_oracle_judges() -> None:
    seen = judged(5000, produced, SessionModel())
    assert min(seen[Verdict.LINEARIZABLE], seen[Verdict.NOT_LINEARIZABLE]) > 400


# --- another model: a register, so that the search is not only right for sessions -----------------------


@dataclass(frozen=True)
class Register:
    """Starts at 0; calls are ("read", value), ("write", value), ("swap", (old, new))."""

    def initial(self) -> Sequence[int]:
        return (0,)

    def successors(self, state: int, call: tuple[str, Any]) -> Sequence[int]:
        word, value = call
        if word == "write":
            return (value,)
        if word == "read":
            return (state,) if state == value else ()
        old, new = value
        return (new,) if state == old else ()

    def reads(self, call: tuple[str, Any]) -> bool:
        return call[0] == "read"


def of_a_register(chance: Random) -> list[Op[tuple[str, Any]]]:
    """A few reads, writes and swaps of 0, 1 and 2 at any times."""
    ops = []
    for _ in range(chance.randint(0, 6)):
        one, other = chance.randint(0, 2), chance.randint(0, 2)
        call: tuple[str, Any] = chance.choice((("read", one), ("write", one), ("swap", (one, other))))
        called = chance.randint(0, 5)
        returned = inf if chance.randint(0, 5) == 0 else called + chance.randint(0, 5)
        ops.append(Op(call, called, returned))
    return ops


def test_any_history_of_a_register_as_the_oracle_judges() -> None:
    seen = judged(2000, of_a_register, Register())
    assert min(seen[Verdict.LINEARIZABLE], seen[Verdict.NOT_LINEARIZABLE]) > 100


# --- by hand --------------------------------------------------------------------------------------------


def op(operation: Operation, heard: Result | None, called: float, returned: float = inf) -> Op[Call]:
    return Op((operation, heard), called, returned)


RIGHT, WRONG = Verify(Answer.RIGHT), Verify(Answer.WRONG)
DONE, GONE = Result(ResultKind.DONE), Result(ResultKind.NOT_FOUND)
MADE = op(Create(), DONE, 0, 1)


def test_nothing_is_linearizable() -> None:
    assert linearize([], SessionModel()).verdict is Verdict.LINEARIZABLE


def test_a_lost_reply_is_neither_done_nor_undone() -> None:
    lost = op(RIGHT, None, 2)
    success, wrong = Result(ResultKind.SUCCESS, 1), Result(ResultKind.WRONG, 1)
    for after in (op(RIGHT, success, 3, 4), op(RIGHT, GONE, 3, 4), op(WRONG, wrong, 3, 4)):
        assert linearize([MADE, lost, after], SessionModel()).verdict is Verdict.LINEARIZABLE
    before = op(RIGHT, GONE, 1.2, 1.5)
    assert linearize([MADE, before, lost], SessionModel()).verdict is Verdict.NOT_LINEARIZABLE


def test_operations_that_touch_are_concurrent() -> None:
    gone = op(WRONG, GONE, 1, 2)
    assert linearize([MADE, gone], SessionModel()).verdict is Verdict.LINEARIZABLE
    assert linearize([op(Create(), DONE, 0, 0.9), gone], SessionModel()).verdict is Verdict.NOT_LINEARIZABLE


def test_the_longest_partial_linearization_names_what_has_no_place() -> None:
    ops = [
        MADE,
        op(RIGHT, Result(ResultKind.SUCCESS, 1), 2, 4),
        op(RIGHT, Result(ResultKind.SUCCESS, 1), 2, 5),
    ]
    judged = linearize(ops, SessionModel())
    assert judged.verdict is Verdict.NOT_LINEARIZABLE
    assert judged.order == (0, 1)


# --- many at once ---------------------------------------------------------------------------------------


def crowd(*heard: Result) -> list[Op[Call]]:
    """All at the same time on one challenge, each with the answer that fits what it heard."""
    return [MADE] + [
        op(RIGHT if item.kind is ResultKind.SUCCESS else WRONG, item, 2 + index / 1e6, 10 + index / 1e6)
        for index, item in enumerate(heard)
    ]


@pytest.mark.parametrize(
    ("heard", "verdict"),
    [
        ([Result(ResultKind.SUCCESS, 1)] + [GONE] * 999, Verdict.LINEARIZABLE),
        ([GONE] * 998 + [Result(ResultKind.WRONG, 2), Result(ResultKind.WRONG, 1)], Verdict.LINEARIZABLE),
        ([Result(ResultKind.SUCCESS, 1)] * 2 + [GONE] * 998, Verdict.NOT_LINEARIZABLE),
        ([Result(ResultKind.WRONG, 1)] * 1000, Verdict.NOT_LINEARIZABLE),
        ([GONE] * 1000, Verdict.NOT_LINEARIZABLE),
        ([Result(ResultKind.WRONG, 1), Result(ResultKind.WRONG, 2), Result(ResultKind.SUCCESS)]
         + [GONE] * 997,
         Verdict.NOT_LINEARIZABLE),
    ],
)  # fmt: skip
def test_a_thousand_at_once_are_few_steps(heard: list[Result], verdict: Verdict) -> None:
    judged = linearize(crowd(*heard), SessionModel())
    assert judged.verdict is verdict
    assert judged.steps < 20


def test_a_thousand_with_lost_replies() -> None:
    lost = [op(RIGHT if index % 2 else WRONG, None, 2 + index) for index in range(500)]
    ops = [*crowd(*[GONE] * 500), *lost]
    judged = linearize(ops, SessionModel())
    assert judged.verdict is Verdict.LINEARIZABLE
    assert judged.steps < 2000


def test_configurations_are_not_searched_twice() -> None:
    """Of n writes at once there are n! orders, but only n 2^(n-1) configurations of (taken, last value)."""
    count = 8
    writes = [Op(("write", index), 0, 1) for index in range(1, count + 1)] + [Op(("read", -1), 0, 1)]
    judged = linearize(writes, Register())
    assert judged.verdict is Verdict.NOT_LINEARIZABLE
    edges = sum(math.comb(count, taken) * max(taken, 1) * (count - taken) for taken in range(count))
    assert judged.steps == edges


def test_a_configuration_is_what_was_taken_and_the_state() -> None:
    """Both writes taken, the value is the later one's: the order tried first need not be the right one."""
    writes = [Op(("write", 1), 0, 9), Op(("write", 2), 0, 8)]
    for value in (1, 2):
        ops = [*writes, Op(("read", value), 10, 11)]
        assert linearize(ops, Register()).verdict is Verdict.LINEARIZABLE


def test_the_budget_in_steps_ends_the_search() -> None:
    writes = [Op(("write", index), 0, 1) for index in range(1, 30)] + [Op(("read", -1), 0, 1)]
    judged = linearize(writes, Register(), Budget(steps=5000))
    assert judged.verdict is Verdict.UNKNOWN
    assert judged.steps == 5000
    assert len(judged.order) == 29


def test_the_budget_in_time_is_by_the_callers_clock() -> None:
    moments = iter(range(10_000))
    writes = [Op(("write", index), 0, 1) for index in range(1, 30)] + [Op(("read", -1), 0, 1)]
    judged = linearize(writes, Register(), Budget(until=100, clock=lambda: next(moments)))
    assert judged.verdict is Verdict.UNKNOWN
    assert 0 < judged.steps < 5000


def test_a_thousand_writes_one_after_the_other() -> None:
    ops: list[Op[Any]] = []
    for index in range(500):
        ops += [
            Op(("write", index), 4 * index, 4 * index + 1),
            Op(("read", index), 4 * index + 2, 4 * index + 3),
        ]
    assert linearize(ops, Register()).verdict is Verdict.LINEARIZABLE
    ops[-1] = Op(("read", 0), 4 * 499 + 2, 4 * 499 + 3)
    judged = linearize(ops, Register())
    assert judged.verdict is Verdict.NOT_LINEARIZABLE
    assert len(judged.order) == 999


def test_the_same_search_twice() -> None:
    """Orders do not hang on hashing: the same input gives the same order and count."""
    ops = crowd(*[Result(ResultKind.WRONG, 1), Result(ResultKind.WRONG, 2)] + [GONE] * 20)
    assert linearize(ops, SessionModel()) == linearize(list(ops), SessionModel())


def test_time_is_not_looked_at_without_a_deadline() -> None:
    assert linearize(crowd(GONE), SessionModel(), Budget(steps=10)).verdict is Verdict.NOT_LINEARIZABLE
    started = time.monotonic()
    judged = linearize(crowd(GONE), SessionModel(), Budget(until=started + 60, clock=time.monotonic))
    assert judged.verdict is Verdict.NOT_LINEARIZABLE


@pytest.mark.parametrize("seed", range(300))
def test_what_happens_one_after_the_other_is_judged_as_the_search_judges_it(seed: int) -> None:
    """There is one order to look at: the same verdict, order and number of steps without a search."""
    chance = Random(seed)
    ops = [
        replace(op, called=2.0 * place, returned=2.0 * place + 1) for place, op in enumerate(produced(chance))
    ]
    ops = [replace(op, returned=inf) if chance.randint(0, 9) == 0 else op for op in ops]
    judged, search = linearize(ops, SessionModel()), _Search(ops, SessionModel(), Budget())
    (state,) = SessionModel().initial()
    assert judged == Judgement(search.run(state), search.best, search.steps)
