"""The sequential captcha session: what one challenge may answer if requests came one after the other.

``step`` is a function: a state and an operation give exactly one next state, and the results that its caller
may get. Where a result never came, ``successors`` gives every possible state: the operation was carried out,
or not.

The rules are the HTTP contract's: two graded attempts, the session ends on success, at the limit, or when it
expires. An ended session is "not found"; one that was solved may also be called "already solved", one that
expired "expired". An answer that is not graded (bad signature, ML service down) changes nothing and is no
operation here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from devenv.core.model.vocabulary import Answer

ATTEMPTS_LIMIT = 2
"""Graded attempts per challenge: contract §1."""
NO_LIMIT = 0
"""The limit of a service whose sessions take any number of wrong answers."""


class Phase(StrEnum):
    """Where a session is in its life; the last three are ends."""

    ABSENT = "absent"
    OPEN = "open"
    SOLVED = "solved"
    SPENT = "spent"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Session:
    """One challenge's state."""

    phase: Phase = Phase.ABSENT
    attempts: int = 0
    """Graded answers so far."""

    @property
    def ended(self) -> bool:
        """No later operation changes it."""
        return self.phase in (Phase.SOLVED, Phase.SPENT, Phase.EXPIRED)


@dataclass(frozen=True, slots=True)
class Create:
    """The challenge is made."""


@dataclass(frozen=True, slots=True)
class Verify:
    """An answer is given."""

    answer: Answer | None
    """None: it is not known whether it is right."""


@dataclass(frozen=True, slots=True)
class Expire:
    """The session's time is up, or it was deleted from outside."""


Operation = Create | Verify | Expire


class ResultKind(StrEnum):
    """Which answer the caller of an operation may get."""

    DONE = "done"
    SUCCESS = "success"
    WRONG = "wrong"
    NOT_FOUND = "not_found"
    ALREADY_SOLVED = "already_solved"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Result:
    """The answer that the caller of an operation got."""

    kind: ResultKind
    attempts: int | None = None
    """The count that includes this answer; None where the answer does not name it."""

    def admits(self, heard: Result) -> bool:
        """Whether an answer ``heard`` is this result; a count that the answer does not name is not
        compared."""
        return self.kind is heard.kind and heard.attempts in (None, self.attempts)


@dataclass(frozen=True, slots=True)
class Step:
    """What an operation does: the results that are right, and the next state. No result: never right."""

    results: tuple[Result, ...]
    state: Session


_DONE = (Result(ResultKind.DONE),)
_GONE = {
    Phase.ABSENT: (Result(ResultKind.NOT_FOUND),),
    Phase.SPENT: (Result(ResultKind.NOT_FOUND),),
    Phase.SOLVED: (Result(ResultKind.NOT_FOUND), Result(ResultKind.ALREADY_SOLVED)),
    Phase.EXPIRED: (Result(ResultKind.NOT_FOUND), Result(ResultKind.EXPIRED)),
}


def step(state: Session, operation: Operation, limit: int = ATTEMPTS_LIMIT) -> Step:
    """Carry out one operation. A Verify must say whether its answer is right; else ValueError."""
    match operation:
        case Create():
            # An id is used once: to create a challenge that is there already is never right.
            return Step(_DONE, Session(Phase.OPEN)) if state.phase is Phase.ABSENT else Step((), state)
        case Expire():
            if state.phase is Phase.OPEN:
                return Step(_DONE, Session(Phase.EXPIRED, state.attempts))
            return Step(_DONE, state)
        case Verify(answer=answer):
            return _verify(state, answer, limit)


def _verify(state: Session, answer: Answer | None, limit: int) -> Step:
    if state.phase is not Phase.OPEN:
        return Step(_GONE[state.phase], state)
    attempts = state.attempts + 1
    if answer is Answer.RIGHT:
        return Step((Result(ResultKind.SUCCESS, attempts),), Session(Phase.SOLVED, attempts))
    if answer is None:
        raise ValueError("a session cannot grade an answer that is not known")
    spent = limit != NO_LIMIT and attempts >= limit
    after = Session(Phase.SPENT if spent else Phase.OPEN, attempts)
    return Step((Result(ResultKind.WRONG, attempts),), after)


def successors(
    state: Session, operation: Operation, heard: Result | None, limit: int | None = ATTEMPTS_LIMIT
) -> tuple[Session, ...]:
    """The states after an operation whose caller ``heard`` this; empty: it cannot have been here.

    ``heard`` None is a lost reply: the state with the operation carried out, and the state without. An
    answer that is not known was right if it was called a success, wrong if it was called wrong, and either if
    its reply was lost. ``limit`` None is a limit that is not known: any wrong answer may be the last.
    """
    if limit is None:
        either = (*successors(state, operation, heard, 1), *successors(state, operation, heard, NO_LIMIT))
        return tuple(dict.fromkeys(either))
    if isinstance(operation, Verify) and operation.answer is None:
        both = (Verify(Answer.RIGHT), Verify(Answer.WRONG))
        states = [after for known in both for after in successors(state, known, heard, limit)]
        return tuple(dict.fromkeys(states))
    done = step(state, operation, limit)
    if heard is None:
        return tuple(dict.fromkeys((state, done.state))) if done.results else (state,)
    return (done.state,) if any(result.admits(heard) for result in done.results) else ()
