"""``devenv demo`` on somebody's own service: sessions used on another pod and on their own, with the cause.

No right answer is needed: whether a session is known can be told from any answer. A service that can keep its
sessions in Redis is tried without and with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import StackStatus
from devenv.core.model.verdict import passes
from devenv.core.model.vocabulary import Answer, Outcome, Strategy
from devenv.core.render import Cell, Document, Section, Table, render
from devenv.core.render.sequence import SequenceMessage, draw_mermaid
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.cross_pod import Tally, telling_answer
from devenv.harness.client.exchanges import Challenge
from devenv.harness.client.recording import Recording
from devenv.harness.config.settings import Settings
from devenv.harness.runs.store import HISTORY, RESULTS, TRACE, open_run
from devenv.harness.runs.trace import TraceCollector, trace_lines
from devenv.stack.protocol import Progress
from devenv.verbs.explain.explanation import Explanation, explain_trace
from devenv.verbs.explain.report import document, sections
from devenv.verbs.operate.select import fresh_stack
from devenv.verbs.operate.toggle import toggle

REPORT = "report.html"


class OwnVerdict(StrEnum):
    """``HOLDS``: shown, and Redis, where the service has it, keeps every session. ``FAILS``: with Redis
    sessions are lost all the same. ``UNCLEAR``: answers that the profile does not know.
    """

    HOLDS = "holds"
    FAILS = "fails"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class KindTrials:
    """The trials of one kind of session: used on the next pod, and on the pod that opened it."""

    crossing: Tally
    staying: Tally

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"crossing": self.crossing.to_json(), "staying": self.staying.to_json()}


@dataclass(frozen=True, slots=True)
class OwnAct:
    """One setting: ``use_redis`` None where the service has no such switch. ``picture``: one crossing.

    ``setting``: the variables that are its switch, in words.
    """

    use_redis: bool | None
    setting: str
    trials: Mapping[str, KindTrials]
    picture: tuple[SequenceMessage, ...]
    explanation: Explanation

    @property
    def lost(self) -> int:
        """How many sessions were not found."""
        return sum(trial.crossing.not_found + trial.staying.not_found for trial in self.trials.values())

    @property
    def unclear(self) -> int:
        """How many answers were none that the profile knows."""
        return sum(trial.crossing.error + trial.staying.error for trial in self.trials.values())

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "use_redis": self.use_redis,
            "setting": self.setting,
            "trials": {name: item.to_json() for name, item in self.trials.items()},
            "lost": self.lost,
            "unclear": self.unclear,
            "findings": [group.to_json() for group in self.explanation.groups],
        }


@dataclass(frozen=True, slots=True)
class OwnStory:
    """What became of the service; ``title`` is what was started."""

    title: str
    preset: str
    pods: tuple[str, ...]
    acts: tuple[OwnAct, ...]
    seconds: float
    run: str
    report: Path

    @property
    def verdict(self) -> OwnVerdict:
        """See ``OwnVerdict``."""
        if any(act.unclear for act in self.acts):
            return OwnVerdict.UNCLEAR
        lost = sum(act.lost for act in self.acts if act.use_redis)
        return OwnVerdict.HOLDS if passes(checked=len(self.acts), failures=lost) else OwnVerdict.FAILS

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        if self.verdict is OwnVerdict.UNCLEAR:
            return "some answers are neither not-found nor success nor wrong: the profile does not fit yet"
        first, *others = self.acts
        shown = "the bug is there" if first.lost else "no session was lost"
        if not others:
            return f"{shown}: {first.lost} sessions were not found"
        if self.verdict is OwnVerdict.FAILS:
            return f"{shown}, and with Redis {others[0].lost} sessions were lost all the same"
        return f"{shown}: {first.lost} sessions were not found without Redis, none was lost with it"

    def to_json(self) -> dict[str, Any]:
        """A plain dict, as ``devenv demo --json`` prints it."""
        return {
            "kind": "own-service",
            "service": self.title,
            "preset": self.preset,
            "pods": list(self.pods),
            "acts": [act.to_json() for act in self.acts],
            "verdict": str(self.verdict),
            "sentence": self.sentence,
            "seconds": round(self.seconds, 2),
            "run": self.run,
            "report": str(self.report.resolve()),
        }


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

    ``trials`` per kind of session and way. Raises UsageProblem with fewer than two pods.
    """
    began = time.monotonic()
    if settings.pods < 2:
        raise UsageProblem("the trial needs at least two pods", hint="leave DEVENV_PODS out, or set it to 2")
    spec = replace(settings.stack_spec(), use_redis=False, strategy=Strategy.ATOMIC, service=service)
    run = open_run(settings.state_dir, "demo-own", clock())
    recording = Recording()
    acts: list[OwnAct] = []
    with fresh_stack(settings.backend or "embedded", settings.state_dir, spec, progress) as stack:
        collector = TraceCollector(stack, clock)
        for use_redis in (False, True) if service.switchable else (None,):
            if use_redis:
                toggle(stack, True, progress=progress, clock=time.monotonic)
            of_act = TraceCollector(stack, clock)
            first = len(recording.messages), len(recording.request_ids)
            results = asyncio.run(_trials(stack.status(), recording, trials, settings.seed))
            trace = of_act.trace(recording.request_ids[first[1] :])
            setting = _setting(service, use_redis)
            explained = explain_trace(trace, setting, run.id)
            picture = tuple(recording.messages[first[0] : first[0] + 4])
            acts.append(OwnAct(use_redis, setting, results, picture, explained))
            act_ended(acts[-1])
        whole = collector.trace(recording.request_ids)
        pods = stack.status().spec.pod_names
    run.write_lines(TRACE, trace_lines(whole))
    run.write_lines(HISTORY, (event.to_json() for event in recording.history))
    run.write_text("sequence.mmd", draw_mermaid(recording.messages))
    explanation = explain_trace(whole, f"{service.title}, {len(pods)} pods", run.id)
    seconds = time.monotonic() - began
    report = run.folder / REPORT
    story = OwnStory(service.title, service.profile.name, pods, tuple(acts), seconds, run.id, report)
    run.write_text(REPORT, render(_report(story, explanation)))
    run.write_json(RESULTS, story.to_json())
    return story


