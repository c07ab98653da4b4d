"""The learned mode: learn, search the model, make each violation small."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random

from devenv.core.search.behaviour import RESTART
from devenv.core.search.collecting import Collected
from devenv.core.search.composition import PackedState
from devenv.core.search.dpor import SourceDpor
from devenv.core.search.expression import Participant, restart_of
from devenv.core.search.outcome import Outcome, OutcomeViolation, judge, shared
from devenv.core.search.product_states import End
from devenv.core.search.shortest import TooLarge, shortest_runs, smaller_selections
from devenv.core.search.strategies import enumerate_preemptions, walk
from devenv.core.search.system import canonical
from devenv.core.search.trace_counts import TooMany, count_traces
from devenv.core.search.witness import run_to
from devenv.verbs.explore.confirm import Candidate
from devenv.verbs.explore.learner import LearnedSystem
from devenv.verbs.explore.result import ExploreOptions, Mode

MAX_PLACES = 300_000
"""So large may a graph be in which the shortest run is looked for."""
MAX_PAIRS = 150_000
"""So many pairs of state and sleep set are gone through to count traces."""


class Judged:
    """Outcomes and findings of final states, each worked out once."""

    def __init__(self, learned: LearnedSystem) -> None:
        self._learned = learned
        self._states: dict[PackedState, tuple[Outcome, tuple[OutcomeViolation, ...]]] = {}
        self._findings: dict[Outcome, tuple[OutcomeViolation, ...]] = {}

    def of(self, state: PackedState) -> tuple[Outcome, tuple[OutcomeViolation, ...]]:
        """What a final state comes to, and what is wrong with it."""
        known = self._states.get(state)
        if known is None:
            outcome = self._learned.outcome(state)
            findings = self._findings.get(outcome)
            if findings is None:
                findings = self._findings[outcome] = judge(
                    self._learned.cast, outcome, self._learned.limit, self._learned.usual
                )
            known = self._states[state] = (outcome, findings)
        return known

    def kinds(self, state: PackedState) -> list[str]:
        """The kinds only."""
        return [finding.kind for finding in self.of(state)[1]]


def search(learned: LearnedSystem, options: ExploreOptions, collected: Collected, random: Random) -> None:
    """Try orders as ``options`` say. Raises Stopped (from ``collected``) where the budget is used up."""
    judged = Judged(learned)

    def visit(run: Sequence[int], state: PackedState) -> None:
        outcome, findings = judged.of(state)
        collected.note(run, outcome, findings)

    system = learned.system
    if options.mode is Mode.RANDOM:
        for _ in range(options.walks):
            visit(*walk(system, random))
    elif options.preemptions is not None:
        met: set[object] = set()

        def visit_new(run: Sequence[int], state: PackedState) -> None:
            form = canonical(system, run)
            if form not in met:
                met.add(form)
                visit(run, state)

        enumerate_preemptions(system, options.preemptions, visit_new)
    elif options.budget_traces is not None:
        found = SourceDpor(system, visit)
        try:
            found.search()
        finally:
            collected.blocked += found.explored.blocked
    else:
        note_ends(learned, collected, _traces(learned, collected))


def note_ends(learned: LearnedSystem, collected: Collected, traces: Mapping[End, int] | None) -> None:
    """Judge everything that the system was seen to come to, each once. ``traces``: how many lead there."""
    judged = Judged(learned)
    for end in learned.search.ends:
        outcome, findings = judged.of(learned.search.packed(end))
        collected.look_at_answers(outcome)
        collected.note_end(
            shared(learned.cast, outcome),
            findings,
            partial(run_to, learned.search, end),
            None if traces is None else traces[end],
        )
        if traces is not None:
            collected.in_time()


def _traces(learned: LearnedSystem, collected: Collected) -> dict[End, int] | None:
    try:
        return count_traces(learned.search, MAX_PAIRS, collected.in_time)
    except TooMany:
        return None


def selections(cast: Sequence[Participant]) -> list[tuple[Participant, ...]]:
    """Every part of a cast that can play alone, small ones first; requests are V1, V2, … on pods A, B, …"""
    restarts = any(item.event == RESTART for item in cast)
    # Where a pod restarts it matters which requests share one; else requests of one kind are all the same.
    names = [
        (item.letter, item.target, item.pod if restarts and item.event in (None, RESTART) else None)
        for item in cast
    ]
    chosen = []
    for selection in smaller_selections(names):
        part = [(at, cast[at]) for at in selection]
        place = {at: number for number, (at, item) in enumerate(part) if item.answer is not None}
        pods = dict.fromkeys(item.pod for _, item in part if item.answer is not None)
        pod = {old: new for new, old in enumerate(pods)}
        alone = all(
            item.target in place if item.target is not None else item.event != RESTART or item.pod in pod
            for _, item in part
        )
        if place and alone:
            chosen.append(tuple(_renamed(item, number, place, pod) for number, (_, item) in enumerate(part)))
    return chosen


def _renamed(
    participant: Participant, number: int, place: dict[int, int], pod: dict[int, int]
) -> Participant:
    if participant.answer is not None:
        return Participant(
            participant.letter, f"V{number + 1}", answer=participant.answer, pod=pod[participant.pod]
        )
    if participant.target is not None:
        target = place[participant.target]
        return Participant(participant.letter, f"lost:V{target + 1}", event=participant.event, target=target)
    return restart_of(pod[participant.pod]) if participant.event == RESTART else participant


def shrink(
    casts: Sequence[Sequence[Participant]],
    collected: Collected,
    learn: Callable[[tuple[Participant, ...]], LearnedSystem],
) -> list[Candidate]:
    """For each kind the fewest participants, the fewest steps and switches that show it.

    ``learn`` makes a system of a part of a cast. A kind whose graph is too large keeps the best run met.
    """
    left = dict(collected.kinds)
    found: dict[str, Candidate] = {}
    parts = sorted((part for cast in casts for part in selections(cast)), key=len)
    for part in dict.fromkeys(parts):
        if not left:
            break
        learned = learn(part)
        judged = Judged(learned)
        try:
            runs = shortest_runs(learned.system, judged.kinds, MAX_PLACES)
        except TooLarge:
            break
        for kind in [kind for kind in left if kind in runs]:
            met = left.pop(kind)
            state = learned.system.initial()
            labels = []
            for process in runs[kind].run:
                step = learned.system.step(state, process)
                labels.append("" if step is None else step.label)
                state = learned.system.execute(state, process)
            finding = next(item for item in judged.of(state)[1] if item.kind == kind)
            found[kind] = Candidate(finding, part, runs[kind].run, met.count, tuple(labels))
    for kind, met in left.items():
        found[kind] = Candidate.of(met, casts)
    return [found[kind] for kind in collected.kinds]
