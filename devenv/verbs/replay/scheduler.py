"""Runs requests at the same time with their Redis commands in a given order, on real pods, through the gate.

The gate holds every command on the sessions' keys. A request that was released runs until it waits at the
gate again or is answered; no timer decides that. Only one request of a pod runs at a time, so the next
command from that pod is this request's. Connections do not show it: redis-py takes one per command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.schedule import GIVES_UP, START, Event, Release, Schedule, Step
from devenv.core.scenario.ordering import Exactly, Order, OrderNotMet, expects, started_late
from devenv.core.scenario.roles import Role, roles_of
from devenv.verbs.replay import by_hand
from devenv.verbs.replay.by_hand import HandOver
from devenv.wire.control.async_client import AsyncControlClient
from devenv.wire.gate.record import Fate

T = TypeVar("T")

RULE_ID = "schedule"
HOLD_SECONDS = 30.0
WAIT_SECONDS = 20.0
"""How long a request may take to its next command or answer before the run is given up."""

LATE_SECONDS = 2.0
"""How long a command that is to come after an answer is waited for."""

EventAction = Callable[[Event], Awaitable[None]]


class GateBypassed(EnvironmentProblem):
    """A request was answered without a command through the gate: there was nothing to order."""


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One request of those that run by an order."""

    name: str
    pod: str
    """The full name of the pod that serves it, so that its commands are known."""
    send: Callable[[], Awaitable[T]]
    """Sends it."""


@dataclass(slots=True)
class _Running(Generic[T]):
    request: Request[T]
    task: asyncio.Task[T] | None = None
    """None: it is not sent yet."""
    seq: int | None = None
    command: str | None = None
    key: str | None = None
    """Of its waiting command."""
    roles: frozenset[Role] = frozenset()
    commands: int = 0

    @property
    def done(self) -> bool:
        """Whether it was sent and is answered."""
        return self.task is not None and self.task.done()


@dataclass(frozen=True, slots=True)
class Followed(Generic[T]):
    """Each request's result by name, and the order that was run, in full."""

    results: Mapping[str, T]
    schedule: Schedule


