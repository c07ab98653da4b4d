"""``devenv explore``: a stack, a search on it, and what is kept of it."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import TypeVar

from devenv.core.model.errors import DevenvError, EnvironmentProblem, Inconclusive, UsageProblem
from devenv.core.model.pod_stores import stores
from devenv.core.model.topology import RedisMode, StackSpec, StackStatus
from devenv.core.model.vocabulary import CaptchaType
from devenv.core.search.collecting import Budget, Collected
from devenv.core.search.expression import Participant
from devenv.core.search.reporter import SearchReporter
from devenv.core.search.system import Stopped
from devenv.core.spec.learned_scripts import LearnedScripts
from devenv.harness.config.settings import Settings
from devenv.harness.runs.folders import RESULTS, SCHEDULE, Run, open_run
from devenv.stack.protocol import Progress
from devenv.verbs.explore import direct_mode as direct
from devenv.verbs.explore import learned_mode as learned
from devenv.verbs.explore.confirm import Candidate, confirm, job_of, scenario_text, unconfirmed
from devenv.verbs.explore.executor_client import Remote
from devenv.verbs.explore.fixture import Fixture, build_stage, own_stage, require_gradable
from devenv.verbs.explore.kept import ShownOrder, keep
from devenv.verbs.explore.learner import LearnedSystem, Learner
from devenv.verbs.explore.parts import MAX_WHOLE_STATES, Parts
from devenv.verbs.explore.report import document
from devenv.verbs.explore.result import (
    INTERRUPTED,
    Exploration,
    ExploredViolation,
    ExploreOptions,
    Mode,
    nothing_graded,
    shown_path,
)
from devenv.verbs.explore.runner_results import result_of
from devenv.verbs.explore.sequences import left_by_sequences
from devenv.verbs.operate.select import fresh_stack, running_stack
from devenv.verbs.replay.again import command, stack_options
from devenv.wire.executor.known_scripts import known_scripts

PATIENT = {"REDIS_TIMEOUT_MS": "20000"}
"""Held longer than this, a command is sent again or given up by its client: nothing is to depend on that."""
COLLECTIONS = (100_000, 50, 50)
"""The thresholds of Python's garbage collector during a search."""
NO_RESTART = "pods in containers cannot be restarted in the middle of a request from here"
T = TypeVar("T")


def explore(
    options: ExploreOptions,
    settings: Settings,
    progress: Progress,
    reporter: SearchReporter | None = None,
) -> Exploration:
    """Explore as asked, on the stack that runs if it has that store, else on one of its own.

    ``progress`` gets the steps of starting a stack, ``reporter`` those of the exploration.

    Ctrl-C and a used-up budget end the search; what was found until then is shrunk, confirmed and kept.
    Raises EnvironmentProblem where pods bypass the gate.
    """
    exploration: Exploration | None = None
    try:
        with _fixture(options, settings, progress) as status:
            exploration = explore_on(status, options, settings, reporter)
    except KeyboardInterrupt:
        if exploration is None:
            raise
    return exploration  # also where Ctrl-C came while the stack ended, which ends with this process


def explore_on(
    status: StackStatus, options: ExploreOptions, settings: Settings, reporter: SearchReporter | None = None
) -> Exploration:
    """As ``explore``, on this stack as it is; its pods have the store of ``options``."""
    reporter = reporter or SearchReporter()
    whose = options.strategy if status.spec.service is None else "own"
    run = open_run(settings.state_dir, f"explore-{whose}-{options.meeting}", time.time())
    with asyncio.Runner() as runner:
        exploring = _Exploring(options, status, settings.seed, reporter, runner)
        exploration = exploring.run(run)
    run.write_json(RESULTS, exploration.to_json())
    run.write_text(
        SCHEDULE, "".join(f"{violation.kind}: {violation.schedule}\n" for violation in exploration.violations)
    )
    keep(run, status, exploring.shown, document(exploration))
    reporter.ended(exploration.to_json())
    return exploration


