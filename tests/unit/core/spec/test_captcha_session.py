"""The sequential session, in words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from devenv.core.model.vocabulary import Answer
from devenv.core.spec.captcha_session import (
    NO_LIMIT,
    Create,
    Expire,
    Operation,
    Phase,
    Result,
    ResultKind,
    Session,
    Step,
    Verify,
    step,
    successors,
)

RIGHT, WRONG, EMPTY, ANY = Verify(Answer.RIGHT), Verify(Answer.WRONG), Verify(Answer.EMPTY), Verify(None)
NOT_FOUND, SOLVED, EXPIRED = (
    Result(ResultKind.NOT_FOUND),
    Result(ResultKind.ALREADY_SOLVED),
    Result(ResultKind.EXPIRED),
)


def after(*operations: Operation) -> Session:
    state = Session()
    for operation in operations:
        state = step(state, operation).state
    return state


def test_create_and_the_right_answer() -> None:
    assert step(Session(), Create()) == Step((Result(ResultKind.DONE),), Session(Phase.OPEN))
    assert step(after(Create()), RIGHT) == Step((Result(ResultKind.SUCCESS, 1),), Session(Phase.SOLVED, 1))
    assert step(after(Create(), WRONG), RIGHT).results == (Result(ResultKind.SUCCESS, 2),)


@pytest.mark.parametrize("wrong", [WRONG, EMPTY])
def test_two_wrong_answers_are_the_limit(wrong: Operation) -> None:
    first = step(after(Create()), wrong)
    assert first == Step((Result(ResultKind.WRONG, 1),), Session(Phase.OPEN, 1))
    second = step(first.state, wrong)
    assert second == Step((Result(ResultKind.WRONG, 2),), Session(Phase.SPENT, 2))
    assert step(second.state, RIGHT) == Step((NOT_FOUND,), second.state)


@pytest.mark.parametrize(
    ("before", "results"),
    [
        ((), (NOT_FOUND,)),
        ((Create(), RIGHT), (NOT_FOUND, SOLVED)),
        ((Create(), WRONG, RIGHT), (NOT_FOUND, SOLVED)),
        ((Create(), WRONG, WRONG), (NOT_FOUND,)),
        ((Create(), Expire()), (NOT_FOUND, EXPIRED)),
        ((Create(), RIGHT, Expire()), (NOT_FOUND, SOLVED)),
    ],
)
@pytest.mark.parametrize("answer", [RIGHT, WRONG, EMPTY])
def test_what_is_not_there_grades_nothing(
    before: Sequence[Operation], results: tuple[Result, ...], answer: Operation
) -> None:
    state = after(*before)
    assert step(state, answer) == Step(results, state)
    assert state.ended or not before


def test_an_id_is_created_once() -> None:
    for before in ((Create(),), (Create(), RIGHT), (Create(), Expire())):
        assert step(after(*before), Create()).results == ()


def test_another_limit() -> None:
    assert step(after(Create()), WRONG, limit=1).state.phase is Phase.SPENT
    assert step(after(Create(), WRONG), WRONG, limit=3).state == Session(Phase.OPEN, 2)


def test_every_reachable_state_is_known() -> None:
    """Six ways a session can stand, and no operation leads out of them."""
    reached = {Session()}
    while True:
        new = {
            step(state, item).state for state in reached for item in (Create(), RIGHT, WRONG, EMPTY, Expire())
        }
        if new <= reached:
            break
        reached |= new
    assert sorted((str(item.phase), item.attempts) for item in reached) == [
        ("absent", 0), ("expired", 0), ("expired", 1), ("open", 0), ("open", 1),
        ("solved", 1), ("solved", 2), ("spent", 2),
    ]  # fmt: skip


def test_what_was_heard_must_fit() -> None:
    state = after(Create())
    assert successors(state, RIGHT, Result(ResultKind.SUCCESS, 1)) == (Session(Phase.SOLVED, 1),)
    assert successors(state, RIGHT, Result(ResultKind.SUCCESS)) == (Session(Phase.SOLVED, 1),)
    for heard in (Result(ResultKind.SUCCESS, 2), Result(ResultKind.WRONG, 1), NOT_FOUND):
        assert successors(state, RIGHT, heard) == ()


def test_a_lost_reply_forks() -> None:
    state = after(Create())
    assert successors(state, RIGHT, None) == (state, Session(Phase.SOLVED, 1))
    assert successors(state, WRONG, None) == (state, Session(Phase.OPEN, 1))
    assert successors(after(Create(), RIGHT), RIGHT, None) == (Session(Phase.SOLVED, 1),)
    assert successors(state, Create(), None) == (state,)


def test_an_answer_that_nobody_knows() -> None:
    state = after(Create())
    assert successors(state, ANY, Result(ResultKind.SUCCESS)) == (Session(Phase.SOLVED, 1),)
    assert successors(state, ANY, Result(ResultKind.WRONG)) == (Session(Phase.OPEN, 1),)
    assert successors(state, ANY, NOT_FOUND) == ()
    assert successors(state, ANY, None) == (state, Session(Phase.SOLVED, 1), Session(Phase.OPEN, 1))
    with pytest.raises(ValueError, match="is not known"):
        step(state, ANY)


def test_no_limit_and_one_that_is_not_known() -> None:
    opened = after(Create())
    for attempts in range(1, 5):
        opened = step(opened, WRONG, limit=NO_LIMIT).state
        assert opened == Session(Phase.OPEN, attempts)
    after_wrong = successors(after(Create()), WRONG, Result(ResultKind.WRONG), limit=None)
    assert after_wrong == (Session(Phase.SPENT, 1), Session(Phase.OPEN, 1))
    assert successors(after(Create()), RIGHT, Result(ResultKind.SUCCESS), limit=None) == (
        Session(Phase.SOLVED, 1),
    )
    assert successors(after(Create()), RIGHT, NOT_FOUND, limit=None) == ()
