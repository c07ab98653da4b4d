"""The vectorised engine's choice of pods: for many sessions at a time, request by request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from devenv.core.simulation.balancers import MAX_PERIOD, Kind, Routing, pod_names_of, routing_of
from devenv.core.simulation.history import Bools, History, Ints
from devenv.core.simulation.setting import LookupRule, Setting, Upstream
from devenv.core.simulation.thinking import Floats

if TYPE_CHECKING:
    from numpy.random import Generator

NO_POD = -1
"""No pod was up."""
RANKED = (Kind.TURNS, Kind.TURNS_PER_WORKER, Kind.WEIGHTED)
"""Kinds whose choice depends on the requests before, of all sessions."""
HASHED = (Kind.RENDEZVOUS, Kind.HASH_MOD)
"""Kinds that choose by the client's address."""
PER_CONNECTION = (Kind.CONNECTION,)
"""Kinds that choose once for each connection."""


class Streams(Protocol):
    """Seeded generators, one for each chunk of sessions and purpose.

    The same chunk and purpose give the same numbers in every setting: common random numbers.
    """

    def __call__(self, chunk: int, purpose: str) -> Generator:
        """A fresh generator."""


def unsupported(setting: Setting) -> str | None:
    """Why the vectorised engine cannot play a setting; None where it can."""
    routing = routing_of(setting.policy, pod_names_of(setting.most_pods))
    if routing.kind is Kind.BUSY:
        return f"{setting.policy} depends on the requests under way"
    if setting.restarts:
        return "restarts of single pods at known moments"
    if routing.kind is Kind.COHORT:
        return f"{setting.policy} is played with the proxy's own policy alone"
    if unequal_workers(setting):
        return "which worker has a kept connection depends on the requests under way (--upstream kept)"
    if routing.kind is Kind.WEIGHTED and sum(routing.argument) > MAX_PERIOD:
        return f"the weights add up to more than {MAX_PERIOD}"
    if routing.kind is Kind.WEIGHTED and setting.eventful:
        return "weights among pods that come and go"
    if setting.rule is LookupRule.COHORT and routing.kind is not Kind.RANDOM:
        return f"cohort routing with {setting.policy}"
    return None


def unequal_workers(setting: Setting) -> bool:
    """Whether it matters which of a pod's workers accepts a connection that the balancer keeps."""
    routing = routing_of(setting.policy, pod_names_of(setting.most_pods))
    kept = setting.upstream is not Upstream.NEW and routing.kind not in PER_CONNECTION
    return setting.workers > 1 and kept


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of one kind (births, or the j-th look-ups), one for each session of a chunk."""

    segments: Ints
    """The history's segment at each."""
    ranks: Ints | None
    """The place of each among all requests of its counter, in the order of time; for ``RANKED`` kinds."""


