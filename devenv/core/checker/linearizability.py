"""Whether a concurrent history has a sequential explanation: Wing and Gong's search, with Lowe's memory.

Each operation takes effect at one moment between its call and its return; the search looks for an order of
such moments that the model admits. J. M. Wing, C. Gong, "Testing and verifying concurrent objects", 1993;
G. Lowe, "Testing for linearizability", 2017 (configurations once met are not searched again); the verdict in
three values and the longest partial linearization as porcupine (A. Athalye) reports them.

Two rules, for any model, keep the search narrow where many operations overlap; each loses no order:

- a read (an operation that changes nothing wherever it is admitted) is taken as soon as it is admitted: in
  any order that has it later, it can be moved to here;
- of several equal operations (same operation, same result) that may be next, the one that returned first is
  taken: wherever another is taken instead, the two can be swapped.

An operation whose reply was lost may take effect at any time after its call, or never.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Generic, Protocol, TypeVar

S = TypeVar("S", bound=Hashable)
C = TypeVar("C", bound=Hashable)
C_contra = TypeVar("C_contra", bound=Hashable, contravariant=True)

DEFAULT_STEPS = 1_000_000


class Model(Protocol[S, C_contra]):
    """A sequential object, as the search asks about it."""

    def initial(self) -> Sequence[S]:
        """The states that the history may begin in."""

    def successors(self, state: S, call: C_contra) -> Sequence[S]:
        """The states after ``call`` with its result; empty where that cannot happen in ``state``.

        For a lost reply: the states if the call takes effect.
        """

    def reads(self, call: C_contra) -> bool:
        """Whether ``call``, with its result, leaves every state unchanged that admits it."""


@dataclass(frozen=True, slots=True)
class Op(Generic[C]):
    """One operation of a history: the call with its result, and the moments between which it happened."""

    call: C
    """Operations with equal calls must be interchangeable."""
    called: float
    """A position or time of the same clock as ``returned``."""
    returned: float = inf
    """Infinite for a lost reply: such an operation is neither known to be done nor undone."""

    @property
    def lost(self) -> bool:
        """Whether the outcome is indeterminate."""
        return self.returned == inf


class Verdict(StrEnum):
    """UNKNOWN: the budget ran out first."""

    LINEARIZABLE = "linearizable"
    NOT_LINEARIZABLE = "not-linearizable"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Budget:
    """How long to search."""

    steps: int = DEFAULT_STEPS
    """Configurations to visit at most."""
    until: float = inf
    """A moment of the caller's ``clock``."""
    clock: Callable[[], float] | None = None

    def spend(self) -> bool:
        """Take one step; False where nothing is left."""
        self.steps -= 1
        if self.steps < 0:
            return False
        return self.clock is None or self.steps % 16 != 0 or self.clock() < self.until


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one challenge."""

    verdict: Verdict
    order: tuple[int, ...]
    """The positions of operations in the order found: a whole linearization, or the longest partial one, by
    operations whose reply is known.
    """
    steps: int
    """The number of configurations visited."""


def linearize(ops: Sequence[Op[C]], model: Model[S, C], budget: Budget | None = None) -> Judgement:
    """Judge one history; see the module. Deterministic for the same input and steps."""
    budget = budget if budget is not None else Budget()
    if (alone := _one_after_the_other(ops, model, budget)) is not None:
        return alone
    best: tuple[int, ...] = ()
    known_best = -1
    steps = 0
    verdict = Verdict.NOT_LINEARIZABLE
    for state in model.initial():
        search = _Search(ops, model, budget)
        result = search.run(state)
        steps += search.steps
        if search.known_best > known_best:
            known_best, best = search.known_best, search.best
        if result is not Verdict.NOT_LINEARIZABLE:
            verdict = result
            break
    return Judgement(verdict, best, steps)


def _one_after_the_other(ops: Sequence[Op[C]], model: Model[S, C], budget: Budget) -> Judgement | None:
    """What the search finds where no operation overlaps another and each leads to one state; else None.

    Most histories are so, and then there is one order to look at.
    """
    states = model.initial()
    order = sorted(range(len(ops)), key=lambda index: ops[index].called)
    ended, steps = -inf, 0
    for index in order:
        op = ops[index]
        if op.lost or op.called <= ended or len(states) != 1:
            return None
        ended = op.returned
        steps += not model.reads(op.call)
        states = model.successors(states[0], op.call)
    return (
        None
        if len(states) != 1 or steps > budget.steps
        else Judgement(Verdict.LINEARIZABLE, tuple(order), steps)
    )


@dataclass(slots=True)
class _Node(Generic[S]):
    """A configuration: what was taken, the state, and the branches that are still to be tried."""

    taken: int
    state: S
    trail: int
    branches: list[tuple[int, S]] = field(default_factory=list)


class _Search(Generic[S, C]):
    """Depth-first, without recursion; a set of operations is the bits of an integer."""

    def __init__(self, ops: Sequence[Op[C]], model: Model[S, C], budget: Budget) -> None:
        self._ops = ops
        self._model = model
        self._budget = budget
        self._by_call = sorted(range(len(ops)), key=lambda i: (ops[i].called, i))
        known = [index for index, op in enumerate(ops) if not op.lost]
        self._by_return = sorted(known, key=lambda i: ops[i].returned)
        self._met: set[tuple[int, S]] = set()
        self._trail: list[int] = []
        self.steps = 0
        self.best: tuple[int, ...] = ()
        self.known_best = -1

    def run(self, state: S) -> Verdict:
        node = self._enter(0, state)
        stack = [node] if node is not None else []
        while stack:
            if self.known_best == len(self._by_return):
                return Verdict.LINEARIZABLE
            top = stack[-1]
            if not top.branches:
                stack.pop()
                continue
            if not self._budget.spend():
                return Verdict.UNKNOWN
            self.steps += 1
            index, after = top.branches.pop()
            del self._trail[top.trail :]
            self._trail.append(index)
            node = self._enter(top.taken | 1 << index, after)
            if node is not None:
                stack.append(node)
        return Verdict.NOT_LINEARIZABLE

    def _enter(self, taken: int, state: S) -> _Node[S] | None:
        """The configuration with all reads taken that are admitted; None where it was met before."""
        taken, branches = self._settle(taken, state)
        known = sum(1 for index in self._trail if not self._ops[index].lost)
        if known > self.known_best:
            self.known_best, self.best = known, tuple(self._trail)
        if (taken, state) in self._met:
            return None
        self._met.add((taken, state))
        return _Node(taken, state, len(self._trail), branches)

    def _settle(self, taken: int, state: S) -> tuple[int, list[tuple[int, S]]]:
        """Take the reads that are admitted, in one sweep; give the other operations that may be next.

        An operation may be next if no operation that is not taken returned before it was called.
        """
        ops, waiting = self._ops, 0  # ``waiting``: how far _by_return is taken
        branches: dict[tuple[C, bool], tuple[int, Sequence[S]]] = {}
        for index in self._by_call:
            if taken >> index & 1:
                continue
            while waiting < len(self._by_return) and taken >> self._by_return[waiting] & 1:
                waiting += 1
            horizon = ops[self._by_return[waiting]].returned if waiting < len(self._by_return) else inf
            op = ops[index]
            if op.called > horizon:
                break
            seen = branches.get((op.call, op.lost))
            if seen is not None:
                if op.returned < ops[seen[0]].returned:
                    branches[op.call, op.lost] = (index, seen[1])
                continue
            after = self._model.successors(state, op.call)
            if op.lost:
                after = [
                    item for item in after if item != state
                ]  # to change nothing is no different from never
            elif after and self._model.reads(op.call):
                taken |= 1 << index
                self._trail.append(index)
                continue
            if after:
                branches[op.call, op.lost] = (index, after)
        choices = sorted(
            branches.values(), key=lambda branch: (ops[branch[0]].returned, branch[0]), reverse=True
        )
        return taken, [(index, one_state) for index, states in choices for one_state in reversed(states)]
