"""Runs requests at the same time with their Redis commands in a given order, on real pods, through the gate.

The gate holds every command on the sessions' keys. A request that was let go runs until it waits at the gate
again or its HTTP answer is there; no timer tells. Only one request of a pod runs at a time, so the next
command from that pod is its: redis-py takes a pooled connection per command, and a connection is no request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx

from devenv.core.errors import EnvironmentProblem
from devenv.core.schedule import Event, Release, Schedule, Step
from devenv.scenario.ordering import CannotFollow, Order

T = TypeVar("T")

RULE_ID = "schedule"
HOLD_SECONDS = 30.0
WAIT_SECONDS = 20.0
"""How long a request may take to its next command or answer before the run is given up."""

EventAction = Callable[[Event], Awaitable[None]]


class GateBypassed(EnvironmentProblem):
    """A request answered without a single command through the gate: nothing was scheduled."""


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One request: sent by ``send``, served by ``pod`` (a full name, so that its commands are known)."""

    name: str
    pod: str
    send: Callable[[], Awaitable[T]]


@dataclass(slots=True)
class _Running(Generic[T]):
    request: Request[T]
    task: asyncio.Task[T]
    seq: int | None = None
    command: str | None = None
    commands: int = 0


@dataclass(frozen=True, slots=True)
class Followed(Generic[T]):
    """What came of it: each request's result by name, and the order that was run, in full."""

    results: Mapping[str, T]
    schedule: Schedule


@dataclass(slots=True)
class Scheduler(Generic[T]):
    """Follows one order; ``control`` is the control API's URL, ``keys`` a glob of the sessions' keys."""

    control: str
    keys: str
    perform: EventAction
    strict: bool = True
    _http: httpx.AsyncClient = field(init=False)
    _changes: int = field(default=0, init=False)
    _held: dict[int, Mapping[str, Any]] = field(default_factory=dict, init=False)
    _running: dict[str, _Running[T]] = field(default_factory=dict, init=False)

    async def follow(self, requests: Sequence[Request[T]], order: Order) -> Followed[T]:
        """Run all requests in this order; what it leaves open runs request by request.

        Raises CannotFollow where the order cannot be kept, GateBypassed where a request sent no command
        (unless not ``strict``), EnvironmentProblem where the gate does not answer. Nothing stays held.
        """
        async with httpx.AsyncClient(
            base_url=self.control, timeout=WAIT_SECONDS + 10, trust_env=False
        ) as http:
            self._http = http
            rule = {"id": RULE_ID, "action": "hold", "key": self.keys, "seconds": HOLD_SECONDS}
            await self._call("POST", "/rules", json=rule)
            try:
                return await self._follow(requests, order)
            finally:
                await self._call("DELETE", "/rules", params={"id": RULE_ID})
                tasks = [running.task for running in self._running.values()]
                await asyncio.gather(*tasks, return_exceptions=True)
                self._running.clear()

    async def _follow(self, requests: Sequence[Request[T]], order: Order) -> Followed[T]:
        taken: list[Step] = []
        await self._look(wait=False)
        for request in requests:  # one after the other: the first command of a pod is then the new request's
            running = _Running(request, asyncio.ensure_future(request.send()))
            self._running[request.name] = running
            await self._settle(running)
        while step := order.choose(self._pending(), self._done()):
            await self._take(step)
            taken.append(step)
        for running in self._running.values():
            while running.command is not None:
                rest = Release(running.request.name, running.command)
                await self._take(rest)
                taken.append(rest)
        bypassed = [name for name, running in self._running.items() if not running.commands]
        if bypassed and self.strict:
            raise GateBypassed(
                f"{', '.join(bypassed)} answered without a Redis command through the gate: nothing to order",
                hint="are the pods started with USE_REDIS=true, and is REDIS_HOST/REDIS_PORT the gate's?",
            )
        results = {name: running.task.result() for name, running in self._running.items()}
        return Followed(results, Schedule(tuple(taken)))

    async def _take(self, step: Step) -> None:
        if isinstance(step, Event):
            await self.perform(step)
            return
        running = self._running.get(step.request)
        if running is None or running.seq is None:
            raise CannotFollow(f"{step}: no request {step.request!r} waits at the gate")
        # "cut": a lost reply without its connection's end would only be noticed after the client's time-out.
        body = {"seq": running.seq, "then": "cut-reply" if step.lost else "pass"}
        released = await self._call("POST", "/release", json=body)
        if not released["released"]:
            raise CannotFollow(f"{step}: the gate let it go before, after {HOLD_SECONDS:g} s or with its pod")
        self._held.pop(running.seq, None)
        running.seq = running.command = None
        await self._settle(running)

    async def _settle(self, running: _Running[T]) -> None:
        """Wait until the request that was let go waits at the gate again or is answered."""
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while not running.task.done():
            if self._claim(running):
                return
            look = asyncio.ensure_future(self._look(wait=True))
            await asyncio.wait((look, running.task), return_when=asyncio.FIRST_COMPLETED)
            if not look.done():
                look.cancel()
            await asyncio.wait((look,))
            if not look.cancelled():
                look.result()
            if asyncio.get_running_loop().time() > deadline:
                raise EnvironmentProblem(
                    f"{running.request.name} neither answered nor sent a Redis command in {WAIT_SECONDS:g} s",
                    hint="does it wait for a lock that another held request has?",
                )

    def _claim(self, running: _Running[T]) -> bool:
        """Give the request the newest command held for its pod that nobody has yet."""
        claimed = {other.seq for other in self._running.values()}
        for seq, held in self._held.items():
            if seq not in claimed and held["pod"] == running.request.pod:
                running.seq, running.command = seq, str(held["command"])
                running.commands += 1
                return True
        return False

    async def _look(self, *, wait: bool) -> None:
        params = {"known": self._changes, "wait": 1.0} if wait else {}
        data = await self._call("GET", "/held", params=params)
        self._changes = data["changes"]
        self._held = {held["seq"]: held for held in data["held"] if held["rule"] == RULE_ID}

    def _pending(self) -> dict[str, str]:
        return {name: r.command for name, r in self._running.items() if r.command is not None}

    def _done(self) -> list[str]:
        return [name for name, running in self._running.items() if running.task.done()]

    async def _call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            response = await self._http.request(method, path, **arguments)
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise EnvironmentProblem(
                f"the gate's control API at {self.control}{path} does not answer as it should: {error!r}",
                hint="see `devenv status` and `devenv logs`",
            ) from error
        return response.json()
