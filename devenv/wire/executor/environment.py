"""What all jobs stand on: the pods, the gate that holds what they say, Redis, and the Redis model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.service import Filled, ServiceProfile
from devenv.core.model.vocabulary import NOT_FOUND_MESSAGE, Outcome
from devenv.core.resp.values import Reply
from devenv.core.search.behaviour import Act, Answered
from devenv.core.search.outcome import AT_NO_COST
from devenv.core.search.redis_store import RedisStore
from devenv.core.spec.captcha_session import NO_LIMIT
from devenv.core.spec.learned_scripts import LearnedScripts, NotLearned, ScriptCall, ScriptEffect
from devenv.core.spec.redis_model import Database
from devenv.wire.executor.job_context import Bypassed, JobSlot, NotQuiescent, PodBusy, Released, Request
from devenv.wire.executor.jobs import Call, canonical_json
from devenv.wire.executor.pod_client import PodClient
from devenv.wire.executor.pod_control import PodControl
from devenv.wire.executor.redis_link import ClusterLink, RedisLink
from devenv.wire.executor.run_records import RunRecords
from devenv.wire.executor.script_trial import run_script
from devenv.wire.gate.holds import Held, Then
from devenv.wire.gate.server import Gate

T = TypeVar("T")

CHECK_AFTER_SECONDS = 0.02
"""How long a request with others in its pod is waited for before quiescence is checked."""


class Environment:
    """``pods`` maps a pod's name to its address; ``scripts`` are those that the Redis model may call.

    ``wait_seconds``: how long a request may take to its next command or its answer.
    """

    def __init__(
        self,
        gate: Gate,
        pods: Mapping[str, tuple[str, int]],
        scripts: LearnedScripts,
        wait_seconds: float,
        pod_control: PodControl,
    ) -> None:
        self.gate = gate
        self._wait = wait_seconds
        self._pod_control = pod_control
        self._scripts = scripts
        self._store = RedisStore(scripts)
        self._clients = {name: PodClient(*address) for name, address in pods.items()}
        self._links: dict[int, RedisLink] = {}

    @property
    def pods(self) -> tuple[str, ...]:
        """The pods' names."""
        return tuple(self._clients)

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()
        for link in self._links.values():
            link.close()

    # --- requests -------------------------------------------------------------------------------------------

    def start(self, slot: JobSlot, call: Call, records: RunRecords | None = None) -> Request:
        """Send a request with the challenge id of the job slot; ``records`` get it, where there are some."""
        client = self._clients.get(call.pod)
        if client is None:
            raise EnvironmentProblem(f"there is no pod {call.pod!r}; there are {', '.join(self._clients)}")
        real = call.real(slot.challenge_id)
        headers = {**real.headers, "X-Request-Id": f"{slot.challenge_id[-8:]}-{call.name}"}
        filled = Filled(real.method, real.path, headers, real.body, real.as_form)
        task = asyncio.ensure_future(client.exchange(filled))
        if records is not None:
            records.sent(call.pod, filled, task)
        task.add_done_callback(lambda _: slot.news.set())
        return Request(call.name, call.pod, task, call.profile)

    async def settle(self, slot: JobSlot, request: Request, others_in_pod: bool = False) -> bool:
        """Wait until the running request is quiescent: its next command is held, or it is answered. Then
        True.

        ``others_in_pod``: another request is under way in its pod, and it may wait for that one. Where the
        pod's processes are quiescent first, it does: False. Raises NotQuiescent where quiescence cannot be
        observed, and PodBusy where it may wait for a request of another job slot.
        """

        def news() -> bool:
            return bool(slot.arrived) or request.task.done()

        watch = self._pod_control.quiescence if others_in_pod else None
        try:
            async with asyncio.timeout(self._wait):
                while not news():
                    if watch is None or not watch.observable:
                        await slot.news.wait()
                    elif await _in_time(slot.news, CHECK_AFTER_SECONDS) or not await watch.reached(news):
                        pass
                    elif slot.alone:
                        return False
                    else:
                        raise PodBusy
                    slot.news.clear()
        except TimeoutError:
            raise NotQuiescent(
                f"{request.name} neither answered nor sent a Redis command in {self._wait:g} s",
                hint="does it wait for a lock that another held request has?",
            ) from None
        slot.news.clear()
        if slot.arrived:
            request.take(slot.arrived.pop(0))
        return True

    async def all_quiescent(self, slot: JobSlot, request: Request) -> None:
        """Wait until all pods are quiescent, whatever comes meanwhile. Raises NotQuiescent."""
        watch = self._pod_control.quiescence
        assert watch is not None
        try:
            async with asyncio.timeout(self._wait):
                await watch.reached(lambda: False)
        except TimeoutError:
            raise NotQuiescent(
                f"the pods did not become quiescent in {self._wait:g} s after {request.name}"
            ) from None
        slot.news.clear()

    def let_go(self, request: Request, then: Then, answer: bytes = b"") -> None:
        """Let its held command go on."""
        held, request.held = request.held, None
        if held is None or not self.gate.holds.release_one(held.seq, then, answer):
            raise Released

    def answer(self, slot: JobSlot, request: Request) -> Answered:
        """The HTTP answer of a request that is done. Raises Bypassed, EnvironmentProblem of a dead pod."""
        error = request.task.exception()
        if isinstance(error, OSError | EOFError):
            if not request.commands:
                raise EnvironmentProblem(
                    f"{request.pod} gave {request.name} no answer: {error}",
                    hint="does it run? devenv status, devenv logs",
                )
            answered = Answered(0, canonical_json(repr(error).encode()))
        else:
            answer = request.task.result()
            answered = Answered(answer.status, canonical_json(slot.symbolic(answer.body)))
            if request.profile is not None:
                answered = _as_contract(answered, request.profile)
        if not request.commands:
            raise Bypassed(
                f"{request.name} was answered {answered.status} without a Redis command through the gate: "
                "nothing was explored",
                hint="are the pods started with USE_REDIS=true, and REDIS_HOST/REDIS_PORT the gate's?",
            )
        return answered

    async def drain(self, slot: JobSlot, requests: Sequence[Request]) -> None:
        """Bring requests to an end, also after a failure: their commands from now on are refused."""
        if all(request.task.done() for request in requests):
            return
        slot.over = True
        for held in [*(request.held for request in requests), *slot.arrived]:
            if held is not None:
                self.refuse(held)
        _, late = await asyncio.wait([request.task for request in requests], timeout=self._wait)
        for task in late:
            task.cancel()
        await asyncio.gather(*(request.task for request in requests), return_exceptions=True)

    def refuse(self, held: Held) -> None:
        """Answer a command of a job that is over with an error."""
        self.gate.holds.release_one(held.seq, Then.ANSWER, b"-ERR exploring is over\r\n")

    async def crash(self, pod: str) -> None:
        """Kill a pod and wait for its successor. Raises EnvironmentProblem where that cannot be done."""
        if self._pod_control.crash is None:
            raise EnvironmentProblem(
                "pods in containers cannot be restarted in the middle of a request from here",
                hint="explore restarts on the embedded backend",
            )
        await self._pod_control.crash(pod)

    # --- Redis ----------------------------------------------------------------------------------------------

    async def redis(self, db: int, *words: bytes) -> Reply:
        """One command in database ``db``, past the gate."""
        return await self._asked(db, lambda link: link.call(*words))

    async def script(self, call: ScriptCall) -> ScriptEffect:
        """What a script does in one situation, tried in database 0 on keys of its own."""
        return await self._asked(0, lambda link: run_script(link, call))

    async def _asked(self, db: int, question: Callable[[RedisLink], Awaitable[T]]) -> T:
        try:
            if (link := self._links.get(db)) is not None and link.ended:
                self._links.pop(db).close()
                link = None
            if link is None:
                kind = ClusterLink if self.gate.cluster else RedisLink
                gate = self.gate
                link = await kind.open(gate.upstream_host, gate.upstream_port, self._pod_control.access)
                if db:
                    await link.call(b"SELECT", b"%d" % db)
                if (first := self._links.setdefault(db, link)) is not link:
                    link.close()
                    link = first
            return await question(link)
        except ConnectionError as error:
            self._links.pop(db, None)
            raise EnvironmentProblem(f"Redis does not answer: {error}") from error

    def reply_to(self, held: Held) -> str | None:
        """The reply to a command that was let go, in short."""
        [command] = self.gate.commands(held.seq - 1, 1)
        return command.reply

    async def act(self, database: Database, act: Act) -> tuple[Reply, Database]:
        """Ask the Redis model; what it does not know of a script, the real Redis shows it."""
        while True:
            try:
                return self._store.act(database, act)
            except NotLearned as missing:
                self._scripts.learn(missing.call, await self.script(missing.call))


def _as_contract(answer: Answered, profile: ServiceProfile) -> Answered:
    """What a service of its own style answered, in the contract's words: everything later reads those."""
    fields = json.loads(answer.body)
    body = fields if isinstance(fields, dict) else {}
    outcome = profile.outcome(answer.status, body, answer.body)
    if outcome is Outcome.ERROR:
        return answer
    contract: dict[str, object] = {"success": outcome is Outcome.SUCCESS}
    if outcome is Outcome.NOT_FOUND:
        contract["message"] = NOT_FOUND_MESSAGE
    elif outcome is Outcome.WRONG and profile.limit == NO_LIMIT:
        contract["message"] = AT_NO_COST
    if isinstance(count := profile.canonical(body).get("attempts"), int):
        contract["attempts"] = count
    return Answered(200, json.dumps(contract, sort_keys=True))


async def _in_time(news: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(news.wait(), seconds)
    except TimeoutError:
        return False
    return True
