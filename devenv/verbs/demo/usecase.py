"""``devenv demo``: the acts on a stack of their own, and what is kept of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from devenv.core.model.errors import UsageProblem
from devenv.core.model.events import StackEvent, TraceEvent
from devenv.core.model.topology import RedisMode, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.render.html import render
from devenv.core.render.sequence import draw_mermaid
from devenv.harness.config.settings import Settings
from devenv.harness.runs.folders import HISTORY, RESULTS, SCHEDULE, TRACE, open_run
from devenv.harness.runs.trace import TraceCollector, event_time, trace_lines
from devenv.stack.protocol import Progress
from devenv.verbs.demo import acts as demo
from devenv.verbs.demo.kept_logs import kept_logs
from devenv.verbs.demo.race import race_settings
from devenv.verbs.demo.report import document
from devenv.verbs.explain.explanation import Explanation, explain_trace
from devenv.verbs.explain.records import for_report
from devenv.verbs.explain.report import sections
from devenv.verbs.operate.select import fresh_stack
from devenv.verbs.replay.again import command as again
from devenv.verbs.replay.again import stack_options

REPORT = "report.html"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """A demo with the folder that keeps it."""

    story: demo.Story
    run_id: str
    report: Path
    command: str
    explanation: Explanation | None
    """Of the acts that did not go as expected."""


def run_demo(
    settings: Settings,
    *,
    trials: int,
    strategy: Strategy,
    observer: demo.Observer,
    progress: Progress,
    clock: Callable[[], float] = time.time,
) -> DemoResult:
    """Start a fresh stack, run the acts on it, end the stack, write the run folder with its report.

    ``clock`` gives seconds since the epoch. Raises UsageProblem with fewer than two pods.
    """
    started = time.monotonic()
    if settings.pods < 2:
        raise UsageProblem("the demo needs at least two pods", hint="leave DEVENV_PODS out, or set it to 2")
    backend = settings.backend or "embedded"
    spec = settings.stack_spec()
    env = {**spec.env, **race_settings()}
    if spec.redis_mode is RedisMode.CLUSTER:  # the guide's own client is a plain one: another subject
        env.setdefault("REDIS_CLUSTER", "true")
    spec = replace(spec, use_redis=False, strategy=strategy, workers=1, env=env)
    run = open_run(settings.state_dir, "demo", clock())
    with (
        fresh_stack(backend, settings.state_dir, spec, progress, cold=settings.cold) as stack,
        kept_logs(stack, run),
    ):
        collector = TraceCollector(stack, clock)
        story = demo.run_acts(
            stack,
            trials=trials,
            strategy=strategy,
            seed=settings.seed,
            observer=observer,
            progress=progress,
            started=started,
        )
        requests = frozenset(story.recording.request_ids)
        trace = collector.trace(requests)
    run.write_lines(TRACE, trace_lines(trace))
    explanation = explain_surprises(story, trace, run.id)
    command = _command(story, spec, strategy)
    run.write_json(RESULTS, story.to_json() | {"run": run.id, "command": command})
    run.write_lines(HISTORY, (event.to_json() for event in story.recording.history))
    run.write_text(SCHEDULE, "".join(f"{schedule}\n" for schedule in story.schedules))
    run.write_text("sequence.mmd", draw_mermaid([message for act in story.acts for message in act.picture]))
    page = replace(document(story, settings.language, command), events=for_report(trace))
    if explanation is not None:
        page = replace(page, sections=(*page.sections, *sections(explanation)))
    return DemoResult(story, run.id, run.write_text(REPORT, render(page)), command, explanation)


def explain_surprises(
    story: demo.Story, trace: Sequence[TraceEvent], run_id: str | None = None
) -> Explanation | None:
    """Explain the acts that did not go as expected; None where all did, as the bugs of the others are meant.

    The settings of the pods are taken from before those acts, too.
    """
    began, spans = float("-inf"), []
    for act in story.acts:
        if act.surprises:
            spans.append((began, act.ended))
        began = act.ended
    if not spans:
        return None
    last = spans[-1][1]
    shown = [
        item
        for item in trace
        if any(start < event_time(item) <= end for start, end in spans)
        or (isinstance(item, StackEvent) and event_time(item) <= last)
    ]
    return explain_trace(shown, "what did not go as expected", run_id)


def _command(story: demo.Story, spec: StackSpec, strategy: Strategy) -> str:
    """The command that runs the same again: only what is not the default."""
    words = ["devenv", "demo"]
    for flag, value, usual in (
        ("--trials", str(story.trials), str(demo.DEFAULT_TRIALS)),
        ("--strategy", str(strategy), str(demo.FIRST_FIX)),
    ):
        if value != usual:
            words += [flag, value]
    return again(*words, *stack_options(spec, story.backend, story.seed))
