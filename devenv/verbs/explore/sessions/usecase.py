"""``devenv explore`` on a service with ``[session]``: a stack, the search, and what is kept of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from devenv.core.model.errors import DevenvError, EnvironmentProblem, Inconclusive, UsageProblem
from devenv.core.model.service import ServiceSpec
from devenv.core.model.session_profile import AS_IS
from devenv.core.model.topology import StackSpec, StackStatus
from devenv.core.serializability.meeting import SessionMeeting, parse_session_meeting
from devenv.core.serializability.orders import Path
from devenv.harness.config.settings import Settings
from devenv.harness.runs.folders import RESULTS, SCHEDULE, Run, open_run
from devenv.stack.protocol import Progress
from devenv.verbs.explore.executor_client import TIMEOUT_SECONDS
from devenv.verbs.explore.kept import ShownOrder, keep
from devenv.verbs.explore.result import shown_path
from devenv.verbs.explore.sessions.page import document
from devenv.verbs.explore.sessions.result import FoundViolation, SessionExploration, Tally
from devenv.verbs.explore.sessions.scenario import session_scenario
from devenv.verbs.explore.sessions.search import SessionRemote, SessionSearch
from devenv.verbs.operate.select import fresh_stack, running_stack
from devenv.verbs.replay.again import command, stack_options
from devenv.wire.control.client import ControlClient
from devenv.wire.executor.jobs import RULE_PREFIX


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What is explored: expressions, each with the service as it is or with a fix."""

    expressions: tuple[str, ...]
    fix: str = AS_IS
    most_runs: int | None = None
    """None: until it is complete."""
    seconds: float | None = None
    """None: until it is complete."""
    pods: int | None = None
    """None: one for each request."""
    replays: int = 3
    """How often each violation's order is run again."""
    beside_others: bool = False
    """Whether an expression that cannot be explored is a result too, so that those of others are kept."""


def explore_session(
    options: SessionOptions, settings: Settings, progress: Progress
) -> Iterator[SessionExploration]:
    """Explore each expression on one stack; each result as soon as it is there.

    Raises UsageProblem for an expression or a fix that there is not; and unless the options say
    ``beside_others``, EnvironmentProblem where the service does not start or sends Redis nothing, and
    Inconclusive where nothing could be compared.
    """
    service = settings.service
    if service is None or service.session is None:
        raise UsageProblem("devenv.toml has no [session]", hint="docs/exploration.md")
    meetings = [parse_session_meeting(text, service.session) for text in options.expressions]
    needed = max(len(meeting.members) for meeting in meetings)
    if options.pods is not None and options.pods < needed:
        raise UsageProblem(
            f"--pods {options.pods}: each request needs a pod of its own, {needed} of them",
            hint="a command is known by the pod that sent it",
        )
    fixed, done = service.fixed(options.fix), 0

    def not_explored(meeting: SessionMeeting, problem: DevenvError) -> SessionExploration:
        if not options.beside_others:
            raise problem
        return SessionExploration.not_explored(str(meeting), fixed.title, options.fix, problem)

    try:
        with _stack(fixed, settings, options.pods or max(2, needed), progress) as status:
            for meeting in meetings:
                try:
                    result = _explore(meeting, status, options, settings, progress)
                except (EnvironmentProblem, Inconclusive) as problem:
                    result = not_explored(meeting, problem)
                done += 1
                yield result
    except EnvironmentProblem as problem:  # the stack did not start
        for meeting in meetings[done:]:
            yield not_explored(meeting, problem)


@contextmanager
def _stack(service: ServiceSpec, settings: Settings, pods: int, progress: Progress) -> Iterator[StackStatus]:
    """The stack that runs where it is this service's and has the pods, else one of its own."""
    mode = replace(settings, service=service).stack_spec().redis_mode
    running = _running(service, settings, pods)
    if running is not None and running.spec.redis_mode is mode:
        progress("on the stack that runs")
        yield running
        return
    spec = StackSpec(pods=pods, use_redis=True, seed=settings.seed, service=service, redis_mode=mode)
    backend = settings.backend or "embedded"
    with fresh_stack(backend, settings.state_dir, spec, progress, cold=settings.cold) as stack:
        yield stack.status()


