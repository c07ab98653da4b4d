"""Requests to a pod that fails: the answer, the second delivery, the time for which it is kept out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import count
from random import Random

from devenv.core.balance.measured import (
    CLOSED,
    TURNS,
    Delivery,
    Failure,
    FailureResult,
    KeptOut,
)
from devenv.verbs.balance.clients import Client, Pool
from devenv.verbs.balance.connection import CookieJar, Request, Unanswered
from devenv.verbs.balance.environment import Environment, fresh
from devenv.verbs.balance.measuring_pod import COUNT, REQUEST_ID, Behaviour, MeasuringPod
from devenv.verbs.balance.targets import Target

REQUESTS = 20
WARM_UP = 10
IDLE_REQUESTS = 200
IDLE_LIMIT = 0.05
"""Seconds after which the pods close an idle connection."""
KEPT_OUT_EVERY = 0.05
"""Seconds between two requests while a pod may be kept out."""
KEPT_OUT_WATCHED = 16.0
"""Seconds: longer than the 10 s of nginx' fail_timeout."""


class Requester:
    """Sends numbered requests and looks up which pods got each."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._numbers = count(1)
        # without cookies: the client that comes back to a failed pod is not to hide that others would
        self._client = Client(environment.place, CookieJar(keeps=False))
        self._pool = Pool(environment.place, 1)

    async def send(self, method: str = "POST", *, reused: bool = False) -> Delivery:
        """Send one, on the client's one kept connection (``reused``) or on a connection of its own."""
        name = str(next(self._numbers))
        request = Request(method, COUNT, headers=((REQUEST_ID, name),))
        started = time.perf_counter()
        try:
            sent = self._pool.send(self._client, request) if reused else self._client.send_anew(request)
            answer = str((await sent).status)
        except Unanswered:
            answer = CLOSED
        seconds = time.perf_counter() - started
        return Delivery(tuple(self._environment.arrivals.by_request.get(name, ())), answer, seconds)

    async def failing_pod(self) -> MeasuringPod:
        """The first pod, or the one that is used where the balancer sends this client to one pod alone."""
        used = [await self.send() for _ in range(2 * len(self._environment.pods))]
        names = {pod for delivery in used for pod in delivery.pods}
        pods = self._environment.pods
        return next((pod for pod in pods if pod.name in names), pods[0])

    async def close(self) -> None:
        """Close the kept connection."""
        await self._pool.close()


async def failures(
    target: Target, pods: int, seed: int, progress: Callable[[str], None]
) -> list[FailureResult]:
    """Every failure, each before a balancer that has just started."""
    results = []
    for method in ("POST", "GET"):
        for reused in (False, True):
            progress(f"a pod closes unanswered: {method}, connections {'reused' if reused else 'new'}")
            results.append(await _closes(target, pods, Failure.CLOSES, method, reused))
    progress("all pods close unanswered")
    results.append(await _closes(target, pods, Failure.BOTH_CLOSE, "POST", False))
    progress("a pod does not listen")
    results.append(await _refuses(target, pods))
    progress("pods close idle connections")
    results.append(await _idle(target, pods, seed))
    return results


async def _closes(target: Target, pods: int, failure: Failure, method: str, reused: bool) -> FailureResult:
    async with fresh(target, pods) as environment:
        requester = Requester(environment)
        failing = [await requester.failing_pod()] if failure is Failure.CLOSES else environment.pods
        if reused:
            for _ in range(WARM_UP):
                await requester.send(reused=True)
        for pod in failing:
            pod.behaviour = Behaviour.CLOSE
        number = REQUESTS if failure is Failure.CLOSES else REQUESTS // 2
        deliveries = [await requester.send(method, reused=reused) for _ in range(number)]
        await requester.close()
    return FailureResult(failure, method, reused, tuple(deliveries))


async def _refuses(target: Target, pods: int) -> FailureResult:
    async with fresh(target, pods) as environment:
        requester = Requester(environment)
        failing = await requester.failing_pod()
        await failing.stop()
        deliveries = [await requester.send() for _ in range(REQUESTS)]
        await requester.close()
    return FailureResult(Failure.REFUSES, "POST", False, tuple(deliveries))


async def _idle(target: Target, pods: int, seed: int) -> FailureResult:
    """One client connection; the pauses are such that in turn each pod's connection is idle for its limit."""
    rng = Random(seed)
    async with fresh(target, pods) as environment:
        requester = Requester(environment)
        for pod in environment.pods:
            pod.idle_limit = IDLE_LIMIT
        deliveries = []
        for _ in range(IDLE_REQUESTS):
            deliveries.append(await requester.send(reused=True))
            await asyncio.sleep(IDLE_LIMIT / pods * (0.9 + 0.2 * rng.random()))
        await requester.close()
    return FailureResult(Failure.IDLE, "POST", True, tuple(deliveries))


async def times_kept_out(
    target: Target, pods: int, watched: float, progress: Callable[[str], None]
) -> list[KeptOut]:
    """How long a pod gets no request after it closed one unanswered, and after it did not listen."""
    kept = []
    for failure in (Failure.CLOSES, Failure.REFUSES):
        progress(f"how long a pod is kept out that {failure}")
        kept.append(await _kept_out(target, pods, failure, watched))
    return kept


async def _kept_out(target: Target, pods: int, failure: Failure, watched: float) -> KeptOut:
    async with fresh(target, pods) as environment:
        requester = Requester(environment)
        failing = await requester.failing_pod()
        if failure is Failure.CLOSES:
            failing.behaviour = Behaviour.CLOSE_ONCE
            while failing.behaviour is Behaviour.CLOSE_ONCE:
                await requester.send()
        else:
            await failing.stop()
            for _ in range(REQUESTS):
                await requester.send()
            await failing.listen()
        failed_at, missed = time.monotonic(), 0
        while (seconds := time.monotonic() - failed_at) < watched or missed <= TURNS:
            delivery = await requester.send()
            if failing.name in delivery.pods:
                return KeptOut(failure, seconds, watched, missed)
            missed += 1
            await asyncio.sleep(KEPT_OUT_EVERY)
    return KeptOut(failure, None, watched, missed)
