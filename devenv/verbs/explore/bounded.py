"""The learned mode for a cast that has too many states: a cover bounds the kinds, runs of parts show them.

Each kind that the bound leaves possible is looked for in smaller casts, whose states are all gone through; a
run found there is made one of the whole cast: the others come before, after or in the middle of it. A kind
that is possible by the bound and shown by no run is not decided, and the exploration is then not complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from devenv.core.model.errors import Inconclusive
from devenv.core.search.behaviour import Answered, Unlearned
from devenv.core.search.collecting import Collected
from devenv.core.search.composition import PackedState
from devenv.core.search.expression import Participant
from devenv.core.search.outcome import Outcome, possible_beyond_limit, shared
from devenv.core.search.shortest import TooLarge
from devenv.core.search.states.cover import Bound, TooWide
from devenv.core.spec.learned_scripts import NotLearned
from devenv.verbs.explore.judged import Judged
from devenv.verbs.explore.learner import FEWER, LearnedSystem
from devenv.verbs.explore.parts import Parts
from devenv.verbs.explore.selections import Selection, chosen

MAX_STEPS = 1000
"""This many steps of one process at a time, at most."""


def search(learned: LearnedSystem, collected: Collected, parts: Parts) -> None:
    """Note every kind that the whole cast can show, with a run of it; say which are not decided."""
    judged = Judged(learned)
    collected.counted = collected.ends_counted = False
    _note(judged, collected, _run(learned, []))
    left = possible_kinds(judged) - set(collected.kinds)
    for selection in chosen(learned.cast):
        if not left:
            break
        collected.in_time()
        try:
            runs = parts.runs(selection.part, left)
        except (TooLarge, Inconclusive):
            break
        for kind in sorted(runs):
            run = extended(judged, selection, runs[kind], kind)
            if run is not None:
                _note(judged, collected, run)
        left -= set(collected.kinds)
    runs_of_all = parts.whole(learned.cast, left) if left else None
    if runs_of_all is not None:
        for steps in runs_of_all.values():
            _note(judged, collected, _run(learned, [(process, 1) for process in steps]))
        left = set(runs_of_all) - set(collected.kinds)
    if left:
        collected.remark = (
            f"too many requests at once to decide whether {', '.join(sorted(left))} can happen; explore fewer"
        )


def possible_kinds(judged: Judged) -> set[str]:
    """Every kind that the cover of ``judged.learned`` does not rule out. Raises Inconclusive."""
    learned = judged.learned
    assert learned.cover is not None
    try:
        bound = learned.cover.bound()
    except TooWide as unbounded:
        raise Inconclusive("so many requests come to too many ends", hint=FEWER) from unbounded
    kinds = {kind for end in bound.ends for kind in judged.kinds(learned.search.packed(end))}
    if bound.finals:
        kinds |= possible_beyond_limit(
            learned.cast, _answers(learned, bound), _finals(learned, bound), learned.usual
        )
    return kinds


def _answers(learned: LearnedSystem, bound: Bound) -> Iterator[tuple[Participant, Answered, bool]]:
    for number, place in sorted(bound.answers):
        group = learned.search.groups[number]
        participant = learned.cast[group.processes[0]]
        end = learned.system.end_of(group.node(place))
        if participant.answer is not None:
            assert isinstance(end, tuple)
            answer, reply_lost, _ = end
            yield participant, answer, reply_lost


def _finals(learned: LearnedSystem, bound: Bound) -> Iterator[tuple[Outcome, bool]]:
    events = [group for group in learned.search.groups if not learned.is_request(group.processes[0])]
    for store, ended, origins in sorted(bound.finals):
        happened = [
            learned.system.end_of(group.node(place)) is True
            for group, (place,) in zip(events, origins, strict=True)
        ]
        yield learned.remains(store, happened), ended


def extended(judged: Judged, selection: Selection, run: Sequence[int], kind: str) -> _Run | None:
    """A run of the whole cast that shows ``kind`` as that ``run`` of a part does; None where none is found.

    The requests that are not of the part come one after the other between two of its steps, and the events at
    another such place.
    """
    learned = judged.learned
    within = [(selection.positions[process], 1) for process in run]
    rest = [number for number in range(len(learned.cast)) if number not in selection.positions]
    requests = [(number, MAX_STEPS) for number in rest if learned.is_request(number)]
    events = [(number, MAX_STEPS) for number in rest if not learned.is_request(number)]
    places = [len(within), *range(len(within))]
    for requests_at in places if requests else places[:1]:
        for events_at in places if events else places[:1]:
            inserts = sorted([(events_at, events), (requests_at, requests)], key=lambda item: -item[0])
            turns = [*within]
            for number, inserted in inserts:
                turns[number:number] = inserted
            whole = _run(learned, turns)
            if whole is not None and kind in judged.kinds(whole[1]):
                return whole
    return None


_Run: TypeAlias = tuple[tuple[int, ...], PackedState]
"""Which process took each step, and the final state."""


def _run(learned: LearnedSystem, turns: Sequence[tuple[int, int]]) -> _Run | None:
    """A run with ``turns`` first, each a process and how many steps it takes at most.

    Afterwards every process goes on to its end, one after the other. None where one does not come to an end.
    """
    system = learned.system
    state = system.initial()
    run: list[int] = []
    try:
        for process, steps in [*turns, *((process, MAX_STEPS) for process in range(len(learned.cast)))]:
            for _ in range(steps):
                if system.step(state, process) is None:
                    break
                state = system.execute(state, process)
                run.append(process)
    except (Unlearned, NotLearned):
        return None
    return None if any(system.pending(state)) else (tuple(run), state)


def _note(judged: Judged, collected: Collected, run: _Run | None) -> None:
    if run is not None:
        outcome, findings = judged.of(run[1])
        collected.look_at_answers(outcome)
        collected.note_end(shared(judged.learned.cast, outcome), findings, lambda: run[0], None)
