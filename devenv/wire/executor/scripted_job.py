"""One request on scripted replies, on a real pod."""

from __future__ import annotations

from devenv.core.resp.values import Reply, encode_reply
from devenv.core.search.behaviour import Act, Heard, Issued, Lost, Place, Seen, renamed
from devenv.core.spec.redis_model import Database
from devenv.wire.executor.environment import Environment
from devenv.wire.executor.job_context import SYMBOL, JobSlot
from devenv.wire.executor.jobs import Scripted, ScriptedRun
from devenv.wire.gate.holds import Held, Then


class ScriptedJob:
    """One request on scripted replies."""

    def __init__(self, environment: Environment, slot: JobSlot, job: Scripted) -> None:
        self._environment, self._slot, self._job = environment, slot, job
        self._names: dict[bytes, bytes] = {}  # the request's own words → how they are written

    async def run(self) -> ScriptedRun:
        """Until the answer."""
        environment, slot, job = self._environment, self._slot, self._job
        heard: list[Heard] = [*job.heard]
        seen: list[Seen] = []
        database: Database = job.database
        named, mine = b"<%b:" % job.call.name.encode(), b"<self:"
        request = environment.start(slot, job.call)
        try:
            while True:
                await environment.settle(slot, request)
                if request.held is None:
                    seen.append(environment.answer(slot, request))
                    return ScriptedRun(tuple(heard[: len(seen) - 1]), tuple(seen))
                issued = self._issued(request.held)
                if len(seen) == len(heard):
                    commands = tuple(
                        tuple(word.replace(mine, named) for word in words) for words in issued.commands
                    )
                    act = Act(job.client, commands, issued.transaction)
                    reply, database = await environment.act(database, act)
                    heard.append(renamed(reply, named, mine))
                heard_next = heard[len(seen)]
                seen.append(issued)
                if isinstance(heard_next, Lost):
                    environment.let_go(request, Then.CUT)
                else:
                    resp3 = request.held.resp3
                    environment.let_go(
                        request, Then.ANSWER, encode_reply(self._real(heard_next), 3 if resp3 else 2)
                    )
        finally:
            await environment.drain(slot, [request])

    def _issued(self, held: Held) -> Issued:
        issued = self._slot.issued(held)
        for number, words in enumerate(issued.commands):
            for position, word in enumerate(words):
                place: Place = (issued.label, number, len(words), position)
                if place in self._job.places and word not in self._names:
                    self._names[word] = b"<self:%d>" % len(self._names)
        commands = tuple(tuple(self._names.get(word, word) for word in words) for words in issued.commands)
        return Issued(commands, issued.transaction)

    def _real(self, reply: Reply) -> Reply:
        real = renamed(reply, SYMBOL, self._slot.challenge_id.encode())
        for word, name in self._names.items():
            real = renamed(real, name, word)
        return real
