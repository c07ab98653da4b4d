"""``devenv explore``: a stack, a search on it, and what is kept of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TypeVar

from devenv.core.model.errors import DevenvError, EnvironmentProblem, Inconclusive, UsageProblem
from devenv.core.model.pod_stores import stores
from devenv.core.model.topology import RedisMode, StackSpec, StackStatus
from devenv.core.model.vocabulary import CaptchaType
from devenv.core.search.collecting import Budget, Collected
from devenv.core.search.expression import Meeting, Participant, parse_meeting
from devenv.core.search.system import Stopped
from devenv.core.spec.learned_scripts import LearnedScripts
from devenv.harness.config.settings import Settings
from devenv.harness.runs.store import RESULTS, SCHEDULE, Run, open_run
from devenv.stack.protocol import Progress
from devenv.verbs.explore import direct_mode as direct
from devenv.verbs.explore import learned_mode as learned
from devenv.verbs.explore.confirm import Suspect, confirm, job_of, scenario_text, unconfirmed
from devenv.verbs.explore.executor_client import Remote
from devenv.verbs.explore.fixture import Stage, build_stage, own_stage
from devenv.verbs.explore.learner import LearnedSystem, Learner
from devenv.verbs.explore.result import INTERRUPTED, Exploration, FoundViolation, Mode, Wish
from devenv.verbs.operate.select import fresh_stack, running_stack
from devenv.wire.executor.known_scripts import known_scripts

TELL_EVERY = 0.5
PATIENT = {"REDIS_TIMEOUT_MS": "20000"}
"""Held longer than this, a command is sent again or given up by its client: nothing is to depend on that."""
NO_RESTART = "pods in containers cannot be restarted in the middle of a request from here"
T = TypeVar("T")


def explore(wish: Wish, settings: Settings, progress: Progress) -> Exploration:
    """Explore as wished, on the stack that runs if it has that store, else on one of its own.

    Ctrl-C and a used-up budget end the search; what was found until then is shrunk, confirmed and kept.
    Raises UsageProblem for a wrong expression, EnvironmentProblem where pods go round the gate.
    """
    meeting = parse_meeting(wish.scenario, wish.events)
    found: Exploration | None = None
    try:
        with _stage(wish, meeting, settings, progress) as status:
            found = explore_on(status, wish, settings, progress)
    except KeyboardInterrupt:
        if found is None:
            raise
    return found  # also where Ctrl-C came while the stack ended, which it does with us


def explore_on(status: StackStatus, wish: Wish, settings: Settings, progress: Progress) -> Exploration:
    """As ``explore``, on this stack as it is; its pods have the wished store."""
    meeting = parse_meeting(wish.scenario, wish.events)
    whose = wish.strategy if status.spec.service is None else "own"
    run = open_run(settings.state_dir, f"explore-{whose}-{meeting}", time.time())
    with asyncio.Runner() as runner:
        found = _Exploring(wish, meeting, status, settings.seed, progress, runner).run(run)
    run.write_json(RESULTS, found.to_json())
    run.write_text(
        SCHEDULE, "".join(f"{violation.kind}: {violation.schedule}\n" for violation in found.violations)
    )
    return found


@contextmanager
def _stage(wish: Wish, meeting: Meeting, settings: Settings, progress: Progress) -> Iterator[StackStatus]:
    """The running stack where it fits."""
    try:
        status = running_stack(settings.backend, settings.state_dir).status()
    except DevenvError:
        status = None
    mode = settings.redis
    if (
        status is not None
        and mode in (None, status.spec.redis_mode)
        and fits(status, wish)
        and set(stores(status).values()) == {wish.strategy}
    ):
        yield status
        return
    with own_stack(wish, meeting, settings, progress) as status:
        yield status


@contextmanager
def own_stack(wish: Wish, meeting: Meeting, settings: Settings, progress: Progress) -> Iterator[StackStatus]:
    """A stack as the exploration wishes it, for the time of the block."""
    pods = wish.pods or max(2, len(meeting.requests))
    mode = settings.redis or RedisMode.STANDALONE
    # A plain client on a cluster is another story than races: scenario cluster-plain-client.
    client = {"REDIS_CLUSTER": "true"} if mode is RedisMode.CLUSTER else {}
    spec = StackSpec(
        pods=pods,
        use_redis=True,
        strategy=wish.strategy,
        env={**PATIENT, **client},
        seed=settings.seed,
        redis_mode=mode,
        service=settings.service,
    )
    with fresh_stack(settings.backend or "embedded", settings.state_dir, spec, progress) as stack:
        yield stack.status()


def fits(status: StackStatus, wish: Wish) -> bool:
    """Whether the stack has a gate and enough pods; the store is another matter."""
    return status.spec.gate and len(status.pods) >= (wish.pods or 1)


class _Exploring:
    """One exploration; each step ends before the next begins, so that Ctrl-C ends one step."""

    def __init__(
        self,
        wish: Wish,
        meeting: Meeting,
        status: StackStatus,
        seed: int,
        progress: Progress,
        runner: asyncio.Runner,
    ) -> None:
        self._wish = wish
        self._meeting = meeting
        self._status = status
        self._seed = seed
        self._progress = progress
        self._runner = runner
        if wish.kind is CaptchaType.HANDWRITING and "E" in meeting.requests:
            raise UsageProblem(
                f"{meeting}: an empty answer to a handwriting challenge is refused before Redis is asked",
                hint="R and W can be explored with --type handwriting",
            )
        if wish.mode is Mode.DIRECT and wish.preemptions is not None:
            raise UsageProblem("--mode direct knows no bound on preemptions", hint="--mode learned does")
        self._pods = [pod.name for pod in status.pods][: wish.pods or len(meeting.requests)]
        self._casts: list[tuple[Participant, ...]] = meeting.cast(pods=len(self._pods))
        self._can_restart = status.backend == "embedded"
        if wish.mode is Mode.DIRECT and "P" in meeting.events and not self._can_restart:
            raise UsageProblem(f"--mode direct: {NO_RESTART}", hint="--mode learned, or --backend embedded")
        self._remote = runner.run(_remote(status, wish))
        self._begun = time.monotonic()
        self._told_at = 0.0
        self._why: str | None = None
        self._stages: dict[str, float] = {}

    def run(self, folder: Run) -> Exploration:
        """Everything; the scenarios go into ``folder``."""
        try:
            stage = self._runner.run(self._prepare())
            self._begun = time.monotonic()
            deadline = None if self._wish.budget_seconds is None else self._begun + self._wish.budget_seconds
            collected = Collected(Budget(self._wish.budget_traces, deadline), time.monotonic, self._tell)
            learner = Learner(stage, self._remote, LearnedScripts(known_scripts()), self._progress)
            if self._wish.mode is Mode.DIRECT:
                self._timed("search", lambda: self._search_directly(stage, collected))
                suspects = self._timed("shrink", lambda: self._shrink_directly(stage, collected))
            else:
                self._timed("search", lambda: self._search_learned(learner, collected))
                suspects = self._timed("shrink", lambda: self._shrink_learned(learner, collected))
            seconds = time.monotonic() - self._begun
            violations = self._timed("confirm", lambda: self._confirm(suspects, stage, folder))
        finally:
            self._runner.run(self._remote.aclose())
        return self._result(collected, violations, seconds, folder)

    async def _prepare(self) -> Stage:
        """The stage; and each pod has connected, and loaded its scripts, before anything is counted."""
        if rules := await self._remote.rules():
            raise EnvironmentProblem(
                f"the gate has rules in force, which would disturb every order: {', '.join(rules)}",
                hint="devenv gate reset",
            )
        if self._status.spec.service is None:
            stage = await build_stage(self._status, self._pods, self._wish.kind, self._seed, time.time())
        else:
            answers = list(dict.fromkeys(cast.answer for cast in self._casts[0] if cast.answer is not None))
            stage = await own_stage(self._status, self._pods, answers, self._seed)
        alone = next(cast for cast in self._casts[0] if cast.answer is not None)
        for pod in stage.pods:
            job = job_of(replace(stage, pods=(pod,)), [alone], ())
            await self._remote.scheduled([job] * 2)
        return stage

    def _search_learned(self, learner: Learner, collected: Collected) -> None:
        """One cast after the other."""

        def work() -> None:
            random = Random(self._seed)
            for number, cast in enumerate(self._casts):
                began = time.monotonic()
                try:
                    system = self._runner.run(learner.learn(cast, collected.in_time))
                finally:
                    self._stages["learn"] = self._stages.get("learn", 0.0) + time.monotonic() - began
                collected.source = number
                learned.search(system, self._wish, collected, random)

        self._until_stopped(work, collected)
        if self._wish.mode is Mode.RANDOM:
            self._why = self._why or "orders were tried by chance"
        elif (most := self._wish.preemptions) is not None:
            self._why = (
                self._why or f"only orders with at most {most} preemption{'s' * (most != 1)} were tried"
            )

    def _search_directly(self, stage: Stage, collected: Collected) -> None:
        def work() -> None:
            for number, cast in enumerate(self._casts):
                collected.source = number
                self._runner.run(direct.search(stage, cast, self._remote, collected))

        self._until_stopped(work, collected)
        self._why = self._why or collected.remark

    def _until_stopped(self, work: Callable[[], None], collected: Collected) -> None:
        """Whatever ends the search early, what was found until then stays."""
        try:
            work()
        except Stopped:
            self._why = "the budget was used up"
        except KeyboardInterrupt:
            self._why = INTERRUPTED
            self._progress("interrupted: the search ends here (Ctrl-C again: what follows it, too)")
        except Inconclusive as problem:
            if not collected.traces:
                raise
            self._why = problem.message

    def _shrink_learned(self, learner: Learner, collected: Collected) -> list[Suspect]:
        def learn(part: tuple[Participant, ...]) -> LearnedSystem:
            return self._runner.run(learner.learn(part))

        return self._unless_interrupted(lambda: learned.shrink(self._casts, collected, learn), collected)

    def _shrink_directly(self, stage: Stage, collected: Collected) -> list[Suspect]:
        return self._unless_interrupted(
            lambda: self._runner.run(direct.shrink(stage, self._casts, self._remote, collected)), collected
        )

    def _unless_interrupted(self, shrink: Callable[[], list[Suspect]], collected: Collected) -> list[Suspect]:
        """Ctrl-C ends the shrinking only; the violations are then shown as they were met."""
        try:
            if collected.kinds:
                self._progress(f"{collected.traces} traces; looking for the shortest order of each kind")
            return shrink()
        except KeyboardInterrupt:
            self._why = self._why or INTERRUPTED
            return [Suspect.of(met, self._casts) for met in collected.kinds.values()]

    def _confirm(self, suspects: list[Suspect], stage: Stage, folder: Run) -> tuple[FoundViolation, ...]:
        """Run each on the real stack. Ctrl-C ends that: what was not run is shown as not confirmed."""
        # Small ones first; what the search met first may depend, with lanes, on how fast the pods were.
        ordered = sorted(
            suspects,
            key=lambda one_suspect: (len(one_suspect.cast), len(one_suspect.run), one_suspect.finding.kind),
        )
        found: list[FoundViolation] = []
        try:
            for suspect in ordered:
                found.append(self._confirmed(suspect, stage, folder))
        except KeyboardInterrupt:
            found += [unconfirmed(suspect, INTERRUPTED) for suspect in ordered[len(found) :]]
        return tuple(found)

    def _confirmed(self, suspect: Suspect, stage: Stage, folder: Run) -> FoundViolation:
        self._progress(f"confirming {suspect.finding.kind} on real pods")
        if not self._can_restart and any(item.letter == "P" for item in suspect.cast):
            return unconfirmed(suspect, f"{NO_RESTART}; --backend embedded can")
        try:
            violation, outcome = self._runner.run(confirm(suspect, stage, self._remote, self._wish.replays))
        except Inconclusive as problem:
            return unconfirmed(suspect, problem.message)
        if not violation.confirmed:
            return violation
        text = scenario_text(violation, suspect.cast, outcome, self._wish.strategy, stage)
        path = folder.write_text(f"{violation.kind}.yaml", text)
        command = f"devenv replay {_shown_path(path)} --strategy {self._wish.strategy}"
        return replace(violation, scenario_file=str(path), reproduce=command)

    def _result(
        self, collected: Collected, violations: tuple[FoundViolation, ...], seconds: float, folder: Run
    ) -> Exploration:
        wish = self._wish
        mode = str(wish.mode) if wish.preemptions is None else f"{wish.mode}, {wish.preemptions} preemptions"
        service = self._status.spec.service
        return Exploration(
            scenario=str(self._meeting),
            strategy=wish.strategy,
            mode=mode,
            complete=self._why is None,
            traces=collected.traces,
            blocked=collected.blocked,
            violations=violations,
            requests=self._remote.requests,
            seconds=seconds,
            outcomes=len(collected.outcomes),
            incomplete=self._why,
            stages=self._stages,
            run_id=folder.id,
            engine=f"{self._status.redis_engine} {self._status.redis_version}",
            challenge=str(wish.kind) if service is None else service.profile.name,
            service=None if service is None else service.title,
        )

    def _timed(self, stage: str, work: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return work()
        finally:
            self._stages[stage] = time.monotonic() - began

    def _tell(self, collected: Collected) -> None:
        now = time.monotonic()
        if now - self._told_at < TELL_EVERY:
            return
        self._told_at = now
        rate = collected.traces / max(now - self._begun, 1e-9)
        kinds = ", ".join(f"{kind} {met.count}" for kind, met in collected.kinds.items()) or "none"
        self._progress(f"{collected.traces} traces, {rate:.0f}/s, violations: {kinds}")


async def _remote(status: StackStatus, wish: Wish) -> Remote:
    if not status.spec.gate:
        raise EnvironmentProblem("the stack has no gate, so nothing can be held", hint="devenv up -d")
    return Remote(status.endpoints.control, wish.lanes)


def _shown_path(path: Path) -> str:
    try:
        shown = str(path.relative_to(Path.cwd()))
    except ValueError:
        shown = str(path)
    return f'"{shown}"' if " " in shown else shown
