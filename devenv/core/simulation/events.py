"""The event engine: one event after the other, with the proxy's own policies and pods that keep sessions.

It knows nothing of the formulas and arrays of the other engine: a pod is a set of processes with memories, a
restart empties them, and a look-up is lost where no pod finds the session. The cause is then read off what is
where.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from devenv.core.model.timing import PROXY_UPSTREAM_IDLE_SECONDS
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.routing import POLICIES as PROXY_POLICIES
from devenv.core.routing import Choice, RequestFacts
from devenv.core.simulation.balancers import Kind, pod_names_of, routing_of
from devenv.core.simulation.causes import Cause
from devenv.core.simulation.history import history_of
from devenv.core.simulation.setting import LookupRule, Setting, Upstream
from devenv.core.simulation.tally import BINS, TYPES, Tally
from devenv.core.simulation.vectors import OTHER_VERIFY_COMMANDS, VERIFY_COMMANDS, double_success

if TYPE_CHECKING:
    from random import Random

    from numpy.random import Generator

SERVER_IDLE_SECONDS = 5.0
"""When a pod closes an idle connection: uvicorn's ``--timeout-keep-alive``. The proxy closes it earlier."""
_BLOCK = 4096
"""Numbers drawn at a time."""


@dataclass(slots=True)
class _Session:
    """A session and its client."""

    number: int
    kind: CaptchaType
    born: float = 0.0
    pod: str = ""
    worker: int = 0
    incarnation: int = 0
    redis: bool = False
    is_word: bool = False
    """Whether it is a word of a process's memory."""
    size: int = 0
    """How many pods the service had at its birth."""
    connection: int = 0
    connection_pod: str | None = None
    connection_worker: int = 0
    last_sent: float = 0.0
    cookie: str | None = None
    first: Cause = Cause.NONE
    asked: int = 0
    """Look-ups sent."""
    waited: float = 0.0
    """Seconds that the present request has waited for Redis."""
    tries: int = 0
    """How often the present request was answered by 503."""


@dataclass(slots=True)
class _Pod:
    """A pod: what its processes remember."""

    name: str
    memories: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """The numbers of the sessions that each process remembers."""
    kept_words: dict[int, int] = field(default_factory=dict)
    """The number of the session whose word is each process's current one."""
    member: bool = True
    up: bool = True
    redis: bool = False
    incarnation: int = 0
    ends: list[float] = field(default_factory=list)
    """When each incarnation ended."""

    idle: list[tuple[float, int]] = field(default_factory=list)
    """The balancer's idle connections: since when, and whose process's; the one used last is at the end."""

    def take(self, time: float, limit: float) -> int | None:
        """The process of the idle connection that was used last, less than ``limit`` seconds ago; or None."""
        if self.idle and time - self.idle[-1][0] < limit:
            return self.idle.pop()[1]
        self.idle = []
        return None

    def restart(self, time: float) -> None:
        """Forget everything."""
        self.idle = []
        self.incarnation += 1
        self.ends.append(time)
        self.memories.clear()
        self.kept_words.clear()