@dataclass(slots=True)
class Scheduler(Generic[T]):
    """Follows one order."""

    control: AsyncControlClient
    keys: str
    """A glob of the keys whose commands are held."""
    perform: EventAction
    """Does what an event of the order says."""
    strict: bool = True
    """Whether a request without a command through the gate is an error."""
    session_keys: Collection[str] = ()
    """The keys that hold the sessions, for orders that name roles; empty: any key counts as one."""
    by_pod: bool = False
    """Whether every command of the requests' pods is held, whatever its key: then each has its own pod."""
    hand_over: HandOver | None = None
    """Where given, a person at the gate goes on where the order ends."""
    _held: dict[int, Mapping[str, Any]] = field(default_factory=dict, init=False)
    _let_go: set[int] = field(default_factory=set, init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _watcher: asyncio.Task[None] | None = field(default=None, init=False)
    _running: dict[str, _Running[T]] = field(default_factory=dict, init=False)
    _order: Order = field(default_factory=lambda: Exactly(Schedule(())), init=False)

    async def follow(self, requests: Sequence[Request[T]], order: Order) -> Followed[T]:
        """Run all requests in this order; what it leaves open runs request by request.

        Raises OrderNotMet where the order was not met, GateBypassed where a request sent no command
        (unless not ``strict``), and as ``AsyncControlClient.request``. Nothing stays held.
        """
        rules = self._rules(requests)
        for rule in rules:
            await self.control.request("POST", "/rules", json=rule)
        self._watcher = asyncio.ensure_future(self._watch())
        try:
            return await self._follow(requests, order)
        finally:
            self._watcher.cancel()
            for rule in rules:
                await self.control.request("DELETE", "/rules", params={"id": rule["id"]})
            tasks = [running.task for running in self._running.values() if running.task is not None]
            await asyncio.gather(self._watcher, *tasks, return_exceptions=True)
            self._running.clear()

    def _rules(self, requests: Sequence[Request[T]]) -> list[dict[str, Any]]:
        """What the gate is to hold."""
        seconds = HOLD_SECONDS if self.hand_over is None else by_hand.HOLD_SECONDS
        rule = {"id": RULE_ID, "action": "hold", "key": self.keys, "seconds": seconds}
        if not self.by_pod:
            return [rule]
        return [{**rule, "id": f"{RULE_ID}-{request.pod}", "pod": request.pod} for request in requests]

    async def _follow(self, requests: Sequence[Request[T]], order: Order) -> Followed[T]:
        taken: list[Step] = []
        self._order = order
        late = started_late(order)
        for request in requests:  # one after the other: the first command of a pod is then the new request's
            self._running[request.name] = running = _Running(request)
            if request.name not in late:
                await self._start(running)
        try:
            while step := order.choose(self._pending(), self._done(), self._roles()):
                await self._take(step)
                taken.append(step)
        except OrderNotMet:
            self._check_gate(self._done())  # which is then the reason
            raise
        if self.hand_over is not None:
            await self._follow_hand(self.hand_over, taken)
        for running in self._running.values():
            while (rest := self._pending().get(running.request.name)) is not None:
                await self._take(Release(running.request.name, rest))
                taken.append(Release(running.request.name, rest))
        self._check_gate(self._done())
        results = {
            name: running.task.result() for name, running in self._running.items() if running.task is not None
        }
        return Followed(results, Schedule(tuple(taken)))

    async def _follow_hand(self, hand: HandOver, taken: list[Step]) -> None:
        """Note what a person releases at the gate in ``taken``, until every request is answered."""
        while waiting := {one.seq: one for one in self._running.values() if one.seq is not None}:
            hand.stands({one.request.name: seq for seq, one in waiting.items()}, Schedule(tuple(taken)))
            for seq in await self._gone(waiting):
                running = waiting[seq]
                step = Release(running.request.name, running.command or "")
                self._let_go.add(seq)
                running.seq = running.command = None
                await self._settle(running)
                lost = (await self._record(seq))["fate"] == Fate.REPLY_DROPPED
                taken.append(replace(step, lost=lost))

    async def _gone(self, waiting: Collection[int]) -> list[int]:
        """Wait until one of these commands is not held any more; gives those, in the order of release."""
        assert self._watcher is not None
        while not (gone := [seq for seq in waiting if seq not in self._held]):
            self._news.clear()
            news = asyncio.ensure_future(self._news.wait())
            await asyncio.wait((news, self._watcher), return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
            if self._watcher.done():
                self._watcher.result()
        sent = {seq: (await self._record(seq))["forwarded"] or 0.0 for seq in gone}
        return sorted(gone, key=lambda seq: sent[seq])

    async def _record(self, seq: int) -> Mapping[str, Any]:
        """What the gate has written down of a command."""
        data = await self.control.request("GET", "/commands", params={"since": seq - 1, "limit": 1})
        record: Mapping[str, Any] = data["commands"][0]
        return record

    def _check_gate(self, answered: Sequence[str]) -> None:
        """Raise GateBypassed where one of these requests sent no command, unless that is allowed."""
        bypassed = [name for name in answered if not self._running[name].commands]
        if bypassed and self.strict:
            raise GateBypassed(
                f"{', '.join(bypassed)} answered without a Redis command through the gate: nothing to order",
                hint="are the pods started with USE_REDIS=true, and is REDIS_HOST/REDIS_PORT the gate's?",
            )

    async def _take(self, step: Step) -> None:
        if isinstance(step, Event):
            await self.perform(step)
            await self._after_event()
            return
        running = self._running.get(step.request)
        if running is not None and step.command == START and running.task is None:
            await self._start(running)
            return
        if running is None or running.seq is None:
            raise OrderNotMet(f"{step}: no request {step.request!r} waits at the gate")
        if step.command == GIVES_UP:
            await self._give_up(running)
            return
        await self._release(running, step)

    async def _start(self, running: _Running[T]) -> None:
        running.task = asyncio.ensure_future(running.request.send())
        await self._settle(running)

    async def _give_up(self, running: _Running[T]) -> None:
        """Let it try its lock until it does something else."""
        tried = running.command, running.key
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while (running.command, running.key) == tried and running.command is not None:
            if asyncio.get_running_loop().time() >= deadline:
                raise OrderNotMet(f"{running.request.name} did not give up waiting for {running.key}")
            await self._release(running, Release(running.request.name, running.command))

    async def _release(self, running: _Running[T], step: Release) -> None:
        assert running.seq is not None
        # "cut": a lost reply without its connection's end would only be noticed after the client's time-out.
        body = {"seq": running.seq, "then": "cut-reply" if step.lost else "pass"}
        released = await self.control.request("POST", "/release", json=body)
        if not released["released"]:
            raise OrderNotMet(f"{step}: the gate let it go before, after {HOLD_SECONDS:g} s or with its pod")
        self._held.pop(running.seq, None)
        self._let_go.add(running.seq)
        running.seq = running.command = None
        await self._settle(running)

    async def _settle(self, running: _Running[T]) -> None:
        """Wait until the request that was released waits at the gate again or is answered."""
        patience = WAIT_SECONDS if self.hand_over is None else by_hand.HOLD_SECONDS
        deadline = asyncio.get_running_loop().time() + patience
        while not self._is_over(running):
            self._news.clear()
            if self._claim(running):
                return
            assert self._watcher is not None and running.task is not None
            news = asyncio.ensure_future(self._news.wait())
            left = deadline - asyncio.get_running_loop().time()
            # Where a command after its answer is expected, that is what is waited for.
            waited = (news, self._watcher) if running.done else (news, running.task, self._watcher)
            left = min(left, LATE_SECONDS) if running.done else left
            came, _ = await asyncio.wait(waited, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
            if self._watcher.done():
                self._watcher.result()
            if running.done and not came:
                return
            if asyncio.get_running_loop().time() >= deadline:
                raise EnvironmentProblem(
                    f"{running.request.name} neither answered nor sent a Redis command in {patience:g} s",
                    hint="does it wait for a lock that another held request has?",
                )

    def _is_over(self, running: _Running[T]) -> bool:
        """Whether it is answered, and the order expects no more command of it."""
        return running.done and not expects(self._order, running.request.name)

    async def _after_event(self) -> None:
        """The requests of a restarted pod do not wait any more: their connections have ended."""
        held = {one["seq"] for one in (await self.control.request("GET", "/held"))["held"]}
        for running in self._running.values():
            if running.seq is not None and running.seq not in held:
                self._let_go.add(running.seq)
                running.seq = running.command = None
                await self._settle(running)

    def _claim(self, running: _Running[T]) -> bool:
        """Give the request the command held for its pod that is no other request's."""
        claimed = {other.seq for other in self._running.values()}
        for seq, held in self._held.items():
            if seq not in claimed and held["pod"] == running.request.pod:
                running.seq, running.command, running.key = seq, str(held["command"]), held["key"]
                running.roles = roles_of(held["runs"], self.session_keys)
                running.commands += 1
                return True
        return False

    async def _watch(self) -> None:
        """Keep ``_held`` as the gate has it; an answer may be older than the latest release."""
        params: dict[str, float] = {}
        while True:
            data = await self.control.request("GET", "/held", params=params)
            params = {"known": data["changes"], "wait": WAIT_SECONDS}
            ours = [held for held in data["held"] if held["rule"].startswith(RULE_ID)]
            self._held = {held["seq"]: held for held in ours if held["seq"] not in self._let_go}
            self._news.set()

    def _pending(self) -> dict[str, str]:
        waiting = {name: START if r.task is None else r.command for name, r in self._running.items()}
        return {name: command for name, command in waiting.items() if command is not None}

    def _roles(self) -> dict[str, Collection[Role]]:
        return {name: r.roles for name, r in self._running.items() if r.command is not None}

    def _done(self) -> list[str]:
        return [name for name, running in self._running.items() if running.done]
