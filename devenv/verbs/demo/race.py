"""The demo's race: two answers whose Redis commands cross in a given order, and what an empty one then gets.

The order is that of a scenario of the catalogue, followed exactly on the running pods through the gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from devenv.core.model.events import HistoryEvent
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.vocabulary import Answer, Outcome, Strategy
from devenv.core.render.sequence import SequenceMessage
from devenv.core.scenario import Redis, Scenario, Verify, parse
from devenv.harness.client.recording import Recording
from devenv.harness.runs.journal import JournaledStack
from devenv.harness.runs.trace import TraceCollector
from devenv.verbs.explain.explanation import Explanation, Group, explain_trace
from devenv.verbs.explain.redis_arrows import with_commands
from devenv.verbs.replay.observed import Observed
from devenv.verbs.replay.replayer import Replayer
from devenv.verbs.replay.result import ReplayResult

SCENARIO = "empty-bypass"
REPEAT = 5


@dataclass(frozen=True, slots=True)
class Race:
    """A scenario's race, played several times with one store."""

    scenario: str
    repeat: int
    """How often it was played."""
    identical: bool
    """Whether it went the same way each time."""
    empty_passed: int
    """How often the empty answer passed."""
    schedule: str
    """The order of the Redis commands that was run, in its text form."""
    findings: tuple[Group, ...]
    """What went wrong by the trace, grouped by cause."""
    picture: tuple[SequenceMessage, ...]
    """The first play."""
    surprises: tuple[str, ...]
    """What was not as expected, a sentence each."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict, as ``acts[].race`` of ``devenv demo --json``."""
        return {
            "scenario": self.scenario,
            "repeat": self.repeat,
            "identical": self.identical,
            "empty_passed": self.empty_passed,
            "schedule": self.schedule,
            "findings": [group.to_json() for group in self.findings],
        }


@cache
def race_scenario() -> Scenario:
    """The scenario, read by itself: parsing the whole catalogue for it would take longer than the race."""
    name = f"{SCENARIO}.yaml"
    text = files("devenv").joinpath("scenarios", "catalog", name).read_text(encoding="utf-8")
    return parse(text, name)


def run_race(
    stack: JournaledStack, strategy: Strategy, recording: Recording, *, repeat: int = REPEAT, seed: int = 0
) -> Race:
    """Play the race on the running pods, which have this store and the variables ``RACE_ENV``.

    What was observed is added to ``recording``. Not inside a running event loop. Raises EnvironmentProblem
    where the stack stops answering or the pods go around the gate.
    """
    scenario = race_scenario()
    with Replayer(stack, seed=seed) as replayer:
        collector = TraceCollector(stack)
        results = [replayer.run(scenario, strategy)]
        first = collector.trace(results[0].recording.request_ids)
        for _ in range(1, repeat):
            results.append(replayer.run(scenario, strategy))
            collector.gather()
        ids = [request for result in results for request in result.recording.request_ids]
        explanation = explain_trace(collector.trace(ids), f"{scenario.id} with the {strategy} store")
    history: list[HistoryEvent] = [event for result in results for event in result.recording.history]
    recording.history += history
    recording.request_ids += ids
    played = _together(results)
    return Race(
        scenario=scenario.id,
        repeat=repeat,
        identical=played.identical,
        empty_passed=sum(_empty_passed(scenario, play) for play in played.plays),
        schedule=" ".join(played.schedules),
        findings=explanation.groups,
        picture=tuple(with_commands(_messages(scenario, results[0]), first, crossing=True)),
        surprises=tuple(surprises(played, explanation)),
    )


def surprises(result: ReplayResult, explanation: Explanation) -> list[str]:
    """What is not as the scenario and its diagnosis must be with this store, a sentence each."""
    unexpected = list(
        dict.fromkeys(f"{deviation.do}: {deviation.sentence}" for deviation in result.deviations)
    )
    unexpected += [f"its order was not met: {reason}" for reason in result.orders_not_met]
    unexpected += result.idle_rules
    if not result.identical:
        unexpected.append("it did not go the same way each time")
    causes = [group.cause for group in explanation.groups]
    if result.bug and result.scenario.cause not in causes:
        unexpected.append(f"its trace does not show {result.scenario.cause}: {explanation.verdict}")
    if not result.bug and causes:
        unexpected.append(f"its trace shows something wrong: {explanation.verdict}")
    return unexpected


def _together(results: Sequence[ReplayResult]) -> ReplayResult:
    """Several plays as one result."""
    plays = tuple(play for result in results for play in result.plays)
    seconds = tuple(second for result in results for second in result.seconds)
    first = results[0]
    return ReplayResult(first.scenario, first.strategy, plays, seconds, first.recording)


def _empty_passed(scenario: Scenario, play: Sequence[Observed]) -> bool:
    """Whether an answer without any selection was answered with success."""
    steps = scenario.steps
    return any(
        isinstance(step, Verify)
        and step.answer is Answer.EMPTY
        and one.shown.get("outcome") == Outcome.SUCCESS
        for step, one in ((steps[one.number - 1], one) for one in play)
    )


def _messages(scenario: Scenario, result: ReplayResult) -> list[SequenceMessage]:
    """The client's messages, and what lay in Redis before the last of its requests.

    An empty answer's success is drawn as the failure that it is; where it is refused, the refusal is drawn as
    a plain reply.
    """
    messages = [_without_kind(message) for message in result.recording.messages]
    if _empty_passed(scenario, result.plays[0]):
        messages[-1] = replace(messages[-1], kind="failed")
    elif not result.deviations:
        messages = [
            replace(one_message, kind="reply") if one_message.kind == "failed" else one_message
            for one_message in messages
        ]
    looks = [one for one in result.plays[0] if isinstance(scenario.steps[one.number - 1], Redis)]
    asked = [index for index, message in enumerate(messages) if message.source == "client"]
    if not looks or not asked:
        return messages
    last = asked[-1]
    note = SequenceMessage(messages[last].time, "redis", "redis", key_contents(looks[-1].shown), "note")
    return [*messages[:last], note, *messages[last:]]


def _without_kind(message: SequenceMessage) -> SequenceMessage:
    """All is about one captcha type, so no verify has to name that: the picture is wide."""
    kind = next(iter(CAPTCHA.kinds))
    return replace(message, label=message.label.replace(f"verify {kind} ", "verify "))


def key_contents(shown: Mapping[str, Any]) -> str:
    """What a look at a key found, in short: what the document holds, and whether it ever expires."""
    if not shown.get("exists"):
        return "no key any more"
    fields, attempts = list(shown.get("fields") or ()), shown.get("attempts")
    document = f'{{"attempts": {attempts}}}' if fields == ["attempts"] else ", ".join(fields) or "a key"
    return f"{document}, {'with a TTL' if shown.get('has_ttl') else 'no TTL'}"
