"""Verifies that overlap: sent all at once, or with their Redis commands in a given order."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from glob import escape
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.schedule import Event, Schedule
from devenv.core.model.session_profile import ASK
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import Request as AnyRequest
from devenv.core.scenario import Scenario, Together, Verify
from devenv.core.scenario.ordering import Exactly, Order, events_of, requests_of
from devenv.core.serializability.ends import End, HttpAnswer
from devenv.core.serializability.masks import Masks
from devenv.core.serializability.oracle import explains
from devenv.harness.client.exchanges import Verified
from devenv.verbs.replay.by_hand import HandOver
from devenv.verbs.replay.observed import verify_facts
from devenv.verbs.replay.scheduler import Followed, Request, Scheduler
from devenv.wire.control.async_client import AsyncControlClient

Send = Callable[[], Awaitable[Verified]]
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ready:
    """A request that can be sent at once."""

    step: Verify | AnyRequest
    send: Send
    """Sends it."""
    challenge_id: str
    """That of its session; empty where it has none."""


async def at_once(ready: Sequence[Ready]) -> list[Verified]:
    """Send all at the same time; the results in the same order."""
    return list(await asyncio.gather(*(one.send() for one in ready)))


async def in_order(
    step: Together,
    ready: Sequence[Ready],
    order: Order,
    control: AsyncControlClient,
    perform: Callable[[Event], None],
    session_keys: Sequence[str],
    hand_over: HandOver | None = None,
) -> Followed[Verified]:
    """Send all with their Redis commands in this order; ``perform`` does what an event says, and blocks.

    ``session_keys``: the Redis keys that hold the requests' sessions, for orders that name roles. With
    ``hand_over`` a person goes on where the order ends. Raises as ``Scheduler.follow`` does.
    """
    ids = list(dict.fromkeys(one.challenge_id for one in ready))

    async def happen(event: Event) -> None:
        await asyncio.to_thread(perform, event)

    requests = [
        Request(name, one.step.pod or "", one.send) for name, one in zip(step.names, ready, strict=True)
    ]
    scheduler: Scheduler[Verified] = Scheduler(
        control,
        _around(ids),
        happen,
        session_keys=frozenset(session_keys),
        strict=not any(isinstance(one.step, AnyRequest) for one in ready),
        by_pod=any(isinstance(one.step, AnyRequest) for one in ready),
        hand_over=hand_over,
    )
    return await scheduler.follow(requests, order)


def _around(ids: Sequence[str]) -> str:
    """A glob of one session's key and of the keys beside it; of several sessions, everything."""
    challenge_id = ids[0] if len(ids) == 1 else ""
    return f"*{escape(challenge_id)}*" if challenge_id else "*"


def not_serial(step: Together, results: Sequence[Verified], ask: Verified) -> str | None:
    """What is wrong where none of the step's sequences explains these results and the answer to ``ask``."""
    end = End({name: _answer(one) for name, one in zip(step.names, results, strict=True)}, _answer(ask))
    masks = Masks({name: {*places} for name, places in step.masked.items()})

    def seen(name: str | None, answer: HttpAnswer) -> Hashable:
        return masks.seen(ASK if name is None else name, answer)

    if any(explains(sequence, end, seen) for sequence in step.sequences):
        return None
    answers = ", ".join(f"{name} told {answer}" for name, answer in end.answers.items())
    asked = f"{step.ask.method} {step.ask.target}" if step.ask is not None else ASK
    return f"no sequence of the requests ends so: {answers}; then {asked} {end.ask}"


def _answer(result: Verified) -> HttpAnswer:
    return HttpAnswer(result.status or 0, result.content, result.headers.get("location", ""))


def observed(step: Together, results: Sequence[Verified], schedule: Schedule | None) -> tuple[Facts, Facts]:
    """The facts to check about these results, and those to show: by request where an order was run."""
    facts = [verify_facts(result) for result in results]
    outcomes = Counter(str(result.outcome) for result in results)
    messages = Counter(result.message for result in results if result.message is not None)
    named = dict(zip(step.names, facts, strict=True)) if step.names else {}
    check = {"outcomes": outcomes, "messages": messages, "requests": named}
    shown = [{name: value for name, value in one.items() if name != "seconds"} for one in facts]
    counted = {"outcomes": dict(sorted(outcomes.items()))}
    if schedule is not None:
        each = dict(zip(step.names, shown, strict=True))
        return check, {**counted, "requests": each, "schedule": str(schedule)}
    # Which of two equal requests came first is chance, so their order is no part of the outcome.
    return check, {**counted, "requests": sorted(shown, key=lambda one: json.dumps(one, sort_keys=True))}


def ordered_steps(scenario: Scenario, strategy: Strategy) -> tuple[int, ...]:
    """The numbers (from 1) of the steps that run their requests' commands in an order with this store."""
    return tuple(
        number
        for number, step in enumerate(scenario.steps, start=1)
        if isinstance(step, Together) and strategy in step.order
    )


def assign(scenario: Scenario, strategy: Strategy, schedules: Sequence[Schedule]) -> Mapping[int, Schedule]:
    """Which step each schedule is another order of: by step number, in the order of the steps.

    Raises UsageProblem where the scenario has no such step, or the schedule names other requests or sessions.
    """
    numbers = ordered_steps(scenario, strategy)
    if len(schedules) > len(numbers):
        have = f"{len(numbers)} steps" if len(numbers) > 1 else "one step" if numbers else "no step"
        given = f"{len(schedules)} schedules were" if len(schedules) > 1 else "a schedule was"
        raise UsageProblem(
            f"{scenario.id} with the {strategy} store has {have} whose requests run in an order; "
            f"{given} given",
            hint="'together' with names and 'order': see docs/scenarios.md",
        )
    assigned = {}
    for number, schedule in zip(numbers, schedules, strict=False):
        step = scenario.steps[number - 1]
        assert isinstance(step, Together)
        order = Exactly(schedule)
        for name in requests_of(order):
            if name not in step.names:
                raise UsageProblem(
                    f"the schedule names request {name!r}; step {number} of {scenario.id} has "
                    f"{', '.join(step.names)}"
                )
        for event in events_of(order):
            if event.event in ("expire", "age") and event.target not in scenario.sessions:
                raise UsageProblem(f"the schedule's {event} is about no session of {scenario.id}")
        assigned[number] = schedule
    return assigned
