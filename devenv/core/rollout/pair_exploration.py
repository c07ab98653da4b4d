"""Two pods at two stages, two answers at once: every order of their store operations, judged.

A verify is one store operation, or two where a stage mirrors: first in the store that decides, then in the
other. Each operation is one step (the memory's lock, the atomic store's script). The search is that of
``explore``, core/search: one order of each trace. A session is born on either pod; after the two answers a
third, wrong one is given on either pod, as a lost attempt shows only by who is still let in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from devenv.core.checker.history import history_of
from devenv.core.checker.invariants import Kind
from devenv.core.checker.judge import Rules, judge
from devenv.core.model.events import EventType, HistoryEvent
from devenv.core.model.vocabulary import Answer, Outcome
from devenv.core.rollout.stages import Place, RolloutStage
from devenv.core.search.dpor import SourceDpor
from devenv.core.search.system import Access
from devenv.core.spec.captcha_session import ATTEMPTS_LIMIT

PODS = ("A", "B")
_KEY = "abstract:1"


@dataclass(frozen=True, slots=True)
class OrderResult:
    """One order of store operations, and what it breaks."""

    kinds: tuple[Kind, ...]
    """The invariants that it breaks, by the checker."""
    maker: str
    """The pod that the session was born on."""
    last: str
    """The pod that was given the third answer."""
    order: tuple[str, ...]
    """The pod and the place of each store operation."""
    results: tuple[str, ...]
    """The results of the two answers, and of the third after them."""


Result = tuple[Outcome, int | None]
"""Of an answer: the outcome and which attempt it was; None where there was no session."""
PLACES = ((Place.MEMORY, 0), (Place.MEMORY, 1), (Place.REDIS, -1))
"""The stores: each pod's memory, and Redis."""


class PairState(NamedTuple):
    """One session in the stores, and how far the two answers are."""

    attempts: tuple[int | None, ...]
    """Of the session in each of ``PLACES``; None: it is not there."""
    results: tuple[Result | None, ...] = (None, None)
    """Of each answer, once its first step is done."""
    over: tuple[bool, ...] = (False, False)


class Pair:
    """Two answers to one session: on pod A at the first stage, on pod B at the second (``System``)."""

    processes = 2

    def __init__(
        self, stages: tuple[RolloutStage, RolloutStage], answers: tuple[Answer, Answer], maker: int
    ) -> None:
        self._stages = stages
        self._answers = answers
        self._born = stages[maker].born
        self._maker = maker

    def initial(self) -> PairState:
        """The session is born, by pod ``maker``."""
        born = [_place(place, self._maker) for place in self._born]
        return PairState(tuple(0 if index in born else None for index in range(len(PLACES))))

    def pending(self, state: PairState) -> list[Access | None]:
        """Each step reads and writes one store."""
        accesses: list[Access | None] = []
        for pod in range(self.processes):
            bit = 0 if state.over[pod] else 1 << self.store_of(state, pod)
            accesses.append(Access(bit, bit) if bit else None)
        return accesses

    def store_of(self, state: PairState, pod: int) -> int:
        """The index in ``PLACES`` of the store that a pod's next step works on."""
        stage = self._stages[pod]
        if state.results[pod] is not None and stage.mirrors is not None:
            return _place(stage.mirrors, pod)
        return _place(stage.reads or self._born[0], pod)

    def execute(self, state: PairState, process: int) -> PairState:
        """The pod's next store operation; an answer that finds no session is not mirrored."""
        result, attempts = verified(state.attempts, self.store_of(state, process), self._answers[process])
        first = state.results[process] is None
        results = _with(state.results, process, result) if first else state.results
        ends = not first or self._stages[process].mirrors is None or result[0] is Outcome.NOT_FOUND
        return PairState(attempts, results, _with(state.over, process, ends))

    def last(self, state: PairState, pod: int, answer: Answer) -> Result:
        """What a further answer gets on a pod, after the two."""
        stage = self._stages[pod]
        return verified(state.attempts, _place(stage.reads or self._born[0], pod), answer)[0]


