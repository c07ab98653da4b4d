"""Measures one balancer with one setting, bounded in requests and time, on 127.0.0.1 alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from devenv.core.balance.measured import ADDRESSES, MOVING, STRAY, Balance, PatternResult
from devenv.core.balance.patterns import PATTERNS, WITHOUT_COOKIES, Pattern, pattern_of
from devenv.core.balance.verdict import Judgement
from devenv.core.model.errors import EnvironmentProblem
from devenv.verbs.balance.changing import changes
from devenv.verbs.balance.clients import Client, MeasuringService
from devenv.verbs.balance.connection import CookieJar, Unanswered
from devenv.verbs.balance.environment import client_addresses, fresh
from devenv.verbs.balance.failing import KEPT_OUT_WATCHED, failures, times_kept_out
from devenv.verbs.balance.player import Measurement, play
from devenv.verbs.balance.targets import Target

SESSIONS = 200
"""Sessions of each pattern: a share of 50 % is known to ± 7 points."""
CHANGE_SESSIONS = 100
_STEP = 50
"""Progress is said each this many sessions."""


class ClientKind(StrEnum):
    """Clients, by what they are told apart by."""

    USUAL = "usual"
    """They keep cookies and come from one address."""
    NO_COOKIES = "no-cookies"
    """They keep no cookies; played where the balancer sets one."""
    ADDRESSES = "addresses"
    """Each session comes from another address."""
    MOVING = "moving"
    """The address changes between create and verify."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    clients: frozenset[ClientKind] = frozenset(ClientKind)
    """Which clients the patterns are played by."""

    pods: int = 2
    sessions: int = SESSIONS
    """Of each pattern, at most."""
    precision: float = 0.0
    """A pattern ends earlier where its share is known to ± this; 0: it does not."""
    patterns: tuple[Pattern, ...] = PATTERNS
    with_changes: bool = True
    """Also sessions over a change of the pods."""
    with_failures: bool = True
    """Also pods that fail."""
    watched: float = KEPT_OUT_WATCHED
    """Seconds for which a pod that is kept out is watched."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A balancer with what its measurement comes to."""

    balance: Balance
    judgement: Judgement


def measure(target: Target, plan: Plan, progress: Callable[[str], None]) -> Balance:
    """Measure ``target``. Raises EnvironmentProblem where it does not start or does not answer."""
    return asyncio.run(_measure(target, plan, progress))


async def _measure(target: Target, plan: Plan, progress: Callable[[str], None]) -> Balance:
    sources = client_addresses()
    service = MeasuringService()
    async with fresh(target, plan.pods) as environment:
        measurement = Measurement(
            environment.place,
            service,
            environment.arrivals,
            [pod.name for pod in environment.pods],
            plan.sessions,
            Random(plan.seed),
            target.models,
            sources,
            plan.precision,
        )
        cookie = await first_request(target.title, measurement)
        results = await play_all(measurement, plan, cookie, progress)
    gaps = (
        [] if sources else ["clients with other addresses: this system has no other address than 127.0.0.1"]
    )
    changed, failed, kept = [], [], []
    if plan.with_changes:
        sessions = min(plan.sessions, CHANGE_SESSIONS)
        changed = await changes(target, service, plan.pods, sessions, sources, plan.seed, progress)
    if plan.with_failures:
        failed = await failures(target, plan.pods, plan.seed, progress)
        kept = await times_kept_out(target, plan.pods, plan.watched, progress)
    return Balance(
        target.name,
        target.title,
        plan.pods,
        tuple(results),
        tuple(changed),
        tuple(failed),
        tuple(kept),
        cookie,
        tuple(gaps),
        target.decided_by,
    )


async def first_request(title: str, measurement: Measurement) -> str:
    """See that the balancer answers; gives the cookie that it sets, "" for none."""
    client = Client(measurement.place, CookieJar(keeps=False))
    try:
        answer = await client.send_anew(measurement.service.page)
    except Unanswered as error:
        raise EnvironmentProblem(f"{title} does not answer: {error}") from error
    if answer.status != 200:
        raise EnvironmentProblem(
            f"{title} answered the first request with status {answer.status}: "
            f"{answer.body[:200].decode('utf-8', 'replace').strip()}",
            hint="where its file forwards only some requests: --path /PREFIX and --host NAME say which",
        )
    return next(iter(answer.values("set-cookie")), "")


async def play_all(
    measurement: Measurement, plan: Plan, cookie: str, progress: Callable[[str], None]
) -> list[PatternResult]:
    """Play every pattern of the plan. ``cookie``: what the balancer sets, "" for nothing."""
    results = []

    async def add(pattern: Pattern, *, cookies: bool = True, clients: str = "") -> None:
        name = ", ".join(filter(None, (pattern.name, clients, "" if cookies else "no cookies")))

        def heard(done: int) -> None:
            if done % _STEP == 0 or done == measurement.sessions:
                progress(f"{name}: {done} of {measurement.sessions} sessions")

        results.append(await play(measurement, pattern, cookies=cookies, clients=clients, progress=heard))

    if ClientKind.USUAL in plan.clients:
        for pattern in plan.patterns:
            await add(pattern)
    if cookie and ClientKind.NO_COOKIES in plan.clients:
        for pattern in plan.patterns:
            if pattern.name in WITHOUT_COOKIES:
                await add(pattern, cookies=False)
    new = pattern_of("new")
    if new in plan.patterns:
        for kind, clients in ((ClientKind.ADDRESSES, ADDRESSES), (ClientKind.MOVING, MOVING)):
            if kind in plan.clients and measurement.sources:
                await add(new, clients=clients)
        if ClientKind.USUAL in plan.clients:
            await _stray(measurement)
            await add(new, clients=STRAY)
    return results


async def _stray(measurement: Measurement) -> None:
    """One request of another client."""
    await Client(measurement.place, CookieJar()).send_anew(measurement.service.page)


def known_patterns(names: Sequence[str]) -> tuple[Pattern, ...]:
    """The patterns of these names, all where none is named. Raises UsageProblem for an unknown one."""
    return tuple(map(pattern_of, names)) if names else PATTERNS