def _report(story: OwnStory, explanation: Explanation) -> Document:
    """The explanation of the whole, with the verdict on all acts and what became of each before it."""
    page = document(explanation, f"{story.title} on {len(story.pods)} pods", "devenv demo")
    tried = tuple(_tried(act) for act in story.acts)
    causes = sections(explanation) or page.sections
    holds = story.verdict is OwnVerdict.HOLDS
    return replace(page, holds=holds, verdict=story.sentence, sections=(*tried, *causes))


def _tried(act: OwnAct) -> Section:
    rows = [
        (
            Cell(name),
            *(Cell(tally_words(item), "good" if item.known == item.trials else "bad") for item in both),
        )
        for name, both in ((name, (item.crossing, item.staying)) for name, item in act.trials.items())
    ]
    table = Table(("session", "used on another pod", "used on the same pod"), tuple(rows))
    return Section(title=act.setting, label="tried", good=not (act.lost or act.unclear), tables=(table,))


def tally_words(tally: Tally) -> str:
    """How often a session was known, and what else was said."""
    words = [f"{tally.known} of {tally.trials} known"] if tally.known or not tally.trials else []
    words += [f"{tally.not_found} × not found"] if tally.not_found else []
    words += [f"{tally.error} × an answer that nobody knows"] if tally.error else []
    return ", ".join(words)


def _setting(service: ServiceSpec, use_redis: bool | None) -> str:
    switched = service.redis_on if use_redis else service.redis_off
    return " ".join(f"{name}={value}" for name, value in switched.items()) or "as it is"


async def _trials(
    status: StackStatus, recording: Recording, trials: int, seed: int
) -> Mapping[str, KindTrials]:
    pods = status.spec.pod_names
    profile = status.spec.profile
    at_once = status.spec.workers > 1
    results: dict[str, KindTrials] = {}
    async with CaptchaClient(status.endpoints, seed=seed, recording=recording, profile=profile) as client:
        for name, kind in profile.kinds.items():
            answer = telling_answer(kind)
            results[name] = KindTrials(
                await _tally(client, name, answer, pods, trials, shift=1, at_once=at_once),
                await _tally(client, name, answer, pods, trials, shift=0, at_once=at_once),
            )
    return results


async def _tally(
    client: CaptchaClient,
    kind: str,
    answer: Answer,
    pods: Sequence[str],
    trials: int,
    *,
    shift: int,
    at_once: bool,
) -> Tally:
    """``trials`` sessions, each used on the pod ``shift`` places after the one that opened it.

    ``at_once``: all are opened at the same time, then all are used. One after the other they would go over
    one kept-alive connection to a pod, which hides its other worker processes.
    """

    async def use(number: int, opened: Challenge) -> Outcome:
        used_on = pods[(number + shift) % len(pods)]
        submission = await client.answers.to(opened, answer)
        return (await client.verify(opened, submission, used_on, answer=answer, process=number)).outcome

    async def open_one(number: int) -> Challenge:
        return await client.create(kind, pods[number % len(pods)], process=number)

    if at_once:
        opened = await asyncio.gather(*map(open_one, range(trials)))
        return Tally.of(await asyncio.gather(*map(use, range(trials), opened)))
    return Tally.of([await use(number, await open_one(number)) for number in range(trials)])
