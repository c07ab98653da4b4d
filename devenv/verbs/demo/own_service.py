"""``devenv demo`` on a user-provided service: sessions used on another pod and on their own, with the cause.

No right answer is needed: any answer shows whether a session is known. A service that can keep its
sessions in Redis is tried without and with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from devenv.core.model.errors import UsageProblem
from devenv.core.model.service import ServiceSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.render.document import Cell, Document, Section, Table
from devenv.core.render.html import render
from devenv.core.render.sequence import SequenceMessage, draw_mermaid
from devenv.harness.client.recording import Recording
from devenv.harness.config.settings import Settings
from devenv.harness.runs.folders import HISTORY, REPORT, RESULTS, TRACE, Run, open_run
from devenv.harness.runs.journal import JournaledStack
from devenv.harness.runs.shared_sessions import files_by_kind
from devenv.harness.runs.trace import TraceCollector, trace_lines
from devenv.stack.protocol import Progress
from devenv.verbs.demo.kept_logs import LOGS, kept_logs
from devenv.verbs.demo.own_story import OwnAct, OwnStory, OwnVerdict
from devenv.verbs.demo.own_trials import try_kinds
from devenv.verbs.explain.explanation import Explanation, explain_trace
from devenv.verbs.explain.report import document, sections
from devenv.verbs.operate.select import fresh_stack
from devenv.verbs.operate.toggle import toggle


def try_service(
    settings: Settings,
    service: ServiceSpec,
    *,
    trials: int,
    act_ended: Callable[[OwnAct], None],
    progress: Progress,
    clock: Callable[[], float] = time.time,
) -> OwnStory:
    """Start the service as pods of a fresh stack, try its sessions, end the stack, write a run folder.

    ``trials`` per kind of session and way. Raises UsageProblem with fewer than two pods, and for a service
    that names no kind of session.
    """
    began = time.monotonic()
    service.profile.kind(service.profile.first_kind)
    if settings.pods < 2:
        raise UsageProblem("the trial needs at least two pods", hint="leave DEVENV_PODS out, or set it to 2")
    spec = replace(settings.stack_spec(), use_redis=False, strategy=Strategy.ATOMIC, service=service)
    run = open_run(settings.state_dir, "demo-own", clock())
    recording = Recording()
    acts: list[OwnAct] = []
    with (
        fresh_stack(
            settings.backend or "embedded", settings.state_dir, spec, progress, cold=settings.cold
        ) as stack,
        kept_logs(stack, run),
    ):
        collector = TraceCollector(stack, clock)
        for use_redis in (False, True) if service.switchable else (None,):
            if use_redis:
                toggle(stack, True, progress=progress, clock=time.monotonic)
            acts.append(_act(stack, recording, use_redis, run, trials, settings, clock))
            act_ended(acts[-1])
        whole = collector.trace(recording.request_ids)
        pods = stack.status().spec.pod_names
    run.write_lines(TRACE, trace_lines(whole))
    run.write_lines(HISTORY, (event.to_json() for event in recording.history))
    run.write_text("sequence.mmd", draw_mermaid(recording.messages))
    explanation = explain_trace(whole, f"{service.title}, {len(pods)} pods", run.id)
    story = OwnStory(
        service.title, service.profile.name, pods, tuple(acts), time.monotonic() - began, run.id,
        run.folder / REPORT, run.folder / LOGS,
    )  # fmt: skip
    run.write_text(REPORT, render(_report(story, explanation)))
    run.write_json(RESULTS, story.to_json())
    return story


def _act(
    stack: JournaledStack,
    recording: Recording,
    use_redis: bool | None,
    run: Run,
    trials: int,
    settings: Settings,
    clock: Callable[[], float],
) -> OwnAct:
    """The trials of all kinds with the stack as it is."""
    collector, began = TraceCollector(stack, clock), time.time()
    messages, requests, history = len(recording.messages), len(recording.request_ids), len(recording.history)
    tried = asyncio.run(try_kinds(stack, recording, trials, settings.seed))
    trace = collector.trace(recording.request_ids[requests:])
    status = stack.status()
    service = status.spec.service
    assert service is not None
    files = files_by_kind(status, recording.history[history:], trace, began, settings.state_dir)
    tried = {name: replace(kind, shared=files.get(name, ())) for name, kind in tried.items()}
    setting = _setting(service, use_redis)
    picture = _first_use(recording.messages[messages:], service.profile.words[1])
    return OwnAct(use_redis, setting, tried, picture, explain_trace(trace, setting, run.id))


def _first_use(messages: Sequence[SequenceMessage], use: str) -> tuple[SequenceMessage, ...]:
    """The first session that was opened and used, else the first requests."""
    uses = (index for index, message in enumerate(messages) if message.label.startswith(f"{use} "))
    first = max(next(uses, 2) - 2, 0)
    return tuple(messages[first : first + 4])


def _report(story: OwnStory, explanation: Explanation) -> Document:
    """The explanation of the whole, with the verdicts and what became of each act before it."""
    page = document(explanation, f"{story.title} on {len(story.pods)} pods", "devenv demo")
    tried = tuple(_tried(act) for act in story.acts)
    causes = sections(explanation) or page.sections
    holds = story.verdict is OwnVerdict.HOLDS
    return replace(page, holds=holds, verdict=story.sentence, sections=(_verdicts(story), *tried, *causes))


def _verdicts(story: OwnStory) -> Section:
    rows = [
        (
            Cell(name),
            Cell(str(kind.verdict), "good" if kind.verdict is OwnVerdict.HOLDS else "bad"),
            Cell(kind.sentence),
        )
        for name, kind in story.kinds.items()
    ]
    table = Table(("session", "verdict", "why"), tuple(rows))
    good = story.verdict is OwnVerdict.HOLDS
    return Section(title="Each kind of session", label="verdicts", good=good, tables=(table,))


def _tried(act: OwnAct) -> Section:
    rows = [
        (
            Cell(name),
            *(
                Cell(text, "good" if good else "bad")
                for text, good in (act.cell(name, tally) for tally in (trials.crossing, trials.staying))
            ),
            Cell("; ".join(map(str, trials.unknown))),
        )
        for name, trials in act.trials.items()
    ]
    head = ("session", "used on another pod", "used on the same pod", "answers that are not known")
    table = Table(head, tuple(rows))
    good = not (act.lost or act.unclear or act.explanation.wrong)
    return Section(title=act.setting, label="tried", good=good, tables=(table,))


def _setting(service: ServiceSpec, use_redis: bool | None) -> str:
    switched = service.redis_on if use_redis else service.redis_off
    return " ".join(f"{name}={value}" for name, value in switched.items()) or "as it is"
