"""Pieces of a sleep-set search, done in any order, run what the search runs."""

from random import Random
from typing import Any

import pytest

from devenv.core.search.access import Touched
from devenv.core.search.composition import Command
from devenv.core.search.frontier import Branch, Frontier, Walked, awake, still_asleep
from devenv.core.search.system import canonical
from tests.unit.core.search.guide_model import guide
from tests.unit.core.search.oracles import count_traces


def walk(system: Any, branch: Branch) -> Walked:
    """What the pods would do: the prefix, then always the first that is awake."""
    state, sleep = system.initial(), branch.sleep
    run: list[int] = []
    seen: list[tuple[Touched | None, ...]] = []

    def pending() -> tuple[Touched | None, ...]:
        steps = [system.step(state, process) for process in range(system.processes)]
        return tuple(
            Touched(step.reads, step.writes) if isinstance(step, Command) else None for step in steps
        )

    while True:
        able = pending()
        if len(run) < len(branch.prefix):
            process = branch.prefix[len(run)]
        else:
            going = awake(able, sleep)
            if not going:
                return Walked(tuple(run), tuple(seen), blocked=bool(awake(able, frozenset())))
            process = going[0]
            sleep = still_asleep(able, sleep, process)
        seen.append(able)
        run.append(process)
        state = system.execute(state, process)


@pytest.mark.parametrize("letters", ["WW", "RRX", "RWE"])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_every_trace_once_in_any_order_of_work(letters: str, seed: int | None) -> None:
    system = guide(letters)
    frontier = Frontier()
    random = Random(seed)
    forms = []
    while frontier.waiting:
        if seed is not None:
            random.shuffle(frontier.waiting)
        branch = frontier.take()
        assert branch is not None
        walked = walk(system, branch)
        frontier.done(branch, walked)
        if not walked.blocked:
            forms.append(canonical(system, walked.run))
    assert (frontier.traces, frontier.blocked) == count_traces(guide(letters))
    assert len(set(forms)) == len(forms) == frontier.traces
