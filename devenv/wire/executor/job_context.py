"""One job's challenge and its requests, as the executor pool and the jobs share them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from devenv.core.model.errors import EnvironmentProblem, Inconclusive
from devenv.core.model.ids import ChallengeId
from devenv.core.model.service import ServiceProfile
from devenv.core.search.behaviour import Issued
from devenv.wire.executor.jobs import ANY_ID
from devenv.wire.executor.pod_client import PodAnswer
from devenv.wire.gate.holds import Held

SYMBOL = ANY_ID.encode()
MAX_COMMANDS = 100
"""This many on its challenge's keys may one request send; a verify sends 1 to 15."""


class Bypassed(EnvironmentProblem):
    """A request answered without a single command through the gate: nothing was explored."""


class NotQuiescent(Inconclusive):
    """A request was neither answered nor sent a command, and the reason cannot be observed."""


class Endless(Inconclusive):
    """A request goes on and on, as one does that asks again and again for a lock in Redis."""


class Released(Exception):
    """A held command had gone when its turn came: the pod had given up."""


class PodBusy(Exception):
    """A request waits inside its pod, possibly for a request of another job."""


@dataclass(slots=True)
class JobSlot:
    """One job's challenge."""

    challenge_id: ChallengeId
    alone: bool = False
    """Whether no other job runs meanwhile."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: list[Held] = field(default_factory=list)
    """What was held and is not assigned to a request yet."""
    over: bool = False
    """Whether the job has ended, so that nothing of it matters any more."""

    def symbolic(self, data: bytes) -> bytes:
        """With ``ANY_ID`` for the challenge id."""
        return data.replace(self.challenge_id.encode(), SYMBOL)

    def real(self, data: bytes) -> bytes:
        """The inverse."""
        return data.replace(SYMBOL, self.challenge_id.encode())

    def issued(self, held: Held) -> Issued:
        """A held command as behaviours have it."""
        commands = tuple(tuple(self.symbolic(word) for word in words) for words in held.commands)
        return Issued(commands, held.command == "EXEC")


@dataclass(slots=True)
class Request:
    """A request under way."""

    name: str
    pod: str
    task: asyncio.Task[PodAnswer]
    profile: ServiceProfile | None = None
    held: Held | None = None
    """Its pending command."""
    commands: int = 0
    """How many it sent."""

    def take(self, held: Held) -> None:
        """Its next command is held. Raises Endless."""
        self.held = held
        self.commands += 1
        if self.commands > MAX_COMMANDS:
            raise Endless(
                f"{self.name} sent {MAX_COMMANDS} Redis commands without an answer: does it ask again and "
                "again for something that another request has (a lock in Redis)?",
                hint="such a wait has no end in some orders, which cannot be run: docs/exploration.md",
            )


class SharedLock:
    """Jobs share it, or one job has it alone; a job that wants it alone goes before those that share it."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._inside = 0
        self._wanted = 0
        self._taken = False

    @asynccontextmanager
    async def entered(self, alone: bool) -> AsyncIterator[None]:
        """Be inside, alone or with others."""
        async with self._changed:
            self._wanted += alone
            try:
                await self._changed.wait_for(lambda: self._free(alone))
            finally:
                self._wanted -= alone
            self._inside += 1
            self._taken = alone
        try:
            yield
        finally:
            async with self._changed:
                self._inside -= 1
                self._taken = False
                self._changed.notify_all()

    def _free(self, alone: bool) -> bool:
        return not self._inside if alone else not self._taken and not self._wanted
