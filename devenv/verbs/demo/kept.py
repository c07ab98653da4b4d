"""What is kept of a demo: its run folder with the report, and why acts went otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from devenv.core.model.backends import Language
from devenv.core.model.events import StackEvent, TraceEvent
from devenv.core.model.topology import StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.render.html import render
from devenv.core.render.sequence import draw_mermaid
from devenv.harness.runs.folders import HISTORY, REPORT, RESULTS, SCHEDULE, TRACE, Run
from devenv.harness.runs.trace import event_time, trace_lines
from devenv.verbs.demo.acts import Story
from devenv.verbs.demo.report import document
from devenv.verbs.demo.setting import DEFAULT_TRIALS, FIRST_FIX
from devenv.verbs.explain.explanation import Explanation, explain_trace
from devenv.verbs.explain.records import for_report
from devenv.verbs.explain.report import sections
from devenv.verbs.replay.again import command as again
from devenv.verbs.replay.again import stack_options


@dataclass(frozen=True, slots=True)
class DemoResult:
    """A demo with the folder that keeps it."""

    story: Story
    run_id: str
    report: Path
    command: str
    explanation: Explanation | None
    """Of the acts that did not go as expected."""


def keep(
    run: Run,
    story: Story,
    trace: Sequence[TraceEvent],
    spec: StackSpec,
    strategy: Strategy,
    language: Language,
) -> DemoResult:
    """Write what was played on a stack of this ``spec`` into the run folder."""
    run.write_lines(TRACE, trace_lines(trace))
    explanation = explain_surprises(story, trace, run.id)
    command = _command(story, spec, strategy)
    run.write_json(RESULTS, story.to_json() | {"run": run.id, "command": command})
    run.write_lines(HISTORY, (event.to_json() for event in story.recording.history))
    run.write_text(SCHEDULE, "".join(f"{schedule}\n" for schedule in story.schedules))
    run.write_text("sequence.mmd", draw_mermaid([message for act in story.acts for message in act.picture]))
    page = replace(document(story, language, command), events=for_report(trace))
    if explanation is not None:
        page = replace(page, sections=(*page.sections, *sections(explanation)))
    return DemoResult(story, run.id, run.write_text(REPORT, render(page)), command, explanation)


def explain_surprises(
    story: Story, trace: Sequence[TraceEvent], run_id: str | None = None
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


def _command(story: Story, spec: StackSpec, strategy: Strategy) -> str:
    """The command that runs the same again: only what is not the default."""
    words = ["devenv", "demo"]
    for flag, value, usual in (
        ("--trials", str(story.trials), str(DEFAULT_TRIALS)),
        ("--strategy", str(strategy), str(FIRST_FIX)),
    ):
        if value != usual:
            words += [flag, value]
    return again(*words, *stack_options(spec, story.backend, story.seed))
