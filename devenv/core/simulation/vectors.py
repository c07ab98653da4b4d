"""The vectorised engine: sessions are independent given the pods' history; a chunk of them is a few arrays.

A chunk is a stretch of the arrival process. What a session's outcome depends on besides its own draws is the
history of the pods (arrays over segments of time) and, for policies that take turns, its requests' places
among all requests of the chunk. Memory is that of one chunk, whatever the number of sessions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.simulation.balancers import Kind
from devenv.core.simulation.causes import Cause
from devenv.core.simulation.history import Bools, History, Ints, history_of
from devenv.core.simulation.setting import LookupRule, Setting
from devenv.core.simulation.tally import BINS, TYPES, Tally
from devenv.core.simulation.thinking import Floats
from devenv.core.simulation.vector_routing import (
    HASHED,
    NO_POD,
    PER_CONNECTION,
    RANKED,
    Requests,
    Router,
    Streams,
    ranks_of,
)

CHUNK = 1 << 17
"""Sessions of a chunk."""
LATENCY_SAMPLE = 4096
"""Sessions of a chunk whose latency is drawn: it needs no more to be known to 1 %."""
VERIFY_COMMANDS = {Strategy.GUIDE: 5, Strategy.ATOMIC: 2}
"""Round trips of a look-up: the guide's GET, GET, TTL, EXEC, DEL; the atomic store's GET and EVALSHA."""
OTHER_VERIFY_COMMANDS = 4
GUIDE_RACE = (2, 4)
"""Round trips after which the guide's store has read for the last time, and after which its DEL is served."""

Codes = NDArray[np.uint8]


@dataclass(slots=True)
class _Sessions:
    """What is kept of a chunk's sessions between their requests."""

    time: Floats
    """The moment of the last request, in seconds from the window's start."""
    born: Floats
    """The moment of the birth."""
    birth_segments: Ints
    pod: Ints
    """The pod of the birth."""
    worker: Ints
    redis: Bools
    """Whether it was born in Redis."""
    last_pod: Ints
    """The pod of the last request."""
    last_worker: Ints
    opened: Bools
    """Whether the birth was answered."""
    windows: Floats | None
    """What makes a moment of a window differ from the same moment of the others; None where nothing asks."""
    word_sessions: Bools | None
    """Handwriting kept in memory; None where there is none."""
    crash_age: Floats | None
    """The age at which its pod crashes."""
    first: Codes
    """The cause of the first failure."""


