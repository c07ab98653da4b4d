"""One run of a session's requests on real pods: in a sequence, or in an order of their Redis commands.

A command belongs to the request that is under way on its pod, whatever key it has: each request has a pod of
its own. A request is done when its connection and its commands are done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from devenv.core.model.errors import EnvironmentProblem, Inconclusive
from devenv.core.model.events import RedisCommand
from devenv.core.model.ids import ChallengeId
from devenv.core.model.service import COOKIE, Filled, Request
from devenv.core.search.access import touched
from devenv.core.serializability.ends import End, HttpAnswer
from devenv.core.serializability.orders import GIVES_UP, START, Choice, OrderStep
from devenv.wire.executor.cookies import Cookies
from devenv.wire.executor.job_context import MAX_COMMANDS, Endless, NotQuiescent, Released
from devenv.wire.executor.jobs import RULE_PREFIX
from devenv.wire.executor.pod_client import PodAnswer, PodClient
from devenv.wire.executor.quiescence import QuiescenceWatch
from devenv.wire.executor.run_records import RunRecords
from devenv.wire.executor.session_jobs import SessionJob, SessionRun
from devenv.wire.executor.spins import Tries
from devenv.wire.gate.holds import Held, Then
from devenv.wire.gate.rules import Action, Rule
from devenv.wire.gate.server import Gate

HOLD_SECONDS = 120.0
REST_SECONDS = 0.05
"""Where quiescence cannot be observed: so long after an answer no command of the request is expected."""
MAX_TRIES = 100
"""So often may a request try a lock before it is taken for one that never gives up."""
GIVE_UP_SECONDS = 20.0
"""So long may giving up take."""
MAX_REPLY = 60


@dataclass(slots=True)
class _Running:
    """A request of the run, from before its start to its end."""

    number: int
    """Its place among the requests of the job."""
    pod: str
    task: asyncio.Task[PodAnswer] | None = None
    queue: list[Held] = field(default_factory=list)
    """Its commands that are held, oldest first."""
    tries: Tries = field(default_factory=Tries)
    commands: int = 0
    over: bool = False

    @property
    def possible(self) -> tuple[Choice, ...]:
        """What it can do next."""
        if self.task is None:
            return (Choice(self.number),)
        if not self.queue:
            return ()
        return (Choice(self.number, gives_up=True),) if self.tries.blocked else (Choice(self.number),)


class _Stuck(Exception):
    """No request can go on."""


class _NeverGivesUp(Exception):
    """A request tried its lock too often."""


class SessionRunner:
    """One run of ``job``. ``clients`` are those of the pods, which ``quiescence`` watches, if it can."""

    def __init__(
        self,
        gate: Gate,
        clients: dict[str, PodClient],
        quiescence: QuiescenceWatch | None,
        wait_seconds: float,
        job: SessionJob,
    ) -> None:
        self._gate, self._clients, self._job = gate, clients, job
        self._quiescence = quiescence if quiescence is not None and quiescence.observable else None
        self._wait = wait_seconds
        self._news = asyncio.Event()
        self._cookies = Cookies()
        self._id: str | None = None
        self._requests = [_Running(member, call.pod) for member, call in enumerate(job.calls)]
        self._steps: list[OrderStep] = []
        self._late: set[int] = set()
        self._endless: set[int] = set()
        self._stuck: tuple[str, ...] = ()
        self._records = RunRecords(gate) if job.record else None

    async def run(self) -> SessionRun:
        """Open the session, send the requests, ask."""
        opened = await self._open()
        if self._job.sequence is not None:
            await self._in_sequence(self._job.sequence)
        else:
            await self._in_order()
        answers = {one.number: _answer_of(one.task) for one in self._requests if one.task is not None}
        ask = await self._exchange(self._job.calls[0].pod, self._job.session.ask)
        end = End(answers, _answer(ask))
        late, endless = frozenset(self._late), frozenset(self._endless)
        cookies = tuple(self._cookies.values)
        records = () if self._records is None else self._records.gather(self._is_ours)
        return SessionRun(opened, tuple(self._steps), end, cookies, late, endless, self._stuck, records)

    def _is_ours(self, command: RedisCommand) -> bool:
        """Whether a command of the gate is one of this run: it has its pods for itself."""
        return any(command.pod == one.pod for one in self._requests)

    # --- HTTP ---------------------------------------------------------------------------------------------

    async def _open(self) -> HttpAnswer:
        session = self._job.session
        for request in session.open:
            answer = await self._exchange(self._job.calls[0].pod, request)
            self._cookies.take(answer.fields)
            session_id = session.id_in(dict(answer.fields), _answer(answer).data)
            self._id = self._id if session_id is None else session_id
        return _answer(answer)

    def _filled(self, request: Request) -> Filled:
        filled = request.fill(None if self._id is None else ChallengeId(self._id))
        headers = {**self._job.headers, **filled.headers}
        of_request = headers.pop(COOKIE, "")
        if cookie := "; ".join(part for part in (self._cookies.header, of_request) if part):
            headers[COOKIE] = cookie
        return Filled(filled.method, filled.path, headers, filled.body, filled.as_form)

    async def _exchange(self, pod: str, request: Request) -> PodAnswer:
        """One request while nothing is held. Raises EnvironmentProblem where no answer comes."""
        try:
            async with asyncio.timeout(self._wait * 2):
                return await self._sent(pod, request)
        except (OSError, EOFError, TimeoutError) as error:
            raise EnvironmentProblem(
                f"{pod} gave {request.method} {request.path} no answer: {error or 'time-out'}",
                hint="does it run? devenv status, devenv logs",
            ) from error

    def _send(self, one: _Running) -> None:
        request = self._job.session.request(self._job.calls[one.number].request).request
        one.task = self._sent(one.pod, request)
        one.task.add_done_callback(lambda _: self._news.set())

    def _sent(self, pod: str, request: Request) -> asyncio.Task[PodAnswer]:
        filled = self._filled(request)
        task = asyncio.ensure_future(self._clients[pod].exchange(filled))
        if self._records is not None:
            self._records.sent(pod, filled, task)
        return task

    # --- sequences ----------------------------------------------------------------------------------------

    async def _in_sequence(self, sequence: Sequence[int]) -> None:
        for member in sequence:
            one = self._requests[member]
            before = self._gate.recorder.last
            self._send(one)
            assert one.task is not None
            done, _ = await asyncio.wait([one.task], timeout=self._wait * 2)
            if not done:
                one.task.cancel()
                raise NotQuiescent(f"{self._name(one)} was not answered in {self._wait * 2:g} s, alone")
            answered = self._gate.recorder.last
            await self._rest()
            came = [item for item in self._gate.commands(before, MAX_COMMANDS * 10) if item.pod == one.pod]
            steps = [item for item in came if item.fate != "handshake"]
            if any(item.seq > answered for item in steps):
                self._late.add(member)
            self._steps += [
                OrderStep(Choice(member), item.command, (), item.key or "", (item.reply or "")[:MAX_REPLY])
                for item in steps
            ]

    async def _rest(self) -> None:
        """Wait until the pods are quiescent."""
        if self._quiescence is None:
            await asyncio.sleep(REST_SECONDS)
            return
        try:
            async with asyncio.timeout(self._wait):
                await self._quiescence.reached(self._news.is_set)
        except TimeoutError:
            raise NotQuiescent(f"the pods did not become quiescent in {self._wait:g} s") from None

    # --- orders -------------------------------------------------------------------------------------------

    async def _in_order(self) -> None:
        rules = {one.pod: f"{RULE_PREFIX}session-{one.pod}" for one in self._requests}
        for pod, rule in rules.items():
            self._gate.holds.watch(rule, self._taken_in)
            self._gate.add_rule(Rule(Action.HOLD, pod=pod, seconds=HOLD_SECONDS, id=rule))
        try:
            try:
                await self._steps_to_the_end()
                await self._look_for_late_commands()
            except _Stuck as stuck:
                self._stuck = (str(stuck),)
            except _NeverGivesUp:
                pass
        finally:
            for rule in rules.values():
                self._gate.holds.watch(rule, None)
            await self._drain()
            for rule in rules.values():
                self._gate.remove_rule(rule)

    def _taken_in(self, held: Held) -> None:
        for one in self._requests:
            if one.pod == held.pod:
                one.queue.append(held)
                if one.over:
                    self._late.add(one.number)
                self._news.set()

    async def _steps_to_the_end(self) -> None:
        prefix = list(self._job.prefix)
        while True:
            possible = tuple(
                choice
                for one in self._in_turn()
                for choice in one.possible
                if not (choice.gives_up and choice.request in self._job.endless)
            )
            if not possible:
                self._check_stuck()
                return
            choice = prefix.pop(0) if prefix else possible[0]
            if choice not in possible:
                raise Inconclusive(
                    f"step {len(self._steps) + 1}: {self._name(self._requests[choice.request])} cannot go on "
                    "as it did before with the same steps: it does not depend on its steps alone"
                )
            await self._take(choice, possible)

    def _in_turn(self) -> list[_Running]:
        """Those that are not started first: an order in which all are under way at once is the first one."""
        return sorted(self._requests, key=lambda one: one.task is not None)

    def _check_stuck(self) -> None:
        waiting = [one for one in self._requests if one.queue]
        if waiting:
            waits = ", ".join(f"{self._name(one)} for {one.tries.key}" for one in waiting)
            raise _Stuck(f"{waits}, which no request changes any more")

    async def _take(self, choice: Choice, possible: tuple[Choice, ...]) -> None:
        one = self._requests[choice.request]
        if one.task is None:
            self._steps.append(OrderStep(choice, START, possible))
            self._send(one)
            await self._settle(one)
            return
        held = one.queue[0]
        if choice.gives_up:
            self._steps.append(OrderStep(choice, GIVES_UP, possible, held.key or ""))
            await self._give_up(one)
            return
        reply = await self._release(one)
        self._steps.append(OrderStep(choice, held.command, possible, held.key or "", reply[:MAX_REPLY]))

    async def _release(self, one: _Running) -> str:
        """Let its oldest command go on, up to its next one or its end; the reply in short."""
        held = one.queue.pop(0)
        if not self._gate.holds.release_one(held.seq, Then.PASS):
            raise Released
        self._note_writes(one, held)
        await self._settle(one)
        [command] = self._gate.commands(held.seq - 1, 1)
        reply = command.reply or ""
        one.tries.ran(held.commands, reply, one.queue[0].commands if one.queue else None)
        return reply

    def _note_writes(self, one: _Running, held: Held) -> None:
        writes = touched(held.commands).writes
        for other in self._requests:
            if other is not one and writes:
                other.tries.changed(writes)

    async def _give_up(self, one: _Running) -> None:
        tries = 0
        deadline = asyncio.get_running_loop().time() + GIVE_UP_SECONDS
        while one.tries.blocked:
            tries += 1
            if tries > MAX_TRIES or asyncio.get_running_loop().time() > deadline:
                self._endless.add(one.number)
                raise _NeverGivesUp
            await self._release(one)

    async def _settle(self, one: _Running) -> None:
        """Wait until it has a command that is held, or is done."""
        assert one.task is not None
        try:
            async with asyncio.timeout(self._wait):
                while not one.queue:
                    if one.task.done():
                        if one.number not in self._job.patient:
                            one.over = True
                            return
                        self._news.clear()
                        await self._rest()
                        if not one.queue:
                            one.over = True
                            return
                    else:
                        await self._news.wait()
                        self._news.clear()
        except TimeoutError:
            raise NotQuiescent(
                f"{self._name(one)} neither answered nor sent a Redis command in {self._wait:g} s",
                hint="does it wait for something outside Redis that another held request has?",
            ) from None
        one.commands += 1
        if one.commands > MAX_COMMANDS * 5:
            raise Endless(f"{self._name(one)} sent {one.commands} Redis commands without an answer")

    async def _look_for_late_commands(self) -> None:
        """A command that came after its request's end was not ordered: the run counts nothing."""
        self._news.clear()
        await self._rest()
        self._late |= {one.number for one in self._requests if one.queue}

    async def _drain(self) -> None:
        """Held commands go on; requests that then do not come to an end are refused everything.

        A lock that is only refused is never given back, and its pod serves nothing until it is.
        """
        tasks = [one.task for one in self._requests if one.task is not None]
        unfinished = any(not task.done() for task in tasks)
        for one in self._requests:
            for held in one.queue:
                self._gate.holds.release_one(held.seq, Then.PASS)
            one.queue.clear()
        if unfinished:
            await self._end(tasks)

    async def _end(self, tasks: Sequence[asyncio.Task[PodAnswer]]) -> None:
        pods = {one.pod for one in self._requests}
        now = asyncio.get_running_loop().time
        begun = now()
        while any(not task.done() for task in tasks) and now() < begun + self._wait:
            ours = [held for held in self._gate.holds.current() if held.pod in pods]
            for held in ours:
                if now() < begun + self._wait / 2:
                    self._gate.holds.release_one(held.seq, Then.PASS)
                else:
                    self._gate.holds.release_one(held.seq, Then.ANSWER, b"-ERR exploring is over\r\n")
            await asyncio.wait(tasks, timeout=0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _name(self, one: _Running) -> str:
        return self._job.calls[one.number].name


def _answer(answer: PodAnswer) -> HttpAnswer:
    return HttpAnswer(answer.status, answer.body, dict(answer.fields).get("location", ""))


def _answer_of(task: asyncio.Task[PodAnswer]) -> HttpAnswer:
    if task.cancelled() or task.exception() is not None:
        return HttpAnswer(0, b"")
    return _answer(task.result())
