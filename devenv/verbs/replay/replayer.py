"""Replay: play a scenario on a running stack as often as asked, and judge it by what the scenario expects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from devenv.core.model.errors import DevenvError, UsageProblem
from devenv.core.model.events import HistoryEvent, TraceEvent
from devenv.core.model.pod_stores import stores
from devenv.core.model.schedule import Schedule
from devenv.core.model.topology import RedisMode
from devenv.core.model.vocabulary import Strategy
from devenv.core.render.sequence import draw_mermaid
from devenv.core.scenario import Gate, Request, Scenario, Step, Together
from devenv.core.scenario.needs import check_paths, check_profile, paths
from devenv.harness.client.client import TIMEOUT_S, CaptchaClient
from devenv.harness.client.recording import Recording
from devenv.harness.runs.folders import HISTORY, RESULTS, SCHEDULE, TRACE, Run
from devenv.harness.runs.trace import TraceCollector, trace_lines
from devenv.stack.protocol import Progress, Stack
from devenv.verbs.replay import by_hand
from devenv.verbs.replay.again import play_options
from devenv.verbs.replay.baseline import Baseline
from devenv.verbs.replay.by_hand import HandOver
from devenv.verbs.replay.concurrent import assign, ordered_steps
from devenv.verbs.replay.judgement import Judgement, judge_plays, not_serial_plays
from devenv.verbs.replay.observed import Observed
from devenv.verbs.replay.player import Player
from devenv.verbs.replay.result import ReplayResult
from devenv.verbs.replay.scheduler import WAIT_SECONDS
from devenv.verbs.replay.store_choice import StoreChoice
from devenv.verbs.replay.target import SCENARIO_COPY
from devenv.wire.control.async_client import AsyncControlClient

CONTROL_TIMEOUT_S = WAIT_SECONDS + 10
KEEPALIVE_S = 2.0
"""Below the control API's own idle limit."""
FOR_ALL_NODES = 24
"""This many challenges leave out one of three masters about twice in 10,000 prefixes: 3 * (2/3)^24."""


def _silent(_line: str) -> None:
    """No progress wanted."""


def replay(
    stack: Stack,
    scenario: Scenario,
    store: Strategy | StoreChoice,
    repeat: int = 1,
    *,
    run: Run | None = None,
    schedules: Sequence[Schedule] = (),
    seed: int = 0,
    pace: float = 1.0,
    progress: Progress = _silent,
) -> ReplayResult:
    """Play one scenario on a running stack and leave the stack as it was; see ``Replayer.run``."""
    try:
        with Replayer(stack, seed=seed, pace=pace, progress=progress) as replayer:
            return replayer.run(scenario, store, repeat, run=run, schedules=schedules)
    except BaseException:
        if run is not None:
            run.discard_empty()
        raise


