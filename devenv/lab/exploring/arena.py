"""Runs jobs on real pods in the process that has the gate: the pods' commands are held and let go here.

Each job has a challenge of its own (a lane), so jobs run side by side. Within a lane one request runs at a
time: whatever is held next belongs to it, or its answer comes. That is how a run is known to be at rest,
without a timer; ``WAIT_SECONDS`` only ends what would never rest.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from devenv.core.errors import DevenvError, EnvironmentProblem, Inconclusive
from devenv.explore.access import Touched, touched, watching
from devenv.explore.behaviour import Act, Answered, Heard, Issued, Lost, Place, Seen, renamed
from devenv.explore.frontier import awake, still_asleep
from devenv.explore.outcome import Outcome, beside_of, life
from devenv.explore.redis_store import RedisStore, canonical_document
from devenv.gate import Action, Gate, Held, Rule, Then
from devenv.lab.exploring.jobs import (
    CID,
    Job,
    Scheduled,
    ScheduledRun,
    Scripted,
    ScriptedRun,
    Taken,
    canonical_json,
)
from devenv.lab.exploring.sockets import PodClient, RedisLink
from devenv.lab.faults import KEY_EVENTS
from devenv.resp.commands import text_of
from devenv.spec.redis_model import Database, Scripts
from devenv.spec.replies import Reply, encode

WAIT_SECONDS = 5.0
"""How long a request may take to its next command or its answer."""
HOLD_SECONDS = 60.0
TRIES = 3
"""So often is a run begun anew in which a pod gave up waiting for a held command."""
MAX_REPLY = 80
_ID_PREFIX = 12
_CID = CID.encode()


class Bypassed(EnvironmentProblem):
    """A request answered without a single command through the gate: nothing was explored."""


class NoRest(Inconclusive):
    """A request neither answered nor sent a command: it may wait for a lock that another one has."""


class _LetGo(Exception):
    """A held command had gone when its turn came: the pod had given up."""


@dataclass(slots=True)
class _Lane:
    """One job's challenge; ``held`` is what was held last, ``over``: nothing of it matters any more."""

    cid: str
    news: asyncio.Event = field(default_factory=asyncio.Event)
    held: Held | None = None
    over: bool = False

    def symbolic(self, data: bytes) -> bytes:
        return data.replace(self.cid.encode(), _CID)

    def real(self, data: bytes) -> bytes:
        return data.replace(_CID, self.cid.encode())


@dataclass(slots=True)
class _Request:
    """A request under way: ``held`` is its pending command. ``commands`` counts those it sent."""

    name: str
    task: asyncio.Task[tuple[int, bytes]]
    held: Held | None = None
    commands: int = 0


