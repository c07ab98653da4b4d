"""The learned mode: learn, search the model, make each violation small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from random import Random

from devenv.core.search.collecting import Collected
from devenv.core.search.composition import PackedState
from devenv.core.search.dpor import SourceDpor
from devenv.core.search.expression import Participant
from devenv.core.search.outcome import shared
from devenv.core.search.shortest import TooLarge
from devenv.core.search.states.product_states import End
from devenv.core.search.states.trace_counts import TooMany, count_traces
from devenv.core.search.states.witness import run_to
from devenv.core.search.strategies import enumerate_preemptions, walk
from devenv.core.search.system import canonical
from devenv.verbs.explore import bounded
from devenv.verbs.explore.confirm import Candidate
from devenv.verbs.explore.judged import Judged
from devenv.verbs.explore.learner import LearnedSystem
from devenv.verbs.explore.parts import Parts
from devenv.verbs.explore.result import ExploreOptions, Mode
from devenv.verbs.explore.selections import selections

MAX_PAIRS = 150_000
"""This many pairs of state and sleep set are gone through to count traces."""


def search(
    learned: LearnedSystem, options: ExploreOptions, collected: Collected, random: Random, parts: Parts
) -> None:
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
        dpor = SourceDpor(system, visit)
        try:
            dpor.search()
        finally:
            collected.blocked += dpor.explored.blocked
    elif learned.cover is not None:
        bounded.search(learned, collected, parts)
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


def shrink(casts: Sequence[Sequence[Participant]], collected: Collected, parts: Parts) -> list[Candidate]:
    """For each kind the fewest participants, the fewest steps and switches that show it.

    A kind whose graph is too large keeps the best run met.
    """
    left = dict(collected.kinds)
    candidates: dict[str, Candidate] = {}
    by_size = sorted((part for cast in casts for part in selections(cast)), key=len)
    for part in dict.fromkeys(by_size):
        if not left:
            break
        try:
            runs = parts.runs(part, left)
        except TooLarge:
            break
        if not runs:
            continue
        judged = parts.judged(part)
        system = judged.learned.system
        for kind in [kind for kind in left if kind in runs]:
            met = left.pop(kind)
            state = system.initial()
            labels = []
            for process in runs[kind]:
                step = system.step(state, process)
                labels.append("" if step is None else step.label)
                state = system.execute(state, process)
            finding = next(item for item in judged.of(state)[1] if item.kind == kind)
            candidates[kind] = Candidate(finding, part, runs[kind], met.count, tuple(labels))
    for kind, met in left.items():
        candidates[kind] = Candidate.of(met, casts)
    return [candidates[kind] for kind in collected.kinds]
