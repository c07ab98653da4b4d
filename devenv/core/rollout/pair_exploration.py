"""Two pods at two stages, two answers at once: every order of their store operations, judged.

A verify is one store operation, or two where a stage mirrors: first in the store that decides, then in the
other. Each operation is one step (the memory's lock, the atomic store's script), so the orders of two answers
are all interleavings of at most two steps each: six. A session is born on either pod; after the two answers a
third, wrong one is given on either pod, as a lost attempt shows only by who is still let in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from devenv.core.checker.history import history_of
from devenv.core.checker.invariants import Kind
from devenv.core.checker.judge import Rules, judge
from devenv.core.model.events import EventType, HistoryEvent
from devenv.core.model.vocabulary import Answer, Outcome
from devenv.core.rollout.stages import Place, RolloutStage
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


@dataclass(slots=True)
class _Store:
    """One atomic store with one session: its attempts; None: it is not there."""

    attempts: int | None = None

    def verify(self, answer: Answer) -> tuple[Outcome, int | None]:
        """As the sequential session has it."""
        if self.attempts is None:
            return Outcome.NOT_FOUND, None
        count = self.attempts + 1
        right = answer is Answer.RIGHT
        self.attempts = None if right or count >= ATTEMPTS_LIMIT else count
        return (Outcome.SUCCESS if right else Outcome.WRONG), count


class _Trial:
    """One session on two pods: their memories, and Redis."""

    def __init__(self, stages: Sequence[RolloutStage], maker: int) -> None:
        self._stages = stages
        self._stores = {(Place.MEMORY, 0): _Store(), (Place.MEMORY, 1): _Store(), (Place.REDIS, -1): _Store()}
        self._born = stages[maker].born
        self.events: list[HistoryEvent] = []
        self._note(9, "invoke", "create", PODS[maker], {"type": "abstract"})
        for place in self._born:
            self._store(place, maker).attempts = 0
        self._note(9, "ok", "create", PODS[maker], {"type": "abstract", "challenge_id": "1"})
        self.results: dict[int, tuple[Outcome, int | None]] = {}

    def steps(self, pod: int) -> int:
        """Store operations of a verify on a pod."""
        return 2 if self._stages[pod].mirrors else 1

    def begin(self, process: int, pod: int, answer: Answer) -> None:
        """A verify is sent."""
        self._note(process, "invoke", "verify", PODS[pod], {"challenge_id": "1", "answer": str(answer)})

    def step(self, process: int, pod: int, answer: Answer) -> str:
        """The verify's next store operation; in words."""
        stage = self._stages[pod]
        decides = stage.reads or self._born[0]
        if process not in self.results:
            self.results[process] = self._store(decides, pod).verify(answer)
            return f"{PODS[pod]} {decides}"
        if stage.mirrors and self.results[process][0] is not Outcome.NOT_FOUND:
            self._store(stage.mirrors, pod).verify(answer)
            return f"{PODS[pod]} {stage.mirrors}"
        return ""

    def end(self, process: int, pod: int, answer: Answer) -> None:
        """The verify is answered."""
        outcome, attempts = self.results[process]
        value = {"challenge_id": "1", "answer": str(answer), "outcome": str(outcome)}
        if attempts is not None:
            value["attempts"] = attempts  # type: ignore[assignment]
        self._note(process, "ok", "verify", PODS[pod], value)

    def _store(self, place: Place, pod: int) -> _Store:
        return self._stores[place, pod if place is Place.MEMORY else -1]

    def _note(self, process: int, kind: EventType, f: str, pod: str, value: dict[str, str]) -> None:
        self.events.append(HistoryEvent(process, kind, f, value, float(len(self.events)) / 100, pod, _KEY))


def explore_pair(
    stages: tuple[RolloutStage, RolloutStage], answers: tuple[Answer, Answer]
) -> Iterator[OrderResult]:
    """Every order of two answers: on pod A at the first stage, on pod B at the second.

    An answer that gets "not found" because its pod cannot find the session breaks no rule here: which
    sessions are lost is the plan's to say (``stages.lookup``).
    """
    counts = [2 if stage.mirrors else 1 for stage in stages]
    for maker in (0, 1):
        for last in (0, 1):
            for places in combinations(range(sum(counts)), counts[0]):
                turns = [0 if index in places else 1 for index in range(sum(counts))]
                yield _order(stages, answers, maker, last, turns)


def _order(
    stages: tuple[RolloutStage, RolloutStage],
    answers: tuple[Answer, Answer],
    maker: int,
    last: int,
    turns: Sequence[int],
) -> OrderResult:
    trial = _Trial(stages, maker)
    for pod in (0, 1):
        trial.begin(pod, pod, answers[pod])
    steps = [trial.step(pod, pod, answers[pod]) for pod in turns]
    for pod in (0, 1):
        trial.end(pod, pod, answers[pod])
    trial.begin(2, last, Answer.WRONG)
    for _ in range(trial.steps(last)):
        trial.step(2, last, Answer.WRONG)
    trial.end(2, last, Answer.WRONG)
    report = judge(history_of(trial.events), Rules())
    kinds = tuple(dict.fromkeys(violation.kind for violation in report.violations))
    if Outcome.NOT_FOUND in (trial.results[0][0], trial.results[1][0]):
        kinds = tuple(kind for kind in kinds if kind is not Kind.NOT_LINEARIZABLE)
    results = tuple(str(trial.results[process][0]) for process in (0, 1, 2))
    return OrderResult(kinds, PODS[maker], PODS[last], tuple(filter(None, steps)), results)
