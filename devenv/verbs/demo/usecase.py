"""``devenv demo``: the acts on a stack of their own, and what is kept of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.settings import Settings
from devenv.harness.runs.folders import open_run
from devenv.stack.protocol import Progress
from devenv.verbs.demo.kept_logs import kept_logs
from devenv.verbs.demo.setting import demo_spec
from devenv.verbs.operate.select import fresh_stack

if TYPE_CHECKING:
    from devenv.verbs.demo.acts import Observer
    from devenv.verbs.demo.kept import DemoResult


def run_demo(
    settings: Settings,
    *,
    trials: int,
    strategy: Strategy,
    observer: Callable[[], Observer],
    progress: Progress,
    clock: Callable[[], float] = time.time,
) -> DemoResult:
    """Start a fresh stack, run the acts on it, end the stack, write the run folder with its report.

    ``observer`` gives, when the stack is there, who is told of the acts; ``clock`` seconds since the epoch.
    Raises UsageProblem with fewer than two pods.
    """
    started = time.monotonic()
    spec = demo_spec(settings, strategy)
    run = open_run(settings.state_dir, "demo", clock())
    backend = settings.backend or "embedded"
    with (
        fresh_stack(backend, settings.state_dir, spec, progress, cold=settings.cold) as stack,
        kept_logs(stack, run),
    ):
        # Not before: the stack starts meanwhile (see devenv.cli.commands.demo.verb).
        from devenv.harness.runs.trace import TraceCollector
        from devenv.verbs.demo.acts import run_acts
        from devenv.verbs.demo.kept import keep

        collector = TraceCollector(stack, clock)
        story = run_acts(
            stack,
            trials=trials,
            strategy=strategy,
            seed=settings.seed,
            observer=observer(),
            progress=progress,
            started=started,
        )
        trace = collector.trace(frozenset(story.recording.request_ids))
    return keep(run, story, trace, spec, strategy, settings.language)
