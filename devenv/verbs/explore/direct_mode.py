"""The direct mode: every order is run on real pods, many at a time on challenges of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from devenv.core.search.access import Touched
from devenv.core.search.behaviour import RESTART
from devenv.core.search.collecting import Budget, Collected
from devenv.core.search.expression import Participant
from devenv.core.search.frontier import Branch, Frontier, Walked
from devenv.core.search.outcome import Outcome, OutcomeViolation, judge
from devenv.core.search.system import Stopped
from devenv.verbs.explore.confirm import Candidate, job_of
from devenv.verbs.explore.executor_client import Remote
from devenv.verbs.explore.fixture import Fixture
from devenv.verbs.explore.selections import selections
from devenv.wire.executor.jobs import ScheduledRun

BATCHES = 3
"""Batches under way at a time, so that no job slot waits for the slowest of its batch."""
MAX_SHRINK_RUNS = 600
"""Runs that finding fewer participants may cost."""
RESTART_COSTS = 10
"""This many times fewer where each run restarts a pod."""


def walked(run: ScheduledRun, cast: Sequence[Participant]) -> Walked:
    """A run as the frontier takes it, without what followed where it was blocked."""
    count = len(cast)
    pending: list[tuple[Touched | None, ...]] = []
    following: list[Touched | None] = [None] * count  # of each process the step it takes next
    before: list[Touched | None] = [None] * count  # and what that was before a restart
    for step in reversed(run.steps):
        for hit in cast[step.process].affects(cast) if cast[step.process].event == RESTART else ():
            if before[hit] is not None:
                following[hit], before[hit] = before[hit], None
        following[step.process], before[step.process] = step.touched, step.instead
        pending.append(
            tuple(None if number in step.waiting else item for number, item in enumerate(following))
        )
    pending.reverse()
    end = len(run.steps) if run.blocked_at is None else run.blocked_at
    steps = tuple(step.process for step in run.steps[:end])
    return Walked(steps, tuple(pending[:end]), run.blocked_at is not None)


def _waited(run: ScheduledRun, cast: Sequence[Participant]) -> str | None:
    """What to say of a run in which a request waited for another one inside their pod."""
    waited = sorted({number for step in run.steps for number in step.waiting})
    if not waited:
        return None
    names = " and ".join(cast[number].name for number in waited)
    return (
        f"{names} waited inside a pod for another request there (a lock?): only orders in which the requests "
        "arrive one after the other were run, and what happens inside a pod is not ordered"
    )


async def search(
    fixture: Fixture, cast: tuple[Participant, ...], remote: Remote, collected: Collected
) -> None:
    """Run every trace of ``cast`` once. Raises Stopped (from ``collected``) where the budget is used up."""
    frontier = Frontier()
    known: dict[Outcome, tuple[OutcomeViolation, ...]] = {}
    size = max(1, remote.slots // 2)
    under_way: set[asyncio.Task[None]] = set()

    async def batch(branches: list[Branch]) -> None:
        jobs = [job_of(fixture, cast, branch.prefix, branch.sleep) for branch in branches]
        for branch, run in zip(branches, await remote.scheduled(jobs), strict=True):
            way = walked(run, cast)
            collected.remark = collected.remark or _waited(run, cast)
            frontier.done(branch, way)
            if way.blocked:
                collected.blocked += 1
                continue
            findings = known.get(run.outcome)
            if findings is None:
                findings = known[run.outcome] = judge(cast, run.outcome, fixture.limit, fixture.usual)
            collected.note(way.run, run.outcome, findings)
        collected.look()

    try:
        while under_way or frontier.waiting:
            while frontier.waiting and len(under_way) < BATCHES:
                branches = [item for item in (frontier.take() for _ in range(size)) if item is not None]
                under_way.add(asyncio.ensure_future(batch(branches)))
            done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=lambda item: item.exception() is None):
                task.result()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def shrink(
    fixture: Fixture, casts: Sequence[tuple[Participant, ...]], remote: Remote, collected: Collected
) -> list[Candidate]:
    """For each kind the fewest participants that show it, as far as ``MAX_SHRINK_RUNS`` go."""
    left = dict(collected.kinds)
    candidates: dict[str, Candidate] = {}
    runs = 0
    restarts = any(item.event == RESTART for cast in casts for item in cast)
    most = MAX_SHRINK_RUNS // RESTART_COSTS if restarts else MAX_SHRINK_RUNS
    whole = max(map(len, casts))
    parts = sorted((part for cast in casts for part in selections(cast) if len(part) < whole), key=len)
    for part in dict.fromkeys(parts):
        if not left or runs >= most:
            break
        budget = Budget(traces=most - runs)
        smaller = Collected(budget, collected.clock)
        try:
            await search(fixture, part, remote, smaller)
        except Stopped:
            break  # what a part search met that was not complete is not the shortest
        runs += smaller.traces
        for kind in [kind for kind in left if kind in smaller.kinds]:
            count = left.pop(kind).count
            candidates[kind] = Candidate(smaller.kinds[kind].finding, part, smaller.kinds[kind].run, count)
    for kind, met in left.items():
        candidates[kind] = Candidate.of(met, casts)
    return [candidates[kind] for kind in collected.kinds]
