"""One run on real pods as a trace has it: its requests, its Redis commands, what was done meanwhile.

The requests go to the pods past the proxy, so the proxy has no record of them: they are recorded here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from devenv.core.model.events import Exchange, ExchangeOutcome, RedisCommand, StackEvent, TraceEvent
from devenv.core.model.requests import Filled
from devenv.wire.executor.pod_client import PodAnswer
from devenv.wire.gate.server import Gate
from devenv.wire.http.json_bodies import as_text, plain_text

CLIENT = "explore"
POLICY = "explore, past the proxy"
"""Stands where an exchange of the proxy names the policy that chose the pod."""
MOST_COMMANDS = 5000
"""Of the gate's commands during the run; a run has some dozen, jobs beside it have others."""


class RunRecords:
    """The records of one run, from its making to ``gather``."""

    def __init__(self, gate: Gate, clock: Callable[[], float] = time.time) -> None:
        self._gate, self._clock = gate, clock
        self._first = gate.recorder.last
        self._events: list[StackEvent] = []
        self._exchanges: list[Exchange] = []

    def happened(self, what: str, pod: str | None = None, **detail: str) -> None:
        """Something was done to the stack now."""
        self._events.append(StackEvent(self._clock(), what, pod, detail))

    def sent(self, pod: str, request: Filled, answer: asyncio.Task[PodAnswer]) -> None:
        """A request was sent to a pod now; it is recorded when ``answer`` is done."""
        began = self._clock()
        answer.add_done_callback(lambda done: self._answered(pod, request, began, done))

    def _answered(self, pod: str, request: Filled, began: float, done: asyncio.Task[PodAnswer]) -> None:
        content, headers = request.encoded()
        problem = None if done.cancelled() else done.exception()
        answer = None if done.cancelled() or problem is not None else done.result()
        body = None if answer is None else answer.body
        self._exchanges.append(
            Exchange(
                seq=len(self._exchanges) + 1,
                request_id=headers.get("X-Request-Id", ""),
                client=CLIENT,
                method=request.method,
                path=request.path,
                policy=POLICY,
                pod=pod,
                status=502 if answer is None else answer.status,
                started=began,
                duration_ms=round((self._clock() - began) * 1000, 3),
                error=None if answer is not None else f"no whole answer: {problem or 'cancelled'}",
                request_body=as_text(content),
                response_body=as_text(body) or plain_text(body),
                outcome=ExchangeOutcome.ANSWERED if answer is not None else ExchangeOutcome.BROKEN_ANSWER,
            )
        )

    def gather(self, ours: Callable[[RedisCommand], bool]) -> tuple[TraceEvent, ...]:
        """Everything since the making in order of time; of the gate's commands those that are ``ours``."""
        commands = [command for command in self._gate.commands(self._first, MOST_COMMANDS) if ours(command)]
        timed: list[tuple[float, int, TraceEvent]] = [
            *((event.time, 0, event) for event in self._events),
            *((exchange.started, 1, exchange) for exchange in self._exchanges),
            *((command.received, 2, command) for command in commands),
        ]
        return tuple(event for _, _, event in sorted(timed, key=lambda item: item[:2]))
