"""``devenv replay``: finds what to play, a stack and a store to play it with, and keeps the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from devenv.core.model.errors import DevenvError, UsageProblem
from devenv.core.model.pod_stores import stores
from devenv.core.model.schedule import Schedule
from devenv.core.model.topology import RedisMode
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import Scenario, parse
from devenv.core.scenario.needs import check_profile
from devenv.core.scenario.pod_rotation import across, unpinned
from devenv.core.scenario.writer import write_scenario
from devenv.harness.config.settings import Settings
from devenv.harness.runs.folders import Run, open_run
from devenv.harness.runs.journal import JournaledStack
from devenv.stack.protocol import Progress, Stack
from devenv.verbs.explain.explanation import Explanation, with_violations
from devenv.verbs.explain.source import explain_written
from devenv.verbs.explain.store import keep
from devenv.verbs.operate.select import fresh_stack, running_stack
from devenv.verbs.replay.baseline import required_spec
from devenv.verbs.replay.replayer import replay
from devenv.verbs.replay.result import ReplayResult
from devenv.verbs.replay.store_choice import StoreChoice, choose_store
from devenv.verbs.replay.target import Target, resolve_target


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay's result, its run folder, whether it ran on a stack started only for it, and what happened."""

    result: ReplayResult
    run: Run
    temporary: bool
    explanation: Explanation


def replay_word(
    word: str,
    settings: Settings,
    *,
    strategy: Strategy | None,
    repeat: int | None,
    schedule: str | None = None,
    pods: int | None = None,
    through_balancer: bool = False,
    pace: float = 1.0,
    progress: Progress,
    clock: Callable[[], float] = time.time,
) -> Replayed:
    """Play what ``word`` names (a file, a scenario, a run) on the stack that runs, else on one of its own.

    ``strategy`` and ``repeat`` None: as the recorded run had them; else once, with the store that
    ``choose_store`` chooses. ``schedule`` ("v1 …") runs in place of the order that
    the scenario gives; a recorded run is played in its own order, with its own store. ``pods``: the requests
    of each session go to this many pods in turn, whatever the scenario says. ``through_balancer``: no request
    is sent to a certain pod, so that the balancer, or the proxy's policy, chooses for all. Pauses are
    ``pace`` times as long.
    Raises UsageProblem where ``word`` names nothing, or the schedule is none.
    """
    target = resolve_target(word, settings.state_dir)
    given = Schedule.parse(schedule) if schedule is not None else None
    if pods is not None:
        target = replace(target, scenario=over_pods(target.scenario, pods), schedules=())
    if through_balancer:
        target = replace(target, scenario=_written(unpinned(target.scenario)), schedules=())
    with staged(target, strategy, settings, progress) as (stack, chosen, temporary):
        return replay_on(
            stack,
            target,
            chosen,
            settings,
            repeat=repeat,
            schedule=given,
            temporary=temporary,
            pace=pace,
            progress=progress,
            clock=clock,
        )


def over_pods(scenario: Scenario, pods: int) -> Scenario:
    """The scenario with its requests sent over this many pods in turn; its source says so too."""
    return _written(across(scenario, pods))


def _written(scenario: Scenario) -> Scenario:
    """The same with the text of a file as its source."""
    return replace(parse(write_scenario(scenario), scenario.name), shipped=scenario.shipped)