class Replayer:
    """Plays scenarios on one running stack, and puts the stack's settings back at the end.

    A context manager; it must not be used inside a running event loop (it runs its own). Between scenarios
    only pods whose settings differ are restarted. ``seed`` picks among wrong answers; pauses are ``pace``
    times as long as the scenario says; ``clock`` gives seconds since the epoch; with ``hand_over`` a person
    goes on from a step of the order.
    """

    def __init__(
        self,
        stack: Stack,
        *,
        seed: int = 0,
        pace: float = 1.0,
        progress: Progress = _silent,
        clock: Callable[[], float] = time.time,
        hand_over: HandOver | None = None,
    ) -> None:
        self._baseline = Baseline(stack, progress)
        self._runner = asyncio.Runner()
        endpoints = self._baseline.endpoints
        profile = self._baseline.status.spec.profile
        patience = TIMEOUT_S if hand_over is None else by_hand.HOLD_SECONDS
        self._client = CaptchaClient(endpoints, seed=seed, clock=clock, profile=profile, timeout=patience)
        self._hand_over = hand_over
        self._control = AsyncControlClient(endpoints.control, CONTROL_TIMEOUT_S, KEEPALIVE_S)
        self._progress = progress
        self._pace, self._seed = pace, seed
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._runner.run(self._client.aclose())
            self._runner.run(self._control.aclose())
            self._runner.close()
        finally:
            try:
                self._baseline.restore()
            finally:
                self._baseline.close()

    def run(
        self,
        scenario: Scenario,
        store: Strategy | StoreChoice,
        repeat: int = 1,
        *,
        run: Run | None = None,
        schedules: Sequence[Schedule] = (),
    ) -> ReplayResult:
        """Set the stack up, play the steps ``repeat`` times, and judge them.

        ``schedules`` run in place of the orders that the scenario gives, the first for its first step with
        an order. With ``run``, its folder gets results.json, history.jsonl and trace.jsonl (of all repeats),
        sequence.mmd, schedule.txt where there was an order, and the scenario itself. Raises UsageProblem for
        a store that the scenario does not apply to, schedules that are about something else, and what the
        scenario needs and the service lacks, all before a pod is restarted; EnvironmentProblem where the
        stack does not fit or stops answering.
        """
        choice = store if isinstance(store, StoreChoice) else StoreChoice(store)
        self._check(scenario, choice.strategy, repeat)
        assigned = assign(scenario, choice.strategy, schedules)
        restarted = self._set_up(scenario, choice)
        collector = TraceCollector(self._baseline.stack, self._clock) if run is not None else None
        player = Player(
            scenario, choice.strategy, self._baseline, self._client, self._runner, self._control, assigned,
            self._clock, self._pace, choice.measured, self._hand_over,
        )  # fmt: skip
        plays: list[tuple[Observed, ...]] = []
        seconds: list[float] = []
        recordings: list[Recording] = []
        store_name = self._store_name(choice)
        try:
            for number in range(1, repeat + 1):
                self._client.recording = recording = Recording()
                if number > 1:
                    restarted = self._set_up(scenario, choice)
                started = self._clock()
                for pod in restarted:
                    recording.note(started, pod, f"start ({store_name})")
                recordings.append(recording)
                plays.append(tuple(player.play()))
                seconds.append(self._clock() - started)
                if collector is not None:
                    collector.gather()
                self._progress(f"{scenario.id} [{store_name}] {number}/{repeat}")
        except BaseException:  # Ctrl-C too: what was seen until then can be explained
            if run is not None and collector is not None:
                with suppress(DevenvError):
                    collector.gather()
                _write_evidence(run, recordings, collector)
            raise
        result = self._result(scenario, choice, plays, seconds, recordings, run)
        if run is not None and collector is not None:
            result = replace(result, trace=_write_evidence(run, recordings, collector))
            _write_result(run, result)
        return result

    def _check(self, scenario: Scenario, strategy: Strategy, repeat: int) -> None:
        """Raise UsageProblem for what is impossible, before anything is changed."""
        note = scenario.note(strategy)
        if note is not None and (why := note.not_applicable) is not None:
            able = ", ".join(scenario.strategies)
            raise UsageProblem(
                f"{scenario.id} does not apply to {strategy}: {why}", hint=f"--strategy {able}"
            )
        if repeat < 1:
            raise UsageProblem(f"repeat {repeat} is below 1")
        service = self._baseline.status.spec.service
        if service is not None:
            check_profile(scenario, service.profile)
            asked = {path: self._runner.run(self._client.get(path))[0] for path in paths(scenario)}
            check_paths(scenario, asked)

    def _result(
        self,
        scenario: Scenario,
        choice: StoreChoice,
        plays: Sequence[tuple[Observed, ...]],
        seconds: Sequence[float],
        recordings: Sequence[Recording],
        run: Run | None,
    ) -> ReplayResult:
        user_provided = self._baseline.status.spec.service is not None
        histories = [recording.history for recording in recordings]
        # Without a session, what the scenario expects and its sequences are all that there is to judge by.
        judgement = (
            judge_plays(histories, scenario, own_service=user_provided) if scenario.sessions else Judgement()
        )
        result = ReplayResult(
            scenario=scenario,
            strategy=choice.strategy,
            plays=tuple(plays),
            seconds=tuple(seconds),
            recording=recordings[0],
            run_id=run.id if run is not None else None,
            store_name=self._store_name(choice) if user_provided or not choice.measured else "",
            measured=choice.measured,
            options=play_options(
                self._baseline.status.spec, self._baseline.status.backend, scenario, self._seed, self._pace
            ),
            judgement=replace(
                judgement, violations=(*judgement.violations, *not_serial_plays(plays, scenario.cause))
            ),
        )
        shown = recordings[result.shown_play]
        shown.messages.sort(key=lambda message: message.time)
        return replace(result, recording=shown)

    def _store_name(self, choice: StoreChoice) -> str:
        """Where the sessions are, in a word, or of each pod."""
        spec = self._baseline.status.spec
        if not choice.as_is:
            return spec.store(choice.strategy)
        names = {pod: spec.store(store) for pod, store in stores(self._baseline.status).items()}
        several = len(dict.fromkeys(names.values())) > 1
        return (
            ", ".join(f"{name} on {pod}" for pod, name in names.items())
            if several
            else next(iter(names.values()))
        )

    def _play_unordered(self, scenario: Scenario, choice: StoreChoice) -> None:
        """Play it once as it comes, so that pods have said their first words to Redis; nothing is judged."""
        steps = tuple(
            replace(step, order={}, sequences=()) if isinstance(step, Together) else step
            for step in scenario.steps
        )
        kept, self._client.recording = self._client.recording, Recording()
        Player(
            replace(scenario, steps=steps), choice.strategy, self._baseline, self._client, self._runner,
            self._control, {}, self._clock, self._pace, measured=False,
        ).play()  # fmt: skip
        self._client.recording = kept

    def _set_up(self, scenario: Scenario, choice: StoreChoice) -> tuple[str, ...]:
        """The scenario's settings; the pods that were restarted. Cold pods are warmed for orders and rules.

        A pod's first words to Redis, to each node of a cluster, are others than its later ones (a script that
        is not loaded yet).
        """
        restarted = self._baseline.apply(scenario, choice.strategy, as_is=choice.as_is)
        disturbed = any(isinstance(step, Gate) for step in scenario.steps)
        if disturbed or ordered_steps(scenario, choice.strategy):
            cluster = self._baseline.status.spec.redis_mode is RedisMode.CLUSTER
            cold = self._baseline.cold()
            if cold and any(_any_requests(step) for step in scenario.steps):
                self._play_unordered(scenario, choice)
                cold = ()
            for pod in cold:
                self._runner.run(self._client.warm(pod, FOR_ALL_NODES if cluster else 1))
        return restarted


def _any_requests(step: Step) -> bool:
    return isinstance(step, Together) and any(isinstance(part, Request) for part in step.verifies)


def _write_result(run: Run, result: ReplayResult) -> None:
    """The picture, the orders, the scenario itself, and results.json."""
    run.write_text("sequence.mmd", draw_mermaid(result.recording.messages))
    if result.schedules:
        run.write_text(SCHEDULE, "".join(f"{schedule}\n" for schedule in result.schedules))
    run.write_text(SCENARIO_COPY, result.scenario.source)
    run.write_json(RESULTS, result.to_json())


def _write_evidence(
    run: Run, recordings: list[Recording], collector: TraceCollector
) -> tuple[TraceEvent, ...]:
    """Write history.jsonl and trace.jsonl; gives the trace."""
    history: list[HistoryEvent] = [event for recording in recordings for event in recording.history]
    run.write_lines(HISTORY, (event.to_json() for event in history))
    ours = frozenset(rid for recording in recordings for rid in recording.request_ids)
    trace = tuple(collector.trace(ours))
    run.write_lines(TRACE, trace_lines(trace))
    return trace
