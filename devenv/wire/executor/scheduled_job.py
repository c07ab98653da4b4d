"""Several requests and events on one fresh session, step by step, on real pods."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from devenv.core.model.errors import Inconclusive
from devenv.core.model.events import RedisCommand, TraceEvent
from devenv.core.model.key_events import KEY_EVENTS
from devenv.core.search.access import Touched, touched, watching
from devenv.core.search.behaviour import CUT_SHORT, NO_ANSWER, Answered
from devenv.core.search.frontier import awake, still_asleep
from devenv.core.search.outcome import Outcome, beside_of, life
from devenv.core.search.redis_store import canonical_document
from devenv.wire.executor.environment import Environment
from devenv.wire.executor.job_context import JobSlot, NotQuiescent, Request
from devenv.wire.executor.jobs import ANY_ID, Scheduled, ScheduledRun, Taken
from devenv.wire.executor.run_records import RunRecords
from devenv.wire.gate.holds import Held, Then

MAX_REPLY = 80


class ScheduledJob:
    """One run of ``job`` on the challenge of ``slot``."""

    def __init__(self, environment: Environment, slot: JobSlot, job: Scheduled) -> None:
        self._environment, self._slot, self._job = environment, slot, job
        self._requests: list[Request] = []
        self._pending: list[Touched | None] = []
        self._watched: list[frozenset[str]] = [frozenset() for _ in job.calls]
        self._armed: set[int] = set()
        self._fired: set[int] = set()
        self._instead: dict[int, Touched | None] = {}  # of those cut short: what they were about to do
        self._waiting: list[int] = []  # inside their pods, for another request there
        self._happened = [False] * len(job.events)
        self._labels = [""] * len(job.calls)
        self._steps: list[Taken] = []
        self._records = RunRecords(environment.gate) if job.record else None
        self._targets = frozenset(
            index for event in range(len(job.events)) for index in self._affected(event)
        )

    async def run(self) -> ScheduledRun:
        """Until everything is over."""
        environment, slot, job = self._environment, self._slot, self._job
        key, document = self._real(job.key), slot.real(job.document)
        self._note("redis", action="command", command=f"SET {key.decode()} … PX {job.ttl_ms}")
        await environment.redis(job.db, b"SET", key, document, b"PX", b"%d" % job.ttl_ms)
        try:
            for number in range(len(job.calls)):
                self._pending.append(None)
                await self._begin(number)
            self._pending += [self._event_touches(index) for index in range(len(job.events))]
            blocked_at = await self._steps_to_the_end()
            answers = [self._answer(index) for index in range(len(job.calls))]
            keys = await self._look()
        finally:
            await environment.drain(slot, self._requests)
            await environment.redis(job.db, b"DEL", *map(self._real, self._keys()))
        left, data = keys[job.key]
        document_left = None if data is None else canonical_document(data)
        happened = tuple(self._has_happened(index) for index in range(len(job.events)))
        outcome = Outcome(tuple(answers), happened, life(left), document_left, beside_of(keys, job.key))
        return ScheduledRun(tuple(self._steps), outcome, blocked_at, self._recorded())

    def _note(self, what: str, pod: str | None = None, **detail: str) -> None:
        """What is done to the stack from here."""
        if self._records is not None:
            self._records.happened(what, pod, **detail)

    def _recorded(self) -> tuple[TraceEvent, ...]:
        """The records of the run; of the commands those that name its challenge."""
        challenge = self._slot.challenge_id

        def ours(command: RedisCommand) -> bool:
            return challenge in (command.key or "") or any(challenge in word for word in command.args)

        return () if self._records is None else self._records.gather(ours)

    # --- the end --------------------------------------------------------------------------------------------

    def _answer(self, number: int) -> Answered:
        if number in self._instead:
            return NO_ANSWER
        return self._environment.answer(self._slot, self._requests[number])

    def _has_happened(self, number: int) -> bool:
        event = self._job.events[number]
        if event.target is not None:
            return event.target in self._fired
        if event.pod is not None:
            return any(index in self._instead for index in self._affected(number))
        return self._happened[number]

    def _keys(self) -> list[str]:
        """The session's key and all others of the challenge that a request named."""
        touched = (step.touched for step in self._steps)
        named = sorted({key for item in touched for key in item.reads | item.writes if ANY_ID in key})
        return list(dict.fromkeys((self._job.key, *named)))

    def _real(self, key: str) -> bytes:
        return self._slot.real(key.encode())

    async def _look(self) -> dict[str, tuple[int | None, bytes | None]]:
        """What each key has left in milliseconds (-1: no TTL), and its text if it has one."""
        names, redis, db = self._keys(), self._environment.redis, self._job.db
        left = await asyncio.gather(*(redis(db, b"PTTL", self._real(key)) for key in names))
        data = await asyncio.gather(*(redis(db, b"GET", self._real(key)) for key in names))
        return {
            key: (
                milliseconds if isinstance(milliseconds, int) else None,
                self._slot.symbolic(text) if isinstance(text, bytes) else None,
            )
            for key, milliseconds, text in zip(names, left, data, strict=True)
        }

    # --- steps ----------------------------------------------------------------------------------------------

    async def _begin(self, number: int) -> None:
        """Send the request, up to its first command."""
        call = self._job.calls[number]
        request = self._environment.start(self._slot, call, self._records)
        self._requests[number : number + 1] = [request]
        await self._settle(number)
        self._note_pending(number)

    async def _steps_to_the_end(self) -> int | None:
        sleep = self._job.sleep
        blocked_at: int | None = None
        for process in self._job.prefix:
            if process >= len(self._pending) or self._pending[process] is None:
                raise self._cannot_go_on(process)
            await self._take(process)
        while True:
            able = awake(self._pending, frozenset())
            if not able and self._waiting:
                waits = ", ".join(self._job.calls[index].name for index in self._waiting)
                raise NotQuiescent(f"{waits}: waits inside its pod although no other request is held")
            if not able:
                return blocked_at
            going = awake(self._pending, sleep)
            if not going and blocked_at is None:
                blocked_at = len(self._steps)
            process = (going or able)[0]
            sleep = still_asleep(self._pending, sleep, process) if blocked_at is None else frozenset()
            await self._take(process)

    def _cannot_go_on(self, process: int) -> Inconclusive:
        step = f"step {len(self._steps) + 1}"
        if process in self._waiting:
            return Inconclusive(
                f"{step}: {self._job.calls[process].name} waits inside its pod for another request there: "
                "this order cannot be run"
            )
        return Inconclusive(f"{step}: process {process} is over: the pods did otherwise before")

    async def _take(self, process: int) -> None:
        step = self._pending[process]
        assert step is not None
        waiting = tuple(self._waiting)
        if process >= len(self._requests):
            number = process - len(self._requests)
            self._steps.append(Taken(process, self._job.events[number].event, step, waiting=waiting))
            self._pending[process] = None
            await self._happen(number)
            return
        if process in self._instead:
            self._pending[process] = None
            instead = self._instead[process]
            self._steps.append(Taken(process, CUT_SHORT, step, waiting=waiting, instead=instead))
            return
        held = self._requests[process].held
        assert held is not None
        self._steps.append(Taken(process, self._labels[process], step, waiting=waiting))
        lost = process in self._armed
        if lost:
            self._armed.discard(process)
            self._fired.add(process)
            self._watched[process] = frozenset()  # its connection ends
        self._environment.let_go(self._requests[process], Then.CUT_REPLY if lost else Then.PASS)
        await self._settle(process)
        if self._job.watch:
            self._tell_reply(held, lost)
        self._note_pending(process)

    async def _happen(self, number: int) -> None:
        event = self._job.events[number]
        if event.target is not None:
            self._armed.add(event.target)
        elif event.pod is not None:
            await self._restart(event.pod, self._affected(number))
        else:
            script, key = KEY_EVENTS[event.event].encode(), self._real(self._job.key)
            self._note("redis", action=event.event, key=key.decode())
            self._happened[number] = (
                await self._environment.redis(self._job.db, b"EVAL", script, b"1", key) == 1
            )

    async def _restart(self, pod: str, served: tuple[int, ...]) -> None:
        """Requests that have begun there are cut short; the others are served by the new process."""
        begun = dict.fromkeys(step.process for step in self._steps)
        under_way = [index for index in served if not self._requests[index].task.done()]
        for index in under_way:
            self._requests[index].held = None
        self._note("restart", pod)
        await self._environment.crash(pod)
        if under_way:
            await asyncio.wait([self._requests[index].task for index in under_way])
        self._waiting = [index for index in self._waiting if index not in under_way]
        for index in under_way:
            self._requests[index].task.exception()
            if index in begun:
                self._instead[index] = self._pending[index]
                self._pending[index] = self._with_wire(index, Touched(frozenset(), frozenset()))
            else:
                await self._begin(index)

    # --- quiescence ----------------------------------------------------------------------------------------

    async def _settle(self, process: int) -> None:
        """Wait until the released request is quiescent: held at the gate, answered, or waiting in its pod."""
        request = self._requests[process]
        if not self._waiting:
            if not await self._environment.settle(self._slot, request, self._has_others_in_pod(process)):
                self._waiting.append(process)
            return
        # What comes now may also be from a request that waited for this one.
        await self._environment.all_quiescent(self._slot, request)
        arrived, self._slot.arrived = self._slot.arrived, []
        for pod in dict.fromkeys(held.pod for held in arrived):
            here = [held for held in arrived if held.pod == pod]
            if len(here) > 1:
                raise Inconclusive(
                    f"{len(here)} commands came at once from {pod}, where requests wait for each other: "
                    "their senders are not known"
                )
            goes_on = pod == request.pod and not request.task.done()
            waiting = [index for index in self._waiting if self._requests[index].pod == pod]
            if goes_on:
                request.take(here[0])
            elif waiting:  # the one that has waited longest: locks are mostly given in turn
                self._waiting.remove(waiting[0])
                self._requests[waiting[0]].take(here[0])
                self._note_pending(waiting[0])
        self._waiting = [index for index in self._waiting if not self._requests[index].task.done()]
        if request.held is None and not request.task.done():
            self._waiting.append(process)
        if any(other.held is not None and other.task.done() for other in self._requests):
            raise Inconclusive(
                "a request was answered whose command seemed to be held: its sender is not known"
            )

    def _has_others_in_pod(self, process: int) -> bool:
        pod = self._requests[process].pod
        others = (other for index, other in enumerate(self._requests) if index != process)
        return any(other.pod == pod and not other.task.done() for other in others)

    # --- what is next ---------------------------------------------------------------------------------------

    def _note_pending(self, process: int) -> None:
        held = self._requests[process].held
        if held is None:
            self._pending[process] = None
            return
        issued = self._slot.issued(held)
        watched = self._watched[process]
        step = touched(issued.commands, watched if issued.transaction else frozenset())
        self._watched[process] = watching(watched, issued.commands, issued.transaction)
        self._labels[process] = issued.label
        self._pending[process] = self._with_wire(process, step)

    def _with_wire(self, process: int, step: Touched) -> Touched:
        """What may affect a request depends on the moment."""
        if process not in self._targets:
            return step
        return Touched(step.reads | {_wire(process)}, step.writes)

    def _affected(self, number: int) -> tuple[int, ...]:
        """The requests that an event happens to."""
        event = self._job.events[number]
        if event.target is not None:
            return (event.target,)
        return tuple(index for index, call in enumerate(self._job.calls) if event.pod == call.pod)

    def _event_touches(self, number: int) -> Touched:
        affected = self._affected(number)
        keys = map(_wire, affected) if affected else (self._job.key,)
        return Touched(frozenset(), frozenset(keys))

    def _tell_reply(self, held: Held, lost: bool) -> None:
        reply = self._environment.reply_to(held) or ""
        reply = "lost" if lost else reply.replace(self._slot.challenge_id, ANY_ID)[:MAX_REPLY]
        self._steps[-1] = replace(self._steps[-1], reply=reply)


def _wire(process: int) -> str:
    return f"\0process {process}"