def replay_on(
    stack: Stack,
    target: Target,
    store: Strategy | StoreChoice,
    settings: Settings,
    *,
    repeat: int | None = None,
    schedule: Schedule | None = None,
    temporary: bool = False,
    pace: float = 1.0,
    progress: Progress,
    clock: Callable[[], float] = time.time,
) -> Replayed:
    """As ``replay_word``, on this stack and with this store."""
    choice = store if isinstance(store, StoreChoice) else StoreChoice(store)
    as_recorded = target.strategy is (choice.strategy if choice.measured else None)
    recorded = target.schedules if as_recorded else ()
    schedules = recorded if schedule is None else (schedule,)
    run = open_run(settings.state_dir, f"replay-{target.scenario.id}", clock())
    result = replay(
        stack,
        target.scenario,
        choice,
        repeat or target.repeat or 1,
        run=run,
        schedules=schedules,
        seed=settings.seed,
        pace=pace,
        progress=progress,
    )
    explanation = with_violations(
        explain_written(result.trace, run),
        [(item.kind, item.violation.sentence) for item in result.violations],
    )
    keep(explanation, run, replace=True)
    return Replayed(result, run, temporary, explanation)


@contextmanager
def staged(
    target: Target, strategy: Strategy | None, settings: Settings, progress: Progress
) -> Iterator[tuple[Stack, StoreChoice, bool]]:
    """The stack to play it on, the store, and whether the stack is one of its own."""
    given = strategy or target.strategy
    balancer = settings.stack_spec().balancer
    scenario = target.scenario
    try:
        stack = running_stack(settings.backend, settings.state_dir)
    except DevenvError:
        choice = choose_store(scenario, given, None, settings.service)
    else:
        status = stack.status()
        choice = choose_store(scenario, given, status, status.spec.service)
        redis_fits = status.spec.redis_mode is _redis_mode(scenario, settings, status.spec.redis_mode)
        if redis_fits and balancer in ("", status.spec.balancer) and not scenario.stack.fix:
            if choice.as_is and len(dict.fromkeys(stores(status).values())) > 1:
                progress("the pods keep their sessions in different stores: played as they are")
            yield stack, choice, False
            return
        if scenario.stack.fix:
            progress(f"{scenario.id} needs the service with its fix {scenario.stack.fix}: a stack for this")
        else:
            has = (
                f"Redis as {status.spec.redis_mode}" if not redis_fits else f"{status.spec.chooser} in front"
            )
            progress(f"the stack that runs has {has}: another one for this")
        choice = replace(choice, as_is=False)
    with own_stack(scenario, choice.strategy, settings, progress) as fresh:
        yield fresh, choice, True


def _redis_mode(scenario: Scenario, settings: Settings, otherwise: RedisMode) -> RedisMode:
    """How Redis is to stand. Raises UsageProblem where scenario and settings disagree."""
    options = scenario.stack.redis
    if None not in (options, settings.redis) and options is not settings.redis:
        raise UsageProblem(
            f"{scenario.id} needs Redis as {options}", hint=f"leave out --redis {settings.redis}"
        )
    return options or settings.redis or otherwise


@contextmanager
def own_stack(
    scenario: Scenario, strategy: Strategy, settings: Settings, progress: Progress
) -> Iterator[JournaledStack]:
    """A stack as the scenario needs it, for the time of the block.

    Raises UsageProblem, before it is started, for what the scenario needs and the service's profile lacks.
    """
    service = settings.service
    if scenario.stack.fix:
        if service is None:
            raise UsageProblem(
                f"{scenario.id} is of a service with the fix {scenario.stack.fix!r} in its devenv.toml",
                hint="run it in that service's folder",
            )
        service = service.fixed(scenario.stack.fix)
    if service is not None:
        check_profile(scenario, service.profile)
    needed = required_spec(scenario, strategy)
    mode = _redis_mode(scenario, settings, needed.redis_mode)
    balancer = settings.stack_spec().balancer
    spec = replace(needed, seed=settings.seed, service=service, redis_mode=mode, balancer=balancer)
    policy = scenario.stack.policy
    if policy is not None and (lacking := spec.lacks_policy(scenario.id, policy)):
        raise UsageProblem(lacking, hint="leave out --balancer (DEVENV_BALANCER)")
    with fresh_stack(
        settings.backend or "embedded", settings.state_dir, spec, progress, cold=settings.cold
    ) as fresh:
        yield fresh