@contextmanager
def _fixture(options: ExploreOptions, settings: Settings, progress: Progress) -> Iterator[StackStatus]:
    """The running stack where it fits."""
    try:
        status = running_stack(settings.backend, settings.state_dir).status()
    except DevenvError:
        status = None
    mode = settings.redis
    if (
        status is not None
        and mode in (None, status.spec.redis_mode)
        and fits(status, options)
        and set(stores(status).values()) == {options.strategy}
    ):
        yield status
        return
    with own_stack(options, settings, progress) as status:
        yield status


@contextmanager
def own_stack(options: ExploreOptions, settings: Settings, progress: Progress) -> Iterator[StackStatus]:
    """A stack as the exploration needs it, for the time of the block."""
    pods = options.pods or max(2, len(options.meeting.requests))
    mode = settings.redis or RedisMode.STANDALONE
    # A plain client on a cluster is another subject than races: scenario cluster-plain-client.
    client = {"REDIS_CLUSTER": "true"} if mode is RedisMode.CLUSTER else {}
    spec = StackSpec(
        pods=pods,
        use_redis=True,
        strategy=options.strategy,
        env={**PATIENT, **client},
        seed=settings.seed,
        redis_mode=mode,
        service=settings.service,
    )
    with fresh_stack(
        settings.backend or "embedded", settings.state_dir, spec, progress, cold=settings.cold
    ) as stack:
        yield stack.status()


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Python looks for garbage less often: a search makes millions of objects and hardly any cycles.

    That takes a sixth of its time otherwise.
    """
    usual = gc.get_threshold()
    gc.set_threshold(*COLLECTIONS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def fits(status: StackStatus, options: ExploreOptions) -> bool:
    """Whether the stack has a gate and enough pods; the store is another matter."""
    return status.spec.gate and len(status.pods) >= (options.pods or 1)


class _Exploring:
    """One exploration; each step ends before the next begins, so that Ctrl-C ends one step."""

    def __init__(
        self,
        options: ExploreOptions,
        status: StackStatus,
        seed: int,
        reporter: SearchReporter,
        runner: asyncio.Runner,
    ) -> None:
        self._options = options
        meeting = self._meeting = options.meeting
        self._status = status
        self._seed = seed
        self._reporter = reporter
        self._runner = runner
        if options.kind is CaptchaType.HANDWRITING and "E" in meeting.requests:
            raise UsageProblem(
                f"{meeting}: an empty answer to a handwriting challenge is refused before Redis is asked",
                hint="R and W can be explored with --type handwriting",
            )
        if options.mode is Mode.DIRECT and options.preemptions is not None:
            raise UsageProblem("--mode direct knows no bound on preemptions", hint="--mode learned does")
        self._pods = [pod.name for pod in status.pods][: options.pods or len(meeting.requests)]
        self._casts: list[tuple[Participant, ...]] = meeting.cast(pods=len(self._pods))
        self._can_restart = status.backend == "embedded"
        if options.mode is Mode.DIRECT and "P" in meeting.events and not self._can_restart:
            raise UsageProblem(f"--mode direct: {NO_RESTART}", hint="--mode learned, or --backend embedded")
        self._remote = runner.run(_remote(status, options))
        self._begun = time.monotonic()
        self._why: str | None = None
        self._stages: dict[str, float] = {}
        self._shown: list[ShownOrder] = []

    @property
    def shown(self) -> Sequence[ShownOrder]:
        """The orders that were run to confirm violations, as they went the first time."""
        return self._shown

    def run(self, folder: Run) -> Exploration:
        """Search, shrink and confirm; the scenarios of violations go into ``folder``."""
        try:
            fixture = self._runner.run(self._prepare())
            self._begun = time.monotonic()
            deadline = (
                None if self._options.budget_seconds is None else self._begun + self._options.budget_seconds
            )
            collected = Collected(
                Budget(self._options.budget_traces, deadline), time.monotonic, self._reporter
            )
            learner = Learner(fixture, self._remote, LearnedScripts(known_scripts()), self._reporter)
            if self._options.mode is Mode.DIRECT:
                self._timed("search", lambda: self._search_directly(fixture, collected))
                candidates = self._timed("shrink", lambda: self._shrink_directly(fixture, collected))
            else:
                parts = self._parts(learner)
                with _rare_collections():
                    self._timed("search", lambda: self._search_learned(learner, collected, parts))
                    candidates = self._timed("shrink", lambda: self._shrink_learned(collected, parts))
            seconds = time.monotonic() - self._begun
            if collected.ungraded is not None and not collected.graded:
                self._why = self._why or nothing_graded(collected.ungraded)
            violations = self._timed("confirm", lambda: self._confirm(candidates, fixture, folder))
        finally:
            self._runner.run(self._remote.aclose())
        return self._result(collected, violations, seconds, folder)

    async def _prepare(self) -> Fixture:
        """The fixture. Each pod has connected and loaded its scripts before anything is counted."""
        if rules := await self._remote.rules():
            raise EnvironmentProblem(
                f"the gate has rules in force, which would disturb every order: {', '.join(rules)}",
                hint="devenv gate reset",
            )
        if self._status.spec.service is None:
            fixture = await build_stage(self._status, self._pods, self._options.kind, self._seed, time.time())
        else:
            answers = list(dict.fromkeys(cast.answer for cast in self._casts[0] if cast.answer is not None))
            fixture = await own_stage(self._status, self._pods, answers, self._seed)
        alone = next(cast for cast in self._casts[0] if cast.answer is not None)
        for pod in fixture.pods:
            job = job_of(replace(fixture, pods=(pod,)), [alone], ())
            first, _ = await self._remote.scheduled([job] * 2)
            require_gradable(fixture.profile, [*fixture.submissions], first.outcome.answers[0])
        if fixture.profile is None:
            return fixture
        return replace(fixture, usual=await left_by_sequences(fixture, self._casts[0], self._remote))

    def _search_learned(self, learner: Learner, collected: Collected, parts: Parts) -> None:
        """One cast after the other."""

        def work() -> None:
            random = Random(self._seed)
            for number, cast in enumerate(self._casts):
                began = time.monotonic()
                collected.source = number
                try:
                    system = result_of(self._runner, learner.learn(cast, collected.in_time))
                except (Stopped, KeyboardInterrupt):
                    collected.counted = False
                    if learner.current is not None:
                        learned.note_ends(learner.current, collected, None)
                    raise
                finally:
                    self._stages["learn"] = self._stages.get("learn", 0.0) + time.monotonic() - began
                    self._stages["states"] = learner.states_seconds
                parts.know(system)
                learned.search(system, self._options, collected, random, parts)

        self._until_stopped(work, collected)
        self._why = self._why or collected.remark
        if self._options.mode is Mode.RANDOM:
            self._why = self._why or "orders were tried by chance"
        elif (most := self._options.preemptions) is not None:
            self._why = (
                self._why or f"only orders with at most {most} preemption{'s' * (most != 1)} were tried"
            )

    def _search_directly(self, fixture: Fixture, collected: Collected) -> None:
        def work() -> None:
            for number, cast in enumerate(self._casts):
                collected.source = number
                self._runner.run(direct.search(fixture, cast, self._remote, collected))

        self._until_stopped(work, collected)
        self._why = self._why or collected.remark

    def _until_stopped(self, work: Callable[[], None], collected: Collected) -> None:
        """Keeps what was found where the search is ended early, for any reason."""
        try:
            work()
        except Stopped:
            self._why = "the budget was used up"
        except KeyboardInterrupt:
            self._why = INTERRUPTED
            self._reporter.interrupted()
        except Inconclusive as problem:
            if not collected.ends:
                raise
            self._why = problem.message

    def _parts(self, learner: Learner) -> Parts:
        def learn(part: tuple[Participant, ...], look: Callable[[int], None]) -> LearnedSystem:
            def in_time() -> None:
                if learner.current is not None:
                    look(learner.current.search.states)

            return result_of(self._runner, learner.learn(part, in_time))

        def learn_whole(cast: tuple[Participant, ...], look: Callable[[int], None]) -> LearnedSystem:
            learner.most_states = MAX_WHOLE_STATES
            try:
                return learn(cast, look)
            finally:
                learner.most_states = None

        return Parts(learn, learn_whole)

    def _shrink_learned(self, collected: Collected, parts: Parts) -> list[Candidate]:
        return self._unless_interrupted(lambda: learned.shrink(self._casts, collected, parts), collected)

    def _shrink_directly(self, fixture: Fixture, collected: Collected) -> list[Candidate]:
        return self._unless_interrupted(
            lambda: self._runner.run(direct.shrink(fixture, self._casts, self._remote, collected)), collected
        )

    def _unless_interrupted(
        self, shrink: Callable[[], list[Candidate]], collected: Collected
    ) -> list[Candidate]:
        """Ctrl-C ends the shrinking only; the violations are then shown as they were met."""
        try:
            if collected.kinds:
                self._reporter.shrinking(collected.traces, collected.counts())
            return shrink()
        except KeyboardInterrupt:
            self._why = self._why or INTERRUPTED
            return [Candidate.of(met, self._casts) for met in collected.kinds.values()]

    def _confirm(
        self, candidates: list[Candidate], fixture: Fixture, folder: Run
    ) -> tuple[ExploredViolation, ...]:
        """Run each on the real stack. Ctrl-C ends that: what was not run is shown as not confirmed."""
        # Small ones first; what the search met first may depend, with lanes, on how fast the pods were.
        ordered = sorted(
            candidates,
            key=lambda one_candidate: (
                len(one_candidate.cast),
                len(one_candidate.run),
                one_candidate.finding.kind,
            ),
        )
        violations: list[ExploredViolation] = []
        try:
            for candidate in ordered:
                self._reporter.confirming(candidate.finding.kind)
                violation = self._confirmed(candidate, fixture, folder)
                violations.append(violation)
                self._reporter.confirmed(violation.kind, None if violation.confirmed else violation.why)
        except KeyboardInterrupt:
            violations += [unconfirmed(candidate, INTERRUPTED) for candidate in ordered[len(violations) :]]
        return tuple(violations)

    def _confirmed(self, candidate: Candidate, fixture: Fixture, folder: Run) -> ExploredViolation:
        if not self._can_restart and any(item.letter == "P" for item in candidate.cast):
            return unconfirmed(candidate, f"{NO_RESTART}; --backend embedded can")
        try:
            violation, first = self._runner.run(
                confirm(candidate, fixture, self._remote, self._options.replays)
            )
        except Inconclusive as problem:
            return unconfirmed(candidate, problem.message)
        self._shown.append(ShownOrder(violation.kind, violation.schedule, first.records))
        if not violation.confirmed:
            return violation
        text = scenario_text(violation, candidate.cast, first.outcome, self._options.strategy, fixture)
        path = folder.write_text(f"{violation.kind}.yaml", text)
        replay = ("devenv", "replay", shown_path(path), "--strategy", str(self._options.strategy))
        options = stack_options(self._status.spec, self._status.backend, self._seed)
        reproduce = command(*replay, *options)
        return replace(violation, scenario_file=str(path), reproduce=reproduce)

    def _result(
        self, collected: Collected, violations: tuple[ExploredViolation, ...], seconds: float, folder: Run
    ) -> Exploration:
        options = self._options
        mode = (
            str(options.mode)
            if options.preemptions is None
            else f"{options.mode}, {options.preemptions} preemptions"
        )
        service = self._status.spec.service
        return Exploration(
            scenario=str(self._meeting),
            strategy=options.strategy,
            mode=mode,
            complete=self._why is None,
            traces=collected.traces if collected.counted else None,
            blocked=collected.blocked,
            violations=violations,
            requests=self._remote.requests,
            seconds=seconds,
            outcomes=collected.outcomes,
            incomplete=self._why,
            stages=self._stages,
            run_id=folder.id,
            engine=f"{self._status.redis_engine} {self._status.redis_version}",
            challenge=str(options.kind) if service is None else service.profile.name,
            service=None if service is None else service.title,
            limit_known=service is None or service.profile.limit is not None,
        )

    def _timed(self, fixture: str, work: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return work()
        finally:
            self._stages[fixture] = time.monotonic() - began


async def _remote(status: StackStatus, options: ExploreOptions) -> Remote:
    if not status.spec.gate:
        raise EnvironmentProblem("the stack has no gate, so nothing can be held", hint="devenv up -d")
    return Remote(status.endpoints.control, options.lanes)
