"""``devenv demo``: the story on a stack of its own, and what is kept of it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from devenv.core.errors import UsageProblem
from devenv.core.vocabulary import Strategy
from devenv.lab import demo
from devenv.lab.opening import fresh_stack
from devenv.lab.report import render
from devenv.lab.report.story import document
from devenv.lab.runs import HISTORY, RESULTS, TRACE, open_run
from devenv.lab.sequence import draw_mermaid
from devenv.lab.settings import Settings
from devenv.lab.trace import TraceCollector, trace_lines
from devenv.stack.protocol import Progress

REPORT = "report.html"


@dataclass(frozen=True, slots=True)
class Told:
    """A story with the folder that keeps it."""

    story: demo.Story
    run_id: str
    report: Path
    command: str


def tell_story(
    settings: Settings,
    *,
    trials: int,
    strategy: Strategy,
    audience: demo.Audience,
    progress: Progress,
    clock: Callable[[], float] = time.time,
) -> Told:
    """Start a fresh stack, tell the story on it, end the stack, write the run folder with its report.

    ``clock`` gives seconds since the epoch. Raises UsageProblem with fewer than two pods.
    """
    started = time.monotonic()
    if settings.pods < 2:
        raise UsageProblem("the story needs at least two pods", hint="leave DEVENV_PODS out, or set it to 2")
    backend = settings.backend or "embedded"
    spec = replace(settings.stack_spec(), use_redis=False, strategy=strategy, workers=1)
    run = open_run(settings.state_dir, "demo", clock())
    with fresh_stack(backend, settings.state_dir, spec, progress) as stack:
        collector = TraceCollector(stack, clock)
        story = demo.tell(
            stack,
            trials=trials,
            strategy=strategy,
            seed=settings.seed,
            audience=audience,
            progress=progress,
            started=started,
        )
        requests = frozenset(story.recording.request_ids)
        run.write_lines(TRACE, trace_lines(collector.trace(requests)))
    command = _command(story, strategy)
    run.write_json(RESULTS, story.to_json() | {"run": run.id, "command": command})
    run.write_lines(HISTORY, (event.to_json() for event in story.recording.history))
    run.write_text("sequence.mmd", draw_mermaid([message for act in story.acts for message in act.picture]))
    report = run.write_text(REPORT, render(document(story, settings.language, command)))
    return Told(story, run.id, report, command)


def _command(story: demo.Story, strategy: Strategy) -> str:
    """What to type to see the same again: only what is not the default."""
    words = ["devenv", "demo"]
    for flag, value, usual in (
        ("--trials", str(story.trials), str(demo.DEFAULT_TRIALS)),
        ("--strategy", str(strategy), str(Strategy.ATOMIC)),
        ("--seed", str(story.seed), "1"),
        ("--backend", story.backend, "embedded"),
    ):
        if value != usual:
            words += [flag, value]
    return shlex.join(words)
