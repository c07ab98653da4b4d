"""Steady traffic: sessions that are created and answered while a rollout runs, each judged by the checker."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from devenv.core.checker.history import history_of
from devenv.core.checker.judge import Outcome as Judged
from devenv.core.checker.judge import Rules, judge
from devenv.core.model.errors import DevenvError
from devenv.core.model.events import HistoryEvent
from devenv.core.model.topology import Endpoints
from devenv.core.model.vocabulary import Answer, CaptchaType, Outcome
from devenv.core.rollout.plan import Plan
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.exchanges import Challenge, CreateFailed

MOST_OPEN = 100
"""Sessions under way at most: beyond, new ones are skipped and counted."""


class Verdict(StrEnum):
    """What became of a session."""

    KEPT = "kept"
    """The checker holds the session's history for right."""
    LOST = "lost"
    """The checker holds it for a violation: an open session was not found, or an attempt was lost."""
    UNDECIDED = "undecided"
    """An answer never came (a pod restarted under it), the session may have expired, or the checker cannot
    tell."""
    REFUSED = "refused"
    """The session was not created."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One session."""

    born: float
    """When its create was sent, in seconds since the epoch."""
    ended: float
    """When its last answer came."""
    verdict: Verdict
    maker: str = ""
    """The pod that created it."""
    used: str = ""
    """The pod that gave the answer which decided the verdict: the last."""
    message: str = ""
    """What the last answer, or the checker, said."""
    history: tuple[HistoryEvent, ...] = ()


@dataclass(slots=True)
class _Totals:
    """Counts since the traffic began."""

    skipped: int = 0
    records: deque[SessionRecord] = field(default_factory=deque)
    failure: BaseException | None = None


class SteadyTraffic:
    """Sessions at the plan's rate, in a thread of their own. A context manager."""

    def __init__(self, endpoints: Endpoints, plan: Plan, seed: int) -> None:
        self._endpoints = endpoints
        self._plan = plan
        self._rng = Random(seed)
        self._totals = _Totals()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rollout traffic", daemon=True)
        self._idle: list[CaptchaClient] = []
        self._made: list[CaptchaClient] = []

    def __enter__(self) -> SteadyTraffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def skipped(self) -> int:
        """Sessions that were not sent because too many were under way."""
        return self._totals.skipped

    def finished(self) -> list[SessionRecord]:
        """The sessions that have ended since the last call. Raises what ended the traffic."""
        if self._totals.failure is not None:
            raise self._totals.failure
        ended = []
        while self._totals.records:
            ended.append(self._totals.records.popleft())
        return ended

    def _run(self) -> None:
        try:
            asyncio.run(self._send())
        except BaseException as error:
            self._totals.failure = error

    async def _send(self) -> None:
        rate = self._plan.traffic.rate
        next_birth = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                while not self._stop.is_set():
                    await asyncio.sleep(max(0.0, next_birth - time.monotonic()))
                    next_birth += self._rng.expovariate(rate)
                    if len(self._made) - len(self._idle) >= MOST_OPEN:
                        self._totals.skipped += 1
                        continue
                    group.create_task(self._session(self._thinking()))
        except* DevenvError as errors:
            raise errors.exceptions[0] from None
        finally:
            for client in self._made:
                await client.aclose()

    def _thinking(self) -> list[float]:
        """Seconds before each answer."""
        think, lookups = self._plan.traffic.think, self._plan.traffic.lookups
        return [self._rng.expovariate(1 / think) if think else 0.0 for _ in range(lookups)]

    async def _session(self, thinking: list[float]) -> None:
        """One visitor: create, think, answer; all answers but the last are wrong."""
        client = self._idle.pop() if self._idle else self._client()
        client.forget_visitor()
        born = time.time()
        try:
            try:
                challenge = await client.create(CaptchaType.ABSTRACT)
            except CreateFailed as refused:
                record = SessionRecord(born, time.time(), Verdict.REFUSED, message=refused.message)
            else:
                record = await self._answer(client, challenge, born, thinking)
            self._totals.records.append(record)
        finally:
            self._idle.append(client)

    async def _answer(
        self, client: CaptchaClient, challenge: Challenge, born: float, thinking: list[float]
    ) -> SessionRecord:
        used, message, graded = "", "", False
        for number, seconds in enumerate(thinking, start=1):
            await asyncio.sleep(0 if self._stop.is_set() else seconds)
            last = number == len(thinking)
            answer = Answer.RIGHT if last else Answer.WRONG
            verified = await client.verify(
                challenge, await client.answers.to(challenge, answer), answer=answer
            )
            used, message = verified.served_by or "", verified.message or str(verified.outcome)
            graded = verified.outcome in (Outcome.SUCCESS, Outcome.WRONG)
            if not graded:
                break  # the session is not there, or no pod answered: a visitor takes a new challenge
        events = tuple(client.recording.history)
        verdict, why = self._judge(events, graded)
        return SessionRecord(
            born, time.time(), verdict, challenge.served_by or "", used, why or message, events
        )

    def _judge(self, events: tuple[HistoryEvent, ...], graded: bool) -> tuple[Verdict, str]:
        """The checker's verdict. "Not found" near the end of the TTL may be right: that decides nothing."""
        history = history_of(events)
        report = judge(history, Rules(ttl=self._plan.ttl, slack=self._plan.slack))
        if report.violations:
            return Verdict.LOST, report.violations[0].sentence
        if report.verdict is not Judged.HOLDS or report.lost:
            return Verdict.UNDECIDED, "; ".join(item.reason for item in report.undecided)
        if not graded:
            return Verdict.UNDECIDED, "the session may have expired"
        return Verdict.KEPT, ""

    def _client(self) -> CaptchaClient:
        client = CaptchaClient(self._endpoints, max_connections=8)
        if self._made:
            client.answers = self._made[0].answers  # so that the oracle is asked once per picture
        self._made.append(client)
        return client