class Router:
    """The routing of one setting."""

    def __init__(self, setting: Setting, history: History) -> None:
        self.setting = setting
        self.history = history
        self.routing: Routing = routing_of(setting.policy, pod_names_of(setting.most_pods))
        self.steady = len(history.starts) == 1
        """Whether nothing happens to the pods."""
        self._cycle = self._weighted_cycle() if self.routing.kind is Kind.WEIGHTED else None
        self._cohorts = self._cohort_tables() if setting.rule is LookupRule.COHORT else None

    def draw(self, segments: Ints, rng: Generator) -> Ints:
        """A pod that is up in each segment, uniformly; NO_POD where none is."""
        history = self.history
        if self.steady:
            return rng.integers(0, self.setting.pods, len(segments), dtype=np.int64)
        place = (rng.random(len(segments)) * history.counts[segments]).astype(np.int64)
        return history.candidates[segments, place]

    def first(self, requests: Requests, keys: Ints, rng: Generator) -> Ints:
        """The pods of requests that open sessions; ``keys`` are the sessions' numbers."""
        match self.routing.kind:
            case Kind.TURNS | Kind.TURNS_PER_WORKER | Kind.WEIGHTED | Kind.COOKIE:
                return self._by_rank(requests)
            case Kind.RENDEZVOUS | Kind.HASH_MOD if not self.steady:
                return self._by_hash(requests.segments, keys)
            case Kind.PINNED:
                return self._pinned(requests.segments)
            case Kind.STICKY_CANARY:
                return self._canary(requests.segments, None, rng)
            case _:
                return self.draw(requests.segments, rng)

    def next(
        self,
        requests: Requests,
        keys: Ints,
        previous: Ints,
        reconnects: Bools | None,
        born_redis: Bools,
        rng: Generator,
    ) -> Ints:
        """The pods of look-ups. ``previous``: the pods of the requests before; ``reconnects``: whether the
        client has a new connection; ``born_redis``: where the session was born."""
        segments = requests.segments
        match self.routing.kind:
            case Kind.COOKIE:
                return self._kept(segments, previous, None, rng)
            case Kind.CONNECTION:
                return self._kept(segments, previous, reconnects, rng)
            case Kind.RENDEZVOUS | Kind.HASH_MOD if self.steady:
                return previous
            case Kind.STICKY_CANARY:
                return self._canary(segments, previous, rng)
            case Kind.RANDOM if self._cohorts is not None:
                return self._cohort(segments, born_redis, rng)
            case _:
                return self.first(requests, keys, rng)

    def _kept(self, segments: Ints, previous: Ints, reconnects: Bools | None, rng: Generator) -> Ints:
        drawn = self.draw(segments, rng)  # drawn for all: the same numbers whichever clients reconnect
        stays = None if reconnects is None else ~reconnects
        if not self.steady:
            up = (previous != NO_POD) & self.history.up[segments, previous]
            stays = up if stays is None else up & stays
        return previous if stays is None else np.where(stays, previous, drawn)

    def _by_rank(self, requests: Requests) -> Ints:
        assert requests.ranks is not None
        if self._cycle is not None:
            return self._cycle[requests.ranks % len(self._cycle)]
        if self.steady:
            return requests.ranks % self.setting.pods
        counts = np.maximum(self.history.counts[requests.segments], 1)
        return self.history.candidates[requests.segments, requests.ranks % counts]

    def _by_hash(self, segments: Ints, keys: Ints) -> Ints:
        history = self.history
        if self.routing.kind is Kind.HASH_MOD:
            counts = np.maximum(history.counts[segments], 1).astype(np.uint64)
            return history.candidates[segments, (mixed_array(keys) % counts).astype(np.int64)]
        best = np.full(len(keys), NO_POD, dtype=np.int64)
        highest = np.zeros(len(keys), dtype=np.uint64)
        for pod in range(history.up.shape[1]):
            weight = mixed_array(keys * np.int64(history.up.shape[1]) + pod)
            better = history.up[segments, pod] & ((weight > highest) | (best == NO_POD))
            best = np.where(better, pod, best)
            highest = np.where(better, weight, highest)
        return best

    def _pinned(self, segments: Ints) -> Ints:
        pod = int(self.routing.argument[0])
        if self.steady:
            return np.full(len(segments), pod, dtype=np.int64)
        return np.where(self.history.up[segments, pod], pod, NO_POD)

    def _canary(self, segments: Ints, previous: Ints | None, rng: Generator) -> Ints:
        canary, count = self.setting.most_pods - 1, len(segments)
        share = self.routing.argument[0]
        lucky = rng.random(count) < share
        place = rng.random(count)
        here = self.history.up[segments, canary]
        others = self.history.counts[segments] - here
        drawn = self.history.candidates[segments, (place * np.maximum(others, 1)).astype(np.int64)]
        chosen = lucky if previous is None else lucky | (previous == canary)
        return np.where(here & (chosen | (others == 0)), canary, drawn)

    def _cohort(self, segments: Ints, born_redis: Bools, rng: Generator) -> Ints:
        assert self._cohorts is not None
        candidates, counts = self._cohorts
        kind = born_redis.astype(np.int64)
        place = (rng.random(len(segments)) * counts[kind, segments]).astype(np.int64)
        return candidates[kind, segments, place]

    def _cohort_tables(self) -> tuple[Ints, Ints]:
        """Candidates and their number by kind (0 memory, 1 Redis) and segment; all pods where none is."""
        history = self.history
        candidates = np.stack([history.candidates, history.candidates])
        counts = np.stack([history.counts, history.counts])
        for kind in (0, 1):
            for row in range(len(history.starts)):
                chosen = np.flatnonzero(history.up[row] & (history.redis[row] == bool(kind)))
                if len(chosen):
                    candidates[kind, row] = NO_POD
                    candidates[kind, row, : len(chosen)] = chosen
                    counts[kind, row] = len(chosen)
        return candidates, counts

    def _weighted_cycle(self) -> Ints:
        """One period of the smooth weighted order, played by nginx's algorithm."""
        weights = np.asarray(self.routing.argument)
        current, order = np.zeros(len(weights)), []
        for _ in range(min(int(weights.sum()), MAX_PERIOD)):
            current = current + weights
            best = int(np.argmax(np.where(weights > 0, current, -np.inf)))
            current[best] -= weights.sum()
            order.append(best)
        return np.asarray(order, dtype=np.int64)


def ranks_of(times: list[Floats], counters: list[Ints] | None, phases: Ints) -> list[Ints]:
    """The place of each request among those of its counter, in the order of time.

    ``times``: births, first look-ups, …, each an array over sessions. ``counters``: for each request the
    number of its counter, None where there is one. ``phases``: where each counter starts.
    """
    flat = np.concatenate(times)
    ranks = np.empty(len(flat), dtype=np.int64)
    if counters is None:
        ranks[np.argsort(flat)] = np.arange(len(flat))
        ranks += phases[0]
    else:
        owner = np.concatenate(counters)
        order = np.lexsort((flat, owner))
        starts = np.searchsorted(owner[order], np.arange(len(phases)))
        ranks[order] = np.arange(len(flat)) - starts[owner[order]] + phases[owner[order]]
    return np.split(ranks, len(times))


def mixed_array(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """``balancers.mixed`` of each number."""
    with np.errstate(over="ignore"):
        value = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))