def verified(
    attempts: tuple[int | None, ...], store: int, answer: Answer
) -> tuple[Result, tuple[int | None, ...]]:
    """An answer in one store, as the sequential session has it: its result, and the stores after it."""
    before = attempts[store]
    if before is None:
        return (Outcome.NOT_FOUND, None), attempts
    count = before + 1
    right = answer is Answer.RIGHT
    left = None if right or count >= ATTEMPTS_LIMIT else count
    return ((Outcome.SUCCESS if right else Outcome.WRONG), count), _with(attempts, store, left)


def _place(place: Place, pod: int) -> int:
    return PLACES.index((place, pod if place is Place.MEMORY else -1))


T = TypeVar("T")


def _with(values: tuple[T, ...], index: int, value: T) -> tuple[T, ...]:
    return (*values[:index], value, *values[index + 1 :])


def explore_pair(
    stages: tuple[RolloutStage, RolloutStage], answers: tuple[Answer, Answer]
) -> Iterator[OrderResult]:
    """One order of each trace of two answers: on pod A at the first stage, on pod B at the second.

    An answer that gets "not found" because its pod cannot find the session breaks no rule here: which
    sessions are lost is the plan's to say (``stages.lookup``).
    """
    for maker in (0, 1):
        pair = Pair(stages, answers, maker)
        runs: list[tuple[int, ...]] = []
        SourceDpor(pair, lambda run, state, into=runs: into.append(tuple(run))).search()  # type: ignore[misc]
        for last in (0, 1):
            for run in runs:
                yield order_result(pair, answers, maker, last, run)


def order_result(
    pair: Pair, answers: tuple[Answer, Answer], maker: int, last: int, run: Sequence[int]
) -> OrderResult:
    """What one order of steps leads to, with a third, wrong answer on pod ``last``; judged."""
    state, steps = pair.initial(), []
    for pod in run:
        steps.append(f"{PODS[pod]} {PLACES[pair.store_of(state, pod)][0]}")
        state = pair.execute(state, pod)
    results = [result for result in state.results if result is not None]
    asked = [(0, answers[0]), (1, answers[1]), (last, Answer.WRONG)]
    results.append(pair.last(state, last, Answer.WRONG))
    events = _events(maker, asked, results)
    report = judge(history_of(events), Rules())
    kinds = tuple(dict.fromkeys(violation.kind for violation in report.violations))
    if Outcome.NOT_FOUND in (results[0][0], results[1][0]):
        kinds = tuple(kind for kind in kinds if kind is not Kind.NOT_LINEARIZABLE)
    return OrderResult(
        kinds, PODS[maker], PODS[last], tuple(steps), tuple(str(result[0]) for result in results)
    )


def _events(maker: int, asked: Sequence[tuple[int, Answer]], results: Sequence[Result]) -> list[HistoryEvent]:
    """The history: the session is created, two answers overlap, the third comes after them."""
    events: list[HistoryEvent] = []

    def note(process: int, kind: EventType, f: str, pod: int, value: dict[str, Any]) -> None:
        events.append(HistoryEvent(process, kind, f, value, float(len(events)) / 100, PODS[pod], _KEY))

    def begin(process: int) -> None:
        pod, answer = asked[process]
        note(process, "invoke", "verify", pod, {"challenge_id": "1", "answer": str(answer)})

    def end(process: int) -> None:
        (pod, answer), (outcome, attempts) = asked[process], results[process]
        value = {"challenge_id": "1", "answer": str(answer), "outcome": str(outcome)}
        note(process, "ok", "verify", pod, value if attempts is None else {**value, "attempts": attempts})

    note(9, "invoke", "create", maker, {"type": "abstract"})
    note(9, "ok", "create", maker, {"type": "abstract", "challenge_id": "1"})
    for step, process in ((begin, 0), (begin, 1), (end, 0), (end, 1), (begin, 2), (end, 2)):
        step(process)
    return events
