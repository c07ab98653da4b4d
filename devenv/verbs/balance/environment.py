"""Measuring pods with a balancer in front of them, for one measurement."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from devenv.core.model.vocabulary import pod_names
from devenv.verbs.balance.connection import Place
from devenv.verbs.balance.measuring_pod import HOST, Arrivals, MeasuringPod
from devenv.verbs.balance.targets import Target
from devenv.wire.proxy import Upstream

_ADDRESSES = 64
"""Client addresses at most."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Pods, and the balancer in front of them."""

    place: Place
    pods: Sequence[MeasuringPod]
    arrivals: Arrivals


def upstreams_of(pods: Sequence[MeasuringPod]) -> list[Upstream]:
    """Where the pods listen."""
    return [Upstream(pod.name, HOST, pod.port) for pod in pods]


@asynccontextmanager
async def measuring_pods(count: int) -> AsyncIterator[list[MeasuringPod]]:
    """This many pods, which listen; they end with the block."""
    arrivals = Arrivals()
    pods = [MeasuringPod(name, arrivals) for name in pod_names(count)]
    try:
        for pod in pods:
            await pod.listen()
        yield pods
    finally:
        for pod in pods:
            await pod.stop()


@asynccontextmanager
async def fresh(target: Target, count: int) -> AsyncIterator[Environment]:
    """A balancer that has just started in front of ``count`` new pods."""
    async with measuring_pods(count) as pods, target.running(upstreams_of(pods)) as place:
        yield Environment(place, pods, pods[0].arrivals)


def client_addresses() -> list[str]:
    """Addresses of the loopback network that clients can come from, () where the system has only 127.0.0.1.

    They differ in their first three numbers, which is what nginx' ip_hash looks at.
    """
    addresses = [
        f"127.{1 + number // 8}.{1 + 29 * (number % 8)}.{1 + number}" for number in range(_ADDRESSES)
    ]
    with socket.socket() as probe:
        try:
            probe.bind((addresses[0], 0))
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM):
                return []
            raise
    return addresses
