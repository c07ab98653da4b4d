"""Sessions that are opened before a pod restarts, is added or is removed, and used after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from devenv.core.balance.measured import Change, ChangeResult
from devenv.verbs.balance.clients import Client, Service
from devenv.verbs.balance.connection import CookieJar, Place, Unanswered
from devenv.verbs.balance.environment import measuring_pods, upstreams_of
from devenv.verbs.balance.player import Ending
from devenv.verbs.balance.targets import Target


async def changes(
    target: Target,
    service: Service,
    pods: int,
    sessions: int,
    sources: Sequence[str],
    seed: int,
    progress: Callable[[str], None],
) -> list[ChangeResult]:
    """Each change, with ``sessions`` clients of their own that open a connection per request.

    A pod is added or removed as people do: the balancer is started again with the new list.
    """
    results = []
    for change in Change:
        progress(f"sessions over a change of the pods: {change}")
        results.append(await _change(target, service, change, pods, sessions, sources, seed))
    return results


async def _change(
    target: Target,
    service: Service,
    change: Change,
    count: int,
    sessions: int,
    sources: Sequence[str],
    seed: int,
) -> ChangeResult:
    clients = [
        Client(Place("", 0), CookieJar(), sources[number % len(sources)] if sources else "")
        for number in range(sessions)
    ]
    before, after = {
        Change.ADDED: (count, count + 1),
        Change.REMOVED: (count + 1, count),
    }.get(change, (count, count))
    # in another order than they were opened: strict turns would else find all of them again, or none
    order = list(range(sessions))
    Random(seed).shuffle(order)
    async with measuring_pods(max(before, after)) as pods:
        upstreams = upstreams_of(pods)
        async with target.running(upstreams[:before]) as place:
            opened = [await _open(client, place, service) for client in clients]
            if before == after:
                if change is Change.RESTARTED:
                    await pods[0].stop()
                    pods[0].forget()
                    await pods[0].listen()
                endings = [await _use(clients[number], place, service, opened[number]) for number in order]
        if before != after:
            async with target.running(upstreams[:after]) as place:
                endings = [await _use(clients[number], place, service, opened[number]) for number in order]
    counts = Counter(endings)
    answered = counts[Ending.FOUND] + counts[Ending.LOST]
    return ChangeResult(
        change, answered, counts[Ending.LOST], counts[Ending.FAILED], max(1, min(len(sources), sessions))
    )


async def _open(client: Client, place: Place, service: Service) -> str | None:
    client.place = place
    try:
        return service.session_of(await client.send_anew(service.create()))
    except Unanswered:
        return None


async def _use(client: Client, place: Place, service: Service, session: str | None) -> Ending:
    client.place = place
    if session is None:
        return Ending.FAILED
    try:
        known = service.known(await client.send_anew(service.verify(session)))
    except Unanswered:
        return Ending.FAILED
    if known is None:
        return Ending.FAILED
    return Ending.FOUND if known else Ending.LOST