class Arena:
    """``pods`` maps a pod's name to its address; ``scripts`` are the twins that the Redis model may call."""

    def __init__(
        self,
        gate: Gate,
        pods: Mapping[str, tuple[str, int]],
        scripts: Scripts,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._gate = gate
        self._wait = wait_seconds
        self._store = RedisStore(scripts)
        self._clients = {name: PodClient(*address) for name, address in pods.items()}
        self._prefix = secrets.token_hex(_ID_PREFIX // 2)
        self._rule = f"explore-{self._prefix}"
        self._lanes: dict[str, _Lane] = {}
        self._numbers = 0
        self._link: RedisLink | None = None
        self._busy = 0

    @property
    def pods(self) -> tuple[str, ...]:
        """The pods' names."""
        return tuple(self._clients)

    async def run(self, jobs: Sequence[Job], lanes: int) -> list[ScriptedRun | ScheduledRun | DevenvError]:
        """Run all jobs, ``lanes`` at a time; each one's result, or why there is none."""
        room = asyncio.Semaphore(lanes)

        async def one(job: Job) -> ScriptedRun | ScheduledRun | DevenvError:
            async with room:
                try:
                    return await self._retried(job)
                except DevenvError as error:
                    return error

        async with _Entered(self):
            return await asyncio.gather(*(one(job) for job in jobs))

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()
        if self._link is not None:
            self._link.close()

    async def _enter(self) -> None:
        self._busy += 1
        if self._busy == 1:
            self._gate.holds.watch(self._rule, self._taken_in)
            self._gate.add_rule(
                Rule(Action.HOLD, key=f"*{self._prefix}*", seconds=HOLD_SECONDS, id=self._rule)
            )

    def _leave(self) -> None:
        self._busy -= 1
        if self._busy == 0:
            self._gate.remove_rule(self._rule)
            self._gate.holds.watch(self._rule, None)

    def _taken_in(self, held: Held) -> None:
        """The gate holds a command: its lane is told."""
        lane = self._lane_of(held)
        if lane is None:
            return
        if lane.over:
            asyncio.get_running_loop().call_soon(self._refuse, held)
            return
        lane.held = held
        lane.news.set()

    def _lane_of(self, held: Held) -> _Lane | None:
        """Its key has the challenge id; or a transaction's does, of which another key was the first."""
        for text in (held.key or "", *(text_of(word) for words in held.commands for word in words)):
            at = text.find(self._prefix)
            if at >= 0 and (lane := self._lanes.get(text[at : at + len(CID)])) is not None:
                return lane
        return None

    async def _retried(self, job: Job) -> ScriptedRun | ScheduledRun:
        for _ in range(TRIES):
            self._numbers += 1
            number = f"{self._numbers:x}"
            lane = _Lane(self._prefix + number.rjust(len(CID) - _ID_PREFIX, "0"))
            self._lanes[lane.cid] = lane
            try:
                if isinstance(job, Scripted):
                    return await _Script(self, lane, job).run()
                return await _Play(self, lane, job).run()
            except _LetGo:
                continue
            finally:
                del self._lanes[lane.cid]
        raise Inconclusive(
            f"a pod gave up waiting for a held command, {TRIES} times",
            hint="the machine is too busy, or REDIS_TIMEOUT_MS is short; try fewer --lanes",
        )

    # --- what scripts and plays share -----------------------------------------------------------------------

    def start(self, lane: _Lane, name: str, pod: str, path: str, body: Mapping[str, object]) -> _Request:
        """Send a request; its challenge id is the lane's."""
        client = self._clients.get(pod)
        if client is None:
            raise EnvironmentProblem(f"there is no pod {pod!r}; there are {', '.join(self._clients)}")
        real = {key: lane.cid if value == CID else value for key, value in body.items()}
        task = asyncio.ensure_future(client.post(path, real, f"{lane.cid[-8:]}-{name}"))
        task.add_done_callback(lambda _: lane.news.set())
        return _Request(name, task)

    async def settle(self, lane: _Lane, request: _Request) -> None:
        """Wait until the request that runs is at rest: its next command is held, or it is answered."""
        try:
            async with asyncio.timeout(self._wait):
                while lane.held is None and not request.task.done():
                    await lane.news.wait()
                    lane.news.clear()
        except TimeoutError:
            raise NoRest(
                f"{request.name} neither answered nor sent a Redis command in {self._wait:g} s",
                hint="does it wait for a lock that another held request has?",
            ) from None
        lane.news.clear()
        request.held, lane.held = lane.held, None
        if request.held is not None:
            request.commands += 1

    def let_go(self, request: _Request, then: Then, answer: bytes = b"") -> None:
        """Let its held command go on."""
        held, request.held = request.held, None
        if held is None or not self._gate.holds.release_one(held.seq, then, answer):
            raise _LetGo

    def answer(self, lane: _Lane, request: _Request) -> Answered:
        """The HTTP answer of a request that is done. Raises Bypassed."""
        error = request.task.exception()
        if isinstance(error, OSError | EOFError):
            answered = Answered(0, canonical_json(repr(error).encode()))
        else:
            status, body = request.task.result()
            answered = Answered(status, canonical_json(lane.symbolic(body)))
        if not request.commands:
            raise Bypassed(
                f"{request.name} was answered {answered.status} without a Redis command through the gate: "
                "nothing was explored",
                hint="are the pods started with USE_REDIS=true, and REDIS_HOST/REDIS_PORT the gate's?",
            )
        return answered

    async def drain(self, lane: _Lane, requests: Sequence[_Request]) -> None:
        """Bring requests to an end, also after a failure: whatever they ask from now on is refused."""
        if all(request.task.done() for request in requests):
            return
        lane.over = True
        left = [request.held for request in requests] + [lane.held]
        for held in left:
            if held is not None:
                self._refuse(held)
        _, late = await asyncio.wait([request.task for request in requests], timeout=self._wait)
        for task in late:
            task.cancel()
        await asyncio.gather(*(request.task for request in requests), return_exceptions=True)

    def _refuse(self, held: Held) -> None:
        self._gate.holds.release_one(held.seq, Then.ANSWER, b"-ERR exploring is over\r\n")

    async def redis(self, *words: bytes) -> Reply:
        """One command, past the gate."""
        if self._link is None:
            self._link = await RedisLink.open(self._gate.upstream_host, self._gate.upstream_port)
        try:
            return await self._link.call(*words)
        except ConnectionError as error:
            self._link = None
            raise EnvironmentProblem(f"Redis does not answer: {error}") from error

    def reply_to(self, held: Held) -> str | None:
        """The reply to a command that was let go, in short."""
        [command] = self._gate.commands(held.seq - 1, 1)
        return command.reply

    def act(self, database: Database, act: Act) -> tuple[Reply, Database]:
        """Ask the Redis model."""
        return self._store.act(database, act)


class _Entered:
    """The gate holds the arena's keys while at least one batch is under way."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena

    async def __aenter__(self) -> None:
        await self._arena._enter()

    async def __aexit__(self, *_: object) -> None:
        self._arena._leave()


class _Script:
    """One request on scripted replies."""

    def __init__(self, arena: Arena, lane: _Lane, job: Scripted) -> None:
        self._arena, self._lane, self._job = arena, lane, job
        self._names: dict[bytes, bytes] = {}  # the request's own words → how they are written

    async def run(self) -> ScriptedRun:
        """Until the answer."""
        arena, lane, job = self._arena, self._lane, self._job
        heard: list[Heard] = [*job.heard]
        seen: list[Seen] = []
        database: Database = job.database
        own, mine = b"<%b:" % job.call.name.encode(), b"<self:"
        request = arena.start(lane, job.call.name, job.call.pod, job.call.path, job.call.body)
        try:
            while True:
                await arena.settle(lane, request)
                if request.held is None:
                    seen.append(arena.answer(lane, request))
                    return ScriptedRun(tuple(heard[: len(seen) - 1]), tuple(seen))
                issued = self._issued(request.held)
                if len(seen) == len(heard):
                    commands = tuple(
                        tuple(word.replace(mine, own) for word in words) for words in issued.commands
                    )
                    reply, database = arena.act(database, Act(job.client, commands, issued.transaction))
                    heard.append(renamed(reply, own, mine))
                told = heard[len(seen)]
                seen.append(issued)
                if isinstance(told, Lost):
                    arena.let_go(request, Then.CUT)
                else:
                    resp3 = request.held.resp3
                    arena.let_go(request, Then.ANSWER, encode(self._real(told), 3 if resp3 else 2))
        finally:
            await arena.drain(lane, [request])

    def _issued(self, held: Held) -> Issued:
        issued = _issued(self._lane, held)
        for number, words in enumerate(issued.commands):
            for at, word in enumerate(words):
                place: Place = (issued.label, number, len(words), at)
                if place in self._job.places and word not in self._names:
                    self._names[word] = b"<self:%d>" % len(self._names)
        commands = tuple(tuple(self._names.get(word, word) for word in words) for words in issued.commands)
        return Issued(commands, issued.transaction)

    def _real(self, reply: Reply) -> Reply:
        real = renamed(reply, _CID, self._lane.cid.encode())
        for word, name in self._names.items():
            real = renamed(real, name, word)
        return real


def _issued(lane: _Lane, held: Held) -> Issued:
    commands = tuple(tuple(lane.symbolic(word) for word in words) for words in held.commands)
    return Issued(commands, held.command == "EXEC")


class _Play:
    """Several requests and events on one session, step by step."""

    def __init__(self, arena: Arena, lane: _Lane, job: Scheduled) -> None:
        self._arena, self._lane, self._job = arena, lane, job
        self._requests: list[_Request] = []
        self._pending: list[Touched | None] = []
        self._watched: list[frozenset[str]] = [frozenset() for _ in job.calls]
        self._armed: set[int] = set()
        self._fired: set[int] = set()
        self._happened = [False] * len(job.events)
        self._labels = [""] * len(job.calls)
        self._steps: list[Taken] = []

    async def run(self) -> ScheduledRun:
        """Until everything is over."""
        arena, lane, job = self._arena, self._lane, self._job
        key = lane.real(job.key.encode())
        await arena.redis(b"SET", key, lane.real(job.document.encode()), b"PX", b"%d" % job.ttl_ms)
        try:
            for number, call in enumerate(job.calls):
                request = arena.start(lane, call.name, call.pod, call.path, call.body)
                self._requests.append(request)
                await arena.settle(lane, request)
                self._pending.append(None)
                self._note_pending(number)
            targets = {event.target for event in job.events if event.target is not None}
            self._targets = frozenset(targets)
            self._pending = [self._with_wire(at, it) for at, it in enumerate(self._pending)]
            self._pending += [self._event_touches(at) for at in range(len(job.events))]
            blocked_at = await self._steps_to_the_end()
            answers = [arena.answer(lane, request) for request in self._requests]
            keys = await self._look()
        finally:
            await arena.drain(lane, self._requests)
            await arena.redis(b"DEL", *map(self._real, self._keys()))
        left, data = keys[job.key]
        document = None if data is None else canonical_document(data)
        happened = [
            event.target in self._fired if event.target is not None else self._happened[at]
            for at, event in enumerate(job.events)
        ]
        beside = beside_of(keys, job.key)
        outcome = Outcome(tuple(answers), tuple(happened), life(left), document, beside)
        return ScheduledRun(tuple(self._steps), outcome, blocked_at)

    def _keys(self) -> list[str]:
        """The session's key and all others of the challenge that a request named."""
        touched = (step.touched for step in self._steps)
        named = sorted({key for it in touched for key in it.reads | it.writes if CID in key})
        return list(dict.fromkeys((self._job.key, *named)))

    def _real(self, key: str) -> bytes:
        return self._lane.real(key.encode())

    async def _look(self) -> dict[str, tuple[int | None, bytes | None]]:
        """What each key has left in milliseconds (-1: no TTL), and its text if it has one."""
        names, redis = self._keys(), self._arena.redis
        left = await asyncio.gather(*(redis(b"PTTL", self._real(key)) for key in names))
        data = await asyncio.gather(*(redis(b"GET", self._real(key)) for key in names))
        return {
            key: (
                milliseconds if isinstance(milliseconds, int) else None,
                self._lane.symbolic(text) if isinstance(text, bytes) else None,
            )
            for key, milliseconds, text in zip(names, left, data, strict=True)
        }

    async def _steps_to_the_end(self) -> int | None:
        sleep = self._job.sleep
        blocked_at: int | None = None
        for process in self._job.prefix:
            if process >= len(self._pending) or self._pending[process] is None:
                raise Inconclusive(
                    f"step {len(self._steps) + 1}: process {process} is over: the pods did otherwise before"
                )
            await self._take(process)
        while True:
            able = awake(self._pending, frozenset())
            if not able:
                return blocked_at
            going = awake(self._pending, sleep)
            if not going and blocked_at is None:
                blocked_at = len(self._steps)
            process = (going or able)[0]
            sleep = still_asleep(self._pending, sleep, process) if blocked_at is None else frozenset()
            await self._take(process)

    async def _take(self, process: int) -> None:
        step = self._pending[process]
        assert step is not None
        number = process - len(self._requests)
        if number >= 0:
            event = self._job.events[number]
            self._pending[process] = None
            self._steps.append(Taken(process, event.event, step))
            if event.target is not None:
                self._armed.add(event.target)
            else:
                script, key = KEY_EVENTS[event.event], self._lane.real(self._job.key.encode())
                self._happened[number] = await self._arena.redis(b"EVAL", script.encode(), b"1", key) == 1
            return
        request = self._requests[process]
        held = request.held
        assert held is not None
        self._steps.append(Taken(process, self._labels[process], step))
        lost = process in self._armed
        if lost:
            self._armed.discard(process)
            self._fired.add(process)
            self._watched[process] = frozenset()  # its connection ends
        self._arena.let_go(request, Then.CUT_REPLY if lost else Then.PASS)
        await self._arena.settle(self._lane, request)
        if self._job.watch:
            self._tell_reply(held, lost)
        self._note_pending(process)

    def _note_pending(self, process: int) -> None:
        held = self._requests[process].held
        if held is None:
            self._pending[process] = None
            return
        issued = _issued(self._lane, held)
        watched = self._watched[process]
        found = touched(issued.commands, watched if issued.transaction else frozenset())
        self._watched[process] = watching(watched, issued.commands, issued.transaction)
        self._labels[process] = issued.label
        self._pending[process] = self._with_wire(process, found)

    _targets: frozenset[int] = frozenset()

    def _with_wire(self, process: int, step: Touched | None) -> Touched | None:
        """A request whose reply may be lost depends on when that happens."""
        if step is None or process not in self._targets:
            return step
        return Touched(step.reads | {_wire(process)}, step.writes)

    def _event_touches(self, number: int) -> Touched:
        event = self._job.events[number]
        key = _wire(event.target) if event.target is not None else self._job.key
        return Touched(frozenset(), frozenset({key}))

    def _tell_reply(self, held: Held, lost: bool) -> None:
        last = self._steps[-1]
        told = self._arena.reply_to(held) or ""
        reply = "lost" if lost else told.replace(self._lane.cid, CID)[:MAX_REPLY]
        self._steps[-1] = Taken(last.process, last.label, last.touched, reply)


def _wire(process: int) -> str:
    return f"\0process {process}"