class EventEngine:
    """Plays windows of one setting, each with fresh pods."""

    def __init__(self, setting: Setting, rng: Random, draws: Generator) -> None:
        """``rng`` is for the policies, ``draws`` for everything else."""
        self.setting = setting
        self._rng = rng
        self._draws = draws
        self._names = pod_names_of(setting.most_pods)
        self._routing = routing_of(setting.policy, self._names)
        self._history = history_of(setting)
        self._by_connection = self._routing.kind is Kind.CONNECTION
        proxied = setting.policy.partition(":")[0] in PROXY_POLICIES
        self._upstream_idle = PROXY_UPSTREAM_IDLE_SECONDS if proxied else SERVER_IDLE_SECONDS
        self._pauses = self._drawn(lambda: setting.thinking.draw(_BLOCK, draws))
        self._exponentials = self._drawn(lambda: draws.standard_exponential(_BLOCK))
        self._numbers = 0
        self._connections = 0
        self._processes = 0
        self._orders = 0
        self._types = [kind for kind in TYPES if setting.types.get(kind, 0.0) > 0]
        self._accepts = np.cumsum(setting.worker_shares)[:-1]
        self._shares = np.cumsum([setting.types[kind] for kind in self._types])

    def play(self, sessions: int) -> Tally:
        """Windows until at least ``sessions`` are counted; one in which events lie is counted whole."""
        total = Tally()
        while total.sessions < sessions:
            limit = None if self.setting.eventful else sessions - total.sessions
            total.add(self._window(limit))
        return total

    @staticmethod
    def _drawn(block: Callable[[], NDArray[np.float64]]) -> Iterator[float]:
        while True:
            yield from block().tolist()

    def _times_of_answers(self) -> Iterator[float]:
        """How long each request is under way: as recorded, from the first one on, else exponential."""
        setting = self.setting
        if setting.answer_times:
            return cycle(setting.answer_times)
        return (number * setting.service_time for number in self._exponentials)

    # -- a window ----------------------------------------------------------------------------------------

    def _window(self, limit: int | None) -> Tally:
        setting = self.setting
        self._tally = Tally()
        self._policy = self._routing.policy()
        self._answer_times = self._times_of_answers()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._in_flight: dict[str, int] = {}
        self._redis: dict[int, float] = {}
        self._pods = {name: _Pod(name) for name in self._names}
        self._alive: tuple[str, ...] = ()
        self._to_segment(0, 0.0)
        for number, start in enumerate(self._history.starts[1:], start=1):
            self._at(float(start), lambda time, segment=number: self._to_segment(segment, time))  # type: ignore[misc]
        for outage in setting.outages:
            self._at(outage.start, lambda time, forgets=outage.forgets: self._forget(time, forgets))  # type: ignore[misc]
        births = self._births(limit)
        for time in births:
            self._at(float(time), self._open)
        if setting.crash_every:
            horizon = float(births[-1]) + setting.ttl if len(births) else 0.0
            for name in self._names:
                self._crash_later(name, 0.0, horizon)
        while self._events:
            time, _, action = heapq.heappop(self._events)
            action(time)
        return self._tally

    def _births(self, limit: int | None) -> NDArray[np.float64]:
        """The moments of births: a Poisson process in the window, or this many one after the other."""
        setting = self.setting
        if limit is not None:
            return np.cumsum(self._draws.standard_exponential(limit)) / setting.rate
        count = int(self._draws.poisson(setting.rate * setting.span))
        return np.sort(self._draws.random(count)) * setting.span

    def _at(self, time: float, action: Callable[[float], None]) -> None:
        self._orders += 1
        heapq.heappush(self._events, (time, self._orders, action))

    def _to_segment(self, segment: int, time: float) -> None:
        """The pods as the history has them from now on."""
        history = self._history
        for index, pod in enumerate(self._pods.values()):
            while pod.incarnation < history.incarnation[segment, index]:
                pod.restart(time)
            pod.member, pod.up = bool(history.member[segment, index]), bool(history.up[segment, index])
            pod.redis = bool(history.redis[segment, index])
            if not pod.member:
                pod.memories.clear()
        self._alive = tuple(pod.name for pod in self._pods.values() if pod.up)

    def _crash_later(self, name: str, time: float, horizon: float) -> None:
        moment = time + float(self._draws.standard_exponential()) * self.setting.crash_every

        def crash(now: float) -> None:
            pod = self._pods[name]
            pod.restart(now)
            self._crash_later(name, now, horizon)

        if moment <= horizon:
            self._at(moment, crash)

    def _forget(self, time: float, forgets: float) -> None:
        self._redis = {number: born for number, born in self._redis.items() if born < time - forgets}

    # -- requests ----------------------------------------------------------------------------------------

    def _open(self, time: float) -> None:
        self._numbers += 1
        kind = self._types[0]
        if len(self._types) > 1:
            kind = self._types[int(np.searchsorted(self._shares, self._draws.random(), side="right"))]
        session = _Session(self._numbers, kind)
        self._tally.sessions += 1
        self._bin(time, self._tally.born)
        self._create(session, time, time)

    def _create(self, session: _Session, time: float, wanted: float) -> None:
        pod, worker = self._route(session, time, further=False)
        if pod is None:
            self._end(session, Cause.RESTART, wanted)
            return
        if pod.redis and self._out_of_reach(time):
            self._tally.unavailable += 1
            session.tries += 1
            if session.tries > self.setting.retries:
                self._end(session, Cause.OUTAGE, wanted)
            else:
                self._at(self._next_try(time), lambda now: self._create(session, now, wanted))
            return
        session.born, session.pod, session.worker = time, pod.name, worker
        session.incarnation, session.redis = pod.incarnation, pod.redis
        session.size = sum(each.member for each in self._pods.values())
        session.is_word = session.kind is CaptchaType.HANDWRITING and not pod.redis
        if pod.redis:
            self._redis[session.number] = time
        elif session.is_word:
            pod.kept_words[worker] = session.number
        else:
            pod.memories[worker].add(session.number)
        self._think(session, time, wanted)

    def _think(self, session: _Session, time: float, wanted: float) -> None:
        """Send the next look-up after a thinking time, or end."""
        if session.asked == self.setting.lookups:
            self._end(session, session.first, wanted)
            return
        session.tries, session.waited = 0, 0.0
        pause = next(self._pauses)
        self._at(time + pause, lambda now: self._look_up(session, now, wanted))

    def _look_up(self, session: _Session, time: float, wanted: float) -> None:
        pod, worker = self._route(session, time, further=session.tries == 0)
        by_mark = self.setting.rule is LookupRule.MARK
        asks_redis = session.redis if by_mark else pod is not None and pod.redis
        if asks_redis and self._out_of_reach(time):
            self._tally.unavailable += 1
            session.tries += 1
            session.waited += self.setting.redis_timeout
            if session.tries <= self.setting.retries:
                session.waited += self.setting.retry_after
                self._at(self._next_try(time), lambda now: self._look_up(session, now, wanted))
                return
            cause = Cause.OUTAGE
        else:
            cause = self._cause(session, pod, worker, asks_redis, time)
        session.asked += 1
        self._tally.lookups += 1
        self._tally.lookup_causes[cause] += 1
        if session.first is Cause.NONE:
            session.first = cause
        if session.asked == self.setting.lookups:
            self._last(session, cause, asks_redis, pod)
        self._think(session, time, wanted)

    def _cause(
        self, session: _Session, pod: _Pod | None, worker: int, asks_redis: bool, time: float
    ) -> Cause:
        """Whether the session is where it is looked for, else why not."""
        late = not session.is_word and min(time, self._end_of_home(session)) - session.born > self.setting.ttl
        if session.redis and session.number not in self._redis:
            return Cause.OUTAGE
        if late:
            return Cause.EXPIRY
        if pod is not None and self._there(session, pod, worker, asks_redis):
            return Cause.NONE
        home = self._pods[session.pod]
        if not session.redis and not home.member:
            return Cause.REMOVED
        if pod is None or (not session.redis and home.incarnation != session.incarnation):
            return Cause.RESTART
        if session.redis != asks_redis:
            return Cause.FLAG
        if pod.name == session.pod:
            return Cause.OTHER_WORKER if worker != session.worker else Cause.OVERWRITTEN
        if self._routing.kind in (Kind.RENDEZVOUS, Kind.HASH_MOD):
            now = sum(each.member for each in self._pods.values())
            return Cause.MOVED if now != session.size else Cause.RESTART
        return Cause.RECONNECT if self._by_connection else Cause.OTHER_POD

    def _end_of_home(self, session: _Session) -> float:
        """When the memory that has a session ended; infinite where it lives, and for sessions in Redis."""
        home, end = self._pods[session.pod], math.inf
        if session.redis:
            return end
        if home.incarnation != session.incarnation:
            end = home.ends[session.incarnation]
        if not home.member and self.setting.resize:
            end = min(end, self.setting.resize.moment)
        return end

    @staticmethod
    def _there(session: _Session, pod: _Pod, worker: int, asks_redis: bool) -> bool:
        if session.redis or asks_redis:
            return session.redis and asks_redis
        if session.is_word:
            return pod.kept_words.get(worker) == session.number
        return session.number in pod.memories[worker]

    # -- parts -------------------------------------------------------------------------------------------

    def _route(self, session: _Session, time: float, *, further: bool) -> tuple[_Pod | None, int]:
        """The pod and process that get a request. ``further``: it is no retry and not the first one."""
        setting = self.setting
        idle = time - session.last_sent
        reconnects = session.connection == 0 or (
            further
            and (
                setting.keep_alive == 0
                or idle > setting.keep_alive
                or (setting.new_connections > 0 and self._draws.random() < setting.new_connections)
            )
        )
        session.last_sent = time
        candidates = self._candidates(session)
        if session.connection_pod is not None and session.connection_pod not in candidates:
            reconnects = reconnects or self._by_connection
        if reconnects:
            self._connections += 1
            session.connection, session.connection_pod = self._connections, None
        if not candidates:
            return None, 0
        facts = RequestFacts(str(session.number), session.connection, session.connection_pod, session.cookie)
        choice: Choice = self._policy.choose(facts, candidates, self._in_flight, self._rng)
        if choice.pod not in candidates:  # a pinned pod that is down
            return None, 0
        if choice.set_cookie is not None:
            session.cookie = choice.set_cookie
        pod = self._pods[choice.pod]
        pooled = setting.upstream is not Upstream.NEW and not self._by_connection
        worker = pod.take(time, self._upstream_idle) if pooled else None
        if worker is None:
            worker = self._accepting()
        if self._by_connection and session.connection_pod == choice.pod:
            worker = session.connection_worker
        session.connection_pod, session.connection_worker = choice.pod, worker
        self._in_flight[choice.pod] = self._in_flight.get(choice.pod, 0) + 1
        taken = next(self._answer_times)
        incarnation = pod.incarnation
        self._at(time + taken, lambda now: self._answered(pod, incarnation, worker, now))
        return pod, worker

    def _accepting(self) -> int:
        """The process that accepts a new connection."""
        if self.setting.workers == 1:
            return 0
        if self.setting.upstream is Upstream.APART:
            self._processes += 1
            return self._processes
        if not self.setting.accepts:
            return int(self._draws.integers(self.setting.workers))
        return int(np.searchsorted(self._accepts, self._draws.random(), side="right"))

    def _answered(self, pod: _Pod, incarnation: int, worker: int, time: float) -> None:
        self._in_flight[pod.name] -= 1
        if pod.incarnation == incarnation:
            pod.idle.append((time, worker))

    def _candidates(self, session: _Session) -> tuple[str, ...]:
        if self.setting.rule is LookupRule.COHORT and session.pod:
            same = tuple(name for name in self._alive if self._pods[name].redis == session.redis)
            return same or self._alive
        return self._alive

    def _out_of_reach(self, time: float) -> bool:
        return any(outage.start <= time < outage.start + outage.length for outage in self.setting.outages)

    def _next_try(self, time: float) -> float:
        return time + self.setting.redis_timeout + self.setting.retry_after

    def _last(self, session: _Session, cause: Cause, asks_redis: bool, pod: _Pod | None) -> None:
        """After the last look-up: the second click, and the latency."""
        setting, tally = self.setting, self._tally
        tally.canary += pod is not None and pod.name == self._names[-1]
        if setting.double_clicks and self._draws.random() < setting.double_clicks:
            tally.double_clicks += 1
            races = setting.strategy is Strategy.GUIDE and session.redis and cause is Cause.NONE
            if races and bool(double_success(setting, 1, self._draws)[0]):
                tally.double_successes += 1
        taken = float(self._draws.standard_exponential()) * setting.service_time + session.waited
        if asks_redis:
            commands = VERIFY_COMMANDS.get(setting.strategy, OTHER_VERIFY_COMMANDS)
            taken += float(self._draws.standard_gamma(commands)) * setting.redis_latency
        tally.record_latencies(np.asarray([taken]))

    def _end(self, session: _Session, cause: Cause, wanted: float) -> None:
        self._tally.causes[cause] += 1
        row = TYPES.index(session.kind)
        self._tally.by_type[row] += (1, int(cause is not Cause.NONE))
        if cause is not Cause.NONE:
            self._bin(wanted, self._tally.lost_born)
        if session.redis:
            self._redis.pop(session.number, None)
        elif session.pod:
            self._pods[session.pod].memories[session.worker].discard(session.number)

    def _bin(self, time: float, counts: NDArray[np.int64]) -> None:
        if self.setting.eventful:
            counts[min(int(time / self.setting.span * BINS), BINS - 1)] += 1
