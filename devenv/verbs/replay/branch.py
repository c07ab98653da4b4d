"""Rewind to a step of an order, and let a person go on from there at the gate of the stack that runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from devenv.core.model.errors import UsageProblem
from devenv.core.model.schedule import Schedule
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import Scenario
from devenv.harness.config.settings import Settings
from devenv.harness.runs.folders import open_run
from devenv.stack.protocol import Progress
from devenv.verbs.explain.source import explain_written
from devenv.verbs.explain.store import keep
from devenv.verbs.operate.select import running_stack
from devenv.verbs.replay.by_hand import PATIENT_MS, HandOver
from devenv.verbs.replay.replayer import Replayer
from devenv.verbs.replay.store_choice import choose_store
from devenv.verbs.replay.target import resolve_target
from devenv.verbs.replay.usecase import Replayed


def branch(
    word: str,
    schedule: str,
    hand_over: HandOver,
    settings: Settings,
    *,
    strategy: Strategy | None,
    progress: Progress,
    clock: Callable[[], float] = time.time,
) -> Replayed:
    """Play what ``word`` names up to a step of ``schedule`` ("v1 …"); a person releases what comes after it.

    The run that is kept has the order that the person made: ``replay`` follows it. ``strategy`` None: as the
    recorded run had it. Raises UsageProblem where there is no such scenario, run or step, and where the stack
    that runs does not fit; EnvironmentProblem where none runs.
    """
    target = resolve_target(word, settings.state_dir)
    order = Schedule.parse(schedule)
    if not 0 <= hand_over.steps <= len(order):
        raise UsageProblem(f"step {hand_over.steps} is none of the order's {len(order)} steps")
    stack = running_stack(settings.backend, settings.state_dir)
    status = stack.status()
    wanted = target.scenario.stack.redis
    if wanted not in (None, status.spec.redis_mode):
        raise UsageProblem(
            f"{target.scenario.id} needs Redis as {wanted}, the stack that runs has {status.spec.redis_mode}",
            hint=f"devenv down; devenv up --redis {wanted}",
        )
    choice = choose_store(target.scenario, strategy or target.strategy, status, status.spec.service)
    run = open_run(settings.state_dir, f"branch-{target.scenario.id}", clock())
    try:
        with Replayer(
            stack, seed=settings.seed, progress=progress, clock=clock, hand_over=hand_over
        ) as replayer:
            prefix = Schedule(order.steps[: hand_over.steps])
            result = replayer.run(_patient(target.scenario), choice, run=run, schedules=(prefix,))
    except BaseException:
        run.discard_empty()
        raise
    explanation = explain_written(result.trace, run)
    keep(explanation, run, replace=True)
    return Replayed(result, run, False, explanation)


def _patient(scenario: Scenario) -> Scenario:
    """The same with pods that wait for Redis while a person decides."""
    env = {**scenario.stack.env, "REDIS_TIMEOUT_MS": str(PATIENT_MS)}
    return replace(scenario, stack=replace(scenario.stack, env=env))
