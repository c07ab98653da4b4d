"""Plays the sessions of a pattern against a balancer, and counts those that are lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Protocol

from devenv.core.balance.exact import exact_share
from devenv.core.balance.measured import ADDRESSES, MOVING, PatternResult, alternation, cycle
from devenv.core.balance.models import Models
from devenv.core.balance.patterns import Connections, Pattern
from devenv.core.simulation.intervals import wilson
from devenv.verbs.balance.clients import Client, Pool, Send, Service, session_sender
from devenv.verbs.balance.connection import CookieJar, Place, Unanswered

FEWEST = 40
"""Sessions of a pattern, at least."""


class ArrivedPods(Protocol):
    """Where requests arrived."""

    @property
    def pods(self) -> list[str]:
        """Of each request until now the pod, in the order of arrival."""


class Ending(StrEnum):
    """How a session ended."""

    FOUND = "found"
    LOST = "lost"
    FAILED = "failed"
    """A request of it was not answered by a pod."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Where sessions are played, and how many."""

    place: Place
    service: Service
    arrivals: ArrivedPods
    pods: Sequence[str]
    sessions: int
    rng: Random
    models: Models
    sources: Sequence[str] = ()
    """Addresses of 127.0.0.0/8 that clients can come from."""
    precision: float = 0.0
    """A pattern ends before ``sessions`` where its share is known to ± this; 0: it does not."""

    def known(self, lost: int, played: int) -> bool:
        """Whether the share is known well enough."""
        return played >= FEWEST and wilson(lost, played).half_width <= self.precision


async def play(
    measurement: Measurement,
    pattern: Pattern,
    *,
    cookies: bool = True,
    clients: str = "",
    progress: Callable[[int], None] = lambda done: None,
) -> PatternResult:
    """Play the sessions of ``pattern``; ``progress`` hears how many are done.

    ``cookies``: whether clients send cookies back. ``clients``: a key of ``CLIENTS``; with it the sessions
    come from different addresses.
    """
    first_arrival = len(measurement.arrivals.pods)
    endings: Counter[Ending] = Counter()
    numbers = iter(range(measurement.sessions))

    def known() -> bool:
        answered = endings[Ending.LOST] + endings[Ending.FOUND]
        return measurement.known(endings[Ending.LOST], answered)

    pool = Pool(measurement.place, pattern.users) if pattern.connections is Connections.SHARED else None

    async def user() -> None:
        for number in numbers:
            if known():
                return
            endings[await _session(measurement, pattern, pool, number, cookies, clients)] += 1
            progress(endings.total())

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(pattern.users):
                group.create_task(user())
    finally:
        if pool is not None:
            await pool.close()
    pods = measurement.arrivals.pods[first_arrival:]
    changes, longest = alternation(pods)
    answered = endings[Ending.FOUND] + endings[Ending.LOST]
    model = "" if clients else measurement.models.of(cookies=cookies)
    return PatternResult(
        pattern,
        answered,
        endings[Ending.LOST],
        failed=endings[Ending.FAILED],
        by_pod={pod: pods.count(pod) for pod in measurement.pods},
        alternation=changes,
        longest_run=longest,
        cycle=cycle(pods) if pattern.sequential else None,
        unseen=max(0, answered * pattern.requests - len(pods)) if not endings[Ending.FAILED] else 0,
        cookies=cookies,
        clients=clients,
        exact=exact_share(model, len(measurement.pods), pattern),
    )


async def _session(
    measurement: Measurement, pattern: Pattern, pool: Pool | None, number: int, cookies: bool, clients: str
) -> Ending:
    client = Client(measurement.place, CookieJar(cookies))
    other = client
    if clients in (ADDRESSES, MOVING) and measurement.sources:
        sources = measurement.sources
        client.source = sources[number % len(sources)]
        other = client
        if clients == MOVING:
            other = replace(client, source=sources[measurement.rng.randrange(len(sources))])
    try:
        async with session_sender(pattern, client, measurement.service, pool) as send:
            if other is client:
                return await _requests(measurement, pattern, send, send)
            async with session_sender(pattern, other, measurement.service, pool) as send_other:
                return await _requests(measurement, pattern, send, send_other)
    except Unanswered:
        return Ending.FAILED


async def _requests(measurement: Measurement, pattern: Pattern, send: Send, send_verify: Send) -> Ending:
    """Create, the images in between, verify; with the pattern's pauses."""
    service, rng = measurement.service, measurement.rng

    async def pause() -> None:
        if pattern.pause:
            await asyncio.sleep(rng.random() * pattern.pause)

    session = service.session_of(await send(service.create()))
    if session is None:
        return Ending.FAILED
    for _ in range(pattern.between):
        await pause()
        await send(service.image)
    await pause()
    known = service.known(await send_verify(service.verify(session)))
    await pause()
    if known is None:
        return Ending.FAILED
    return Ending.FOUND if known else Ending.LOST