def _running(service: ServiceSpec, settings: Settings, pods: int) -> StackStatus | None:
    """The stack that runs, where its pods are started as ``service`` says; None where there is no such one.

    A status has no values of variables. Pods of one service that differ in them only differ as two fixes do,
    so a service with a fix gets a stack of its own, as its variables have other values than devenv.toml's.
    """
    try:
        status = running_stack(settings.backend, settings.state_dir).status()
    except DevenvError:
        return None
    spec = status.spec
    known = settings.service == service
    in_redis = spec.use_redis or service.always_redis
    fits = spec.gate and in_redis and spec.workers == 1 and len(status.pods) >= pods
    changed = status.backend == "embedded" and (spec.env or spec.pod_env)
    if not known or not fits or changed:
        return None
    return status if spec.service is not None and spec.service.public() == service.public() else None


def _explore(
    meeting: SessionMeeting, status: StackStatus, options: SessionOptions, settings: Settings,
    progress: Progress,
) -> SessionExploration:  # fmt: skip
    service = settings.service  # the stack's status has no bodies, headers and variables: they may be secret
    assert service is not None and service.session is not None
    began = time.monotonic()
    run = open_run(settings.state_dir, f"explore-{options.fix}-{meeting}", time.time())
    try:
        with ControlClient(status.endpoints.control, TIMEOUT_SECONDS) as control:
            _check_rules(control)
            search = SessionSearch(
                SessionRemote(control), service.session, service.profile.headers, meeting,
                [pod.name for pod in status.pods][: len(meeting.members)], progress,
                None if options.seconds is None else began + options.seconds, options.most_runs,
            )  # fmt: skip
            search.run()
            result = _result(search, options, status, service, run, began)
    except BaseException:
        run.discard_empty()
        raise
    run.write_json(RESULTS, result.to_json())
    run.write_text(SCHEDULE, "".join(f"{item.kind}: {item.order}\n" for item in result.violations))
    orders = [ShownOrder(item.kind, item.order, search.records[item.kind]) for item in result.violations]
    keep(run, status, orders, document(result))
    return result


def _check_rules(control: ControlClient) -> None:
    rules = [rule["id"] for rule in control.rules() if not rule["id"].startswith(RULE_PREFIX)]
    if rules:
        raise EnvironmentProblem(
            f"the gate has rules in force, which would disturb every order: {', '.join(rules)}",
            hint="devenv gate reset",
        )


def _written(
    violation: FoundViolation, path: Path, search: SessionSearch, status: StackStatus,
    fix: str, run: Run,
) -> FoundViolation:  # fmt: skip
    """The violation with a scenario that ``replay`` follows."""
    if not violation.confirmed:
        return violation
    text = session_scenario(violation, search.oracle, path, search.cookies, fix)
    written = run.write_text(f"{violation.kind}.yaml", text)
    options = stack_options(status.spec, status.backend, status.spec.seed)
    reproduce = command("devenv", "replay", shown_path(written), *options)
    return replace(violation, scenario_file=str(written), reproduce=reproduce)


def _result(
    search: SessionSearch, options: SessionOptions, status: StackStatus, service: ServiceSpec, run: Run,
    began: float,
) -> SessionExploration:  # fmt: skip
    violations = search.confirmed(options.replays)
    counts = search.counts().values()
    names = search.meeting.names
    notes = [
        f"{names[member]} waited for a lock and did not give up: what it does when it gives up is not known"
        for member in sorted(search.endless)
    ]
    return SessionExploration(
        scenario=str(search.meeting),
        service=service.fixed(options.fix).title,
        fix=options.fix,
        complete=search.incomplete is None,
        incomplete=search.incomplete,
        unclear=search.unclear(),
        orders=len(counts),
        together=sum(count.together for count in counts),
        runs=len(search.runs),
        outcomes=len({search.oracle.seen(end) for _, end in search.runs}),
        refused=Tally(sum(count.refused for count in counts), len(counts)),
        violations=tuple(
            _written(violation, path, search, status, options.fix, run) for violation, path in violations
        ),
        masked=search.oracle.masks.described(),
        notes=tuple(notes),
        requests=search.remote.requests,
        seconds=time.monotonic() - began,
        engine=f"{status.redis_engine} {status.redis_version}",
        run_id=run.id,
    )
