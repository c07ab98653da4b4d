"""Which process of a pod with several took how many of the connections, as the pods' own counts say.

Each process answers ``/metrics`` for itself, with the sessions that it has made and the moment of the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import httpx
from prometheus_client.parser import text_string_to_metric_families

from devenv.stack.loopback import NO_AUTHORITIES

BORN = "captcha_sessions_created"
"""The counter of the sessions that a process has made."""
_AT_ONCE = 16
"""Asked at the same time, so that a process that is busy with one request leaves the next to another."""
_ROUNDS = 20
_SEEN_SHARE = 0.95
"""Fewer of the sessions than these leave a process unseen that matters."""


async def accepted(pods: Mapping[str, str], workers: int, sessions: int) -> tuple[float, ...]:
    """The share of the sessions that each process of a pod has made, the largest first: the pods' mean.

    ``pods`` are the pods' URLs, ``sessions`` those that were opened. Empty where not all processes could be
    seen. With a connection for each request it is the share of the connections that the process accepts.
    """
    counts = [await births_of_processes(url, workers) for url in pods.values()]
    if sum(map(sum, counts)) < _SEEN_SHARE * sessions or not all(map(sum, counts)):
        return ()
    shares = [[count / sum(pod) for count in sorted(pod, reverse=True)] for pod in counts]
    padded = [[*pod, *[0.0] * (workers - len(pod))] for pod in shares]
    return tuple(sum(column) / len(padded) for column in zip(*padded, strict=True))


async def births_of_processes(url: str, workers: int) -> Sequence[float]:
    """The sessions that each process of the pod at ``url`` has made; of those that were seen."""
    seen: dict[float, float] = {}
    limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=0)
    transport = httpx.AsyncHTTPTransport(limits=limits, verify=NO_AUTHORITIES)
    async with httpx.AsyncClient(transport=transport, base_url=url, timeout=30) as http:
        for _ in range(_ROUNDS):
            answers = await asyncio.gather(*(http.get("/metrics") for _ in range(_AT_ONCE)))
            for answer in answers:
                begun, count = births_in(answer.text)
                if count:
                    seen[begun] = count
            if len(seen) == workers:
                break
    return list(seen.values())


def births_in(page: str) -> tuple[float, float]:
    """When a process has made its first session of a type, and how many of all types it has made."""
    begun, count = 0.0, 0.0
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == f"{BORN}_total":
                count += sample.value
            elif sample.name == f"{BORN}_created":
                begun = max(begun, sample.value)
    return begun, count