class VectorEngine:
    """Plays chunks of sessions of one setting."""

    def __init__(self, setting: Setting, streams: Streams) -> None:
        """``streams`` gives the generators."""
        self.setting = setting
        self._streams = streams
        self._history: History = history_of(setting)
        self._router = Router(setting, self._history)
        self._kind = self._router.routing.kind
        self._timed = setting.eventful or self._kind in RANKED or setting.handwriting > 0

    def play(self, chunk: int, sessions: int) -> tuple[Tally, Codes]:
        """The chunk's counts, and the cause of each session's loss (NONE: not lost)."""
        draw = _Draws(self._streams, chunk)
        setting, tally = self.setting, Tally(sessions=sessions)
        think = [setting.thinking.draw(sessions, draw(f"think {j}")) for j in range(setting.lookups)]
        born = self._births(sessions, draw)
        reconnects = [self._reconnects(think[j], j, draw) for j in range(setting.lookups)]
        ranks = self._ranks(born, think, reconnects, draw)
        keys = np.arange(sessions, dtype=np.int64) + np.int64(chunk) * (1 << 32)
        kinds = self._kinds(sessions, draw)
        state = self._open(born, keys, ranks, kinds, draw, tally)
        for j in range(setting.lookups):
            self._look_up(j, state, think[j], keys, ranks, reconnects[j], draw, tally)
        self._count(state, kinds, tally)
        return tally, state.first

    # -- what is drawn at first --------------------------------------------------------------------------

    def _births(self, sessions: int, draw: _Draws) -> Floats:
        """Absolute moments, a Poisson process; zeros where no outcome depends on them."""
        if not self._timed:
            return np.zeros(sessions)
        return np.cumsum(draw("arrivals").standard_exponential(sessions)) / self.setting.rate

    def _reconnects(self, think: Floats, j: int, draw: _Draws) -> Bools | None:
        """Which clients have a new connection; None where nothing asks."""
        if self._kind not in PER_CONNECTION and self._kind is not Kind.TURNS_PER_WORKER:
            return None
        setting = self.setting
        new = think > setting.keep_alive if setting.keep_alive > 0 else np.ones(len(think), dtype=bool)
        if setting.new_connections:
            new = new | (draw(f"connections {j}").random(len(think)) < setting.new_connections)
        return new

    def _ranks(
        self, born: Floats, think: list[Floats], reconnects: list[Bools | None], draw: _Draws
    ) -> list[Ints] | None:
        if self._kind is Kind.COOKIE:  # clients without a cookie take turns
            return [np.arange(len(born)) + draw("turns").integers(0, 1 << 20)] * (len(think) + 1)
        if self._kind not in RANKED:
            return None
        times = [born]
        for each in think:
            times.append(times[-1] + each)
        rng = draw("turns")
        if self._kind is not Kind.TURNS_PER_WORKER:
            return ranks_of(times, None, rng.integers(0, 1 << 20, 1))
        workers = int(self._router.routing.argument[0])
        counters = [rng.integers(0, workers, len(born))]
        for new in reconnects:
            assert new is not None
            counters.append(np.where(new, rng.integers(0, workers, len(born)), counters[-1]))
        return ranks_of(times, counters, np.zeros(workers, dtype=np.int64))  # all start at the first pod

    def _kinds(self, sessions: int, draw: _Draws) -> Ints | None:
        """Each session's type as an index into TYPES; None where all are of one."""
        shares = [self.setting.types.get(kind, 0.0) for kind in TYPES]
        if max(shares) == 1.0:
            return None
        places = np.cumsum(shares)[:-1]
        return np.searchsorted(places, draw("types").random(sessions), side="right")

    # -- requests ----------------------------------------------------------------------------------------

    def _open(
        self,
        absolute: Floats,
        keys: Ints,
        ranks: list[Ints] | None,
        kinds: Ints | None,
        draw: _Draws,
        tally: Tally,
    ) -> _Sessions:
        """The births, retried while Redis is out of reach."""
        setting, count = self.setting, len(absolute)
        time = np.mod(absolute, setting.span) if np.isfinite(setting.span) else absolute
        segments = self._segments(time)
        rng = draw("births")
        pod = self._router.first(Requests(segments, ranks[0] if ranks else None), keys, rng)
        redis = self._flags(segments, pod)
        cause = np.zeros(count, dtype=np.uint8)
        tries = draw("retried births")
        failing = redis & self._outage(time)
        for attempt in range(setting.retries + 1):
            places = np.flatnonzero(failing)
            tally.unavailable += len(places)
            if attempt == setting.retries or not len(places):
                break
            time, segments, pod = time.copy(), segments.copy(), pod.copy()
            time[places] += setting.redis_timeout + setting.retry_after
            segments[places] = self._segments(time[places])
            pod[places] = self._again(segments[places], keys[places], pod[places], tries)
            redis[places] = self._flags(segments[places], pod[places])
            failing[places] = redis[places] & self._outage(time[places])
        cause[failing] = Cause.OUTAGE
        cause[pod == NO_POD] = Cause.RESTART
        word_sessions = None
        if setting.handwriting > 0:
            index = TYPES.index(CaptchaType.HANDWRITING)
            word_sessions = ~redis if kinds is None else (kinds == index) & ~redis
        crash = None
        if setting.crash_every > 0:
            crash = draw("crashes").standard_exponential(count) * setting.crash_every
        worker = self._workers(count, draw("birth workers"))
        windows = None
        if word_sessions is not None and np.isfinite(setting.span):
            windows = np.floor(absolute / setting.span) * (4 * setting.span)
        opened = cause == Cause.NONE
        return _Sessions(
            time,
            time,
            segments,
            pod,
            worker,
            redis,
            pod,
            worker,
            opened,
            windows,
            word_sessions,
            crash,
            cause,
        )

    def _look_up(
        self,
        j: int,
        state: _Sessions,
        think: Floats,
        keys: Ints,
        ranks: list[Ints] | None,
        reconnects: Bools | None,
        draw: _Draws,
        tally: Tally,
    ) -> None:
        """The j-th look-ups of all sessions that were opened."""
        setting = self.setting
        time = state.time + think
        segments = self._segments(time)
        requests = Requests(segments, ranks[j + 1] if ranks else None)
        pod = self._router.next(
            requests, keys, state.last_pod, reconnects, state.redis, draw(f"look-ups {j}")
        ).copy()
        waited = np.zeros(len(time)) if setting.outages else None
        failing = self._asks_redis(state, segments, pod) & self._outage(time)
        opened = state.opened
        failing &= opened
        tries = draw(f"retried look-ups {j}")
        for attempt in range(setting.retries + 1):
            places = np.flatnonzero(failing)
            tally.unavailable += len(places)
            if not len(places):
                break
            assert waited is not None
            waited[places] += setting.redis_timeout
            if attempt == setting.retries:
                break
            waited[places] += setting.retry_after
            time[places] += setting.redis_timeout + setting.retry_after
            segments[places] = self._segments(time[places])
            pod[places] = self._again(segments[places], keys[places], pod[places], tries)
            failing[places] = (self._asks_redis(state, segments, pod) & self._outage(time))[places]
        worker = self._workers(len(time), draw(f"workers {j}"))
        if reconnects is not None and self._kind in PER_CONNECTION:
            kept = ~reconnects & (pod == state.last_pod)
            worker = np.where(kept, state.last_worker, worker)
        cause = self._judge(state, time, segments, pod, worker, failing)
        state.first = np.where(state.first == Cause.NONE, cause, state.first)
        state.time, state.last_pod, state.last_worker = time, pod, worker
        tally.lookups += int(opened.sum())
        tally.lookup_causes += np.bincount(cause[opened], minlength=len(Cause))
        if j == setting.lookups - 1:
            self._last(state, cause, opened, waited, draw, tally)

    def _judge(
        self,
        state: _Sessions,
        time: Floats,
        segments: Ints,
        pod: Ints,
        worker: Ints,
        unavailable: Bools,
    ) -> Codes:
        """The cause of each look-up's failure. Written from the last cause to the first: the first wins."""
        setting, history = self.setting, self._history
        age = time - state.born
        memory = ~state.redis
        cause = np.zeros(len(time), dtype=np.uint8)
        word_sessions = state.word_sessions
        if word_sessions is not None:
            cause[self._overwritten(state, word_sessions, time, segments, pod, worker)] = Cause.OVERWRITTEN
        if setting.workers > 1:
            cause[memory & (worker != state.worker)] = Cause.OTHER_WORKER
        elsewhere = memory & (pod != state.pod)
        reason = Cause.RECONNECT if self._kind in PER_CONNECTION else Cause.OTHER_POD
        cause[elsewhere] = reason
        if not self._router.steady and self._kind in HASHED:
            moved = history.sizes[segments] != history.sizes[state.birth_segments]
            cause[elsewhere] = np.where(moved, Cause.MOVED, Cause.RESTART)[elsewhere]
        if setting.uses_redis and setting.rule is not LookupRule.MARK:
            cause[state.redis != self._flags(segments, pod)] = Cause.FLAG
        expired = age > setting.ttl
        if not self._router.steady:
            home = np.maximum(state.pod, 0)
            restarted = history.incarnation[segments, home] != history.incarnation[state.birth_segments, home]
            restarted &= memory
            cause[restarted | (pod == NO_POD)] = Cause.RESTART
            expired &= ~(restarted & (history.restarts[home] - state.born <= setting.ttl))
            if setting.resize:
                removed = memory & ~history.member[segments, home]
                cause[removed] = Cause.REMOVED
                expired &= ~(removed & (setting.resize.moment - state.born <= setting.ttl))
        if state.crash_age is not None:
            crashed = memory & (state.crash_age <= age)
            cause[crashed] = Cause.RESTART
            expired &= ~(crashed & (state.crash_age <= setting.ttl))
        cause[expired if word_sessions is None else expired & ~word_sessions] = Cause.EXPIRY
        for outage in setting.outages:
            before = (state.born >= outage.start - outage.forgets) & (state.born < outage.start)
            cause[state.redis & before & (time >= outage.start)] = Cause.OUTAGE
        cause[unavailable] = Cause.OUTAGE
        return cause

    # -- parts -------------------------------------------------------------------------------------------

    def _segments(self, time: Floats) -> Ints:
        if self._router.steady:
            return np.zeros(len(time), dtype=np.int64)
        return self._history.segment(time)

    def _flags(self, segments: Ints, pod: Ints) -> Bools:
        """Whether the pods' flags say Redis."""
        setting = self.setting
        if not setting.uses_redis:
            return np.zeros(len(pod), dtype=bool)
        if self._router.steady:
            return pod < setting.redis_pods
        flags: Bools = self._history.redis[segments, pod] & (pod != NO_POD)
        return flags

    def _asks_redis(self, state: _Sessions, segments: Ints, pod: Ints) -> Bools:
        if self.setting.rule is LookupRule.MARK:
            return state.redis
        return self._flags(segments, pod)

    def _outage(self, time: Floats) -> Bools:
        """Whether Redis is out of reach."""
        away = np.zeros(len(time), dtype=bool)
        for outage in self.setting.outages:
            away |= (time >= outage.start) & (time < outage.start + outage.length)
        return away

    def _again(self, segments: Ints, keys: Ints, previous: Ints, rng: np.random.Generator) -> Ints:
        """The pods of requests that are sent again; a policy in turns is at a place drawn at random."""
        ranks = rng.integers(0, 1 << 20, len(segments)) if self._kind in RANKED else None
        requests = Requests(segments, ranks)
        if self._kind in (Kind.COOKIE, Kind.CONNECTION):
            nobody = np.zeros(len(segments), dtype=bool)
            return self._router.next(requests, keys, previous, nobody, nobody, rng)
        if self._kind in HASHED and self._router.steady:
            return previous
        return self._router.first(requests, keys, rng)

    def _workers(self, count: int, rng: np.random.Generator) -> Ints:
        if self.setting.workers == 1:
            return np.zeros(count, dtype=np.int64)
        if not self.setting.accepts:
            return rng.integers(0, self.setting.workers, count, dtype=np.int64)
        places = np.cumsum(self.setting.worker_shares)[:-1]
        return np.searchsorted(places, rng.random(count), side="right")

    def _overwritten(
        self, state: _Sessions, word_sessions: Bools, time: Floats, segments: Ints, pod: Ints, worker: Ints
    ) -> Bools:
        """Handwriting look-ups whose process had got another word since: the last birth there is another's.

        Sessions of all windows of the chunk follow each other in time, as they were drawn.
        """
        setting = self.setting
        mine = np.flatnonzero(word_sessions)
        windows = 0.0 if state.windows is None else state.windows
        births, lookups = (windows + state.born)[mine], (windows + time)[mine]
        incarnations = self._history.incarnation
        here = [
            (np.maximum(pods, 0) * setting.workers + workers) * 4 + incarnations[moments, np.maximum(pods, 0)]
            for pods, workers, moments in (
                (state.pod[mine], state.worker[mine], state.birth_segments[mine]),
                (pod[mine], worker[mine], segments[mine]),
            )
        ]
        process = np.concatenate(here)
        moment = np.concatenate([births, lookups])
        order = np.lexsort((moment, process))
        is_birth = order < len(mine)
        place = np.maximum.accumulate(np.where(is_birth, np.arange(len(order)), -1))
        last = np.where(place >= 0, order[np.maximum(place, 0)], -1)
        last = np.where(process[np.maximum(last, 0)] == process[order], last, -1)
        lost = np.zeros(len(time), dtype=bool)
        asked = order[~is_birth] - len(mine)
        lost[mine[asked]] = last[~is_birth] != asked
        return lost

    def _last(
        self,
        state: _Sessions,
        cause: Codes,
        opened: Bools,
        waited: Floats | None,
        draw: _Draws,
        tally: Tally,
    ) -> None:
        """After the last look-up: second clicks, and the latency of some."""
        setting, count = self.setting, len(cause)
        tally.canary += int((state.last_pod == setting.most_pods - 1).sum())
        if setting.double_clicks:
            rng = draw("double clicks")
            twice = opened & (rng.random(count) < setting.double_clicks)
            tally.double_clicks += int(twice.sum())
            if setting.strategy is Strategy.GUIDE and setting.uses_redis:
                both = double_success(setting, count, rng)
                tally.double_successes += int((twice & (cause == Cause.NONE) & state.redis & both).sum())
        sample = np.flatnonzero(opened[:LATENCY_SAMPLE])
        rng = draw("latency")
        taken = rng.standard_exponential(len(sample)) * setting.service_time
        commands = VERIFY_COMMANDS.get(setting.strategy, OTHER_VERIFY_COMMANDS)
        trips = rng.standard_gamma(commands, len(sample)) * setting.redis_latency
        asks = self._asks_redis(state, self._segments(state.time), state.last_pod)[sample]
        taken += np.where(asks, trips, 0.0)
        tally.record_latencies(taken if waited is None else taken + waited[sample])

    def _count(self, state: _Sessions, kinds: Ints | None, tally: Tally) -> None:
        tally.causes += np.bincount(state.first, minlength=len(Cause))
        lost = state.first != Cause.NONE
        if kinds is None:
            shares = [self.setting.types.get(kind, 0.0) for kind in TYPES]
            tally.by_type[int(np.argmax(shares))] += (len(lost), int(lost.sum()))
        else:
            tally.by_type[:, 0] += np.bincount(kinds, minlength=len(TYPES))
            tally.by_type[:, 1] += np.bincount(kinds[lost], minlength=len(TYPES))
        if self.setting.eventful:
            bins = np.minimum((state.born / self.setting.span * BINS).astype(np.int64), BINS - 1)
            tally.born += np.bincount(bins, minlength=BINS)
            tally.lost_born += np.bincount(bins[lost], minlength=BINS)


class _Draws:
    """The generators of one chunk."""

    def __init__(self, streams: Streams, chunk: int) -> None:
        self._streams = streams
        self._chunk = chunk

    def __call__(self, purpose: str) -> np.random.Generator:
        return self._streams(self._chunk, purpose)


def double_success(setting: Setting, count: int, rng: np.random.Generator) -> Bools:
    """Whether two right answers to one session of the guide's store are both accepted, for ``count`` pairs.

    The second is, where its last read reaches Redis before the first one's DEL.
    """
    reads, deletes = GUIDE_RACE
    service = rng.standard_exponential((2, count)) * setting.service_time
    first = service[0] + rng.standard_gamma(deletes, count) * setting.redis_latency
    second = setting.double_click_gap + service[1] + rng.standard_gamma(reads, count) * setting.redis_latency
    both: Bools = second < first
    return both
