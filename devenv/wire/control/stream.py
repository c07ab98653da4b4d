"""The records of proxy and gate as one stream of server-sent events, for pages that stay open.

``GET /stream`` sends, as events of the HTML standard (chapter "Server-sent events"):

``hello``
    Once per connection: ``process`` (names this control process; another one numbers from 1 again), ``now``
    (its time, in seconds since the epoch).
``records``
    New exchanges and commands, each as in trace.jsonl, and ``changed``: those sent before, as they are
    now.
``gap``
    How many ``exchanges`` and ``commands`` were no longer remembered when their turn came.
``stack``
    What was done to the stack since (``events``, each as in trace.jsonl), as ``POST /stack-events`` tells it.
``live``
    What is under way now, whenever it is something else: ``held`` messages and ``open`` exchanges.

Each has an id; a client that comes again with it as ``Last-Event-ID`` goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from devenv.core.model.events import Exchange, RedisCommand
from devenv.wire.control.notes import Notes

BATCH = 500
"""At most this many records of a kind in one event."""
EVERY_SECONDS = 0.05
"""How often the records are looked at."""
SILENCE_SECONDS = 10.0
"""After so long without an event a comment is sent, so that a dead connection is noticed."""
_ON_ITS_WAY = ("passed", "held", "delayed", "released", "auto-released", "queued")


class Holding(Protocol):
    """One held message."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""


class ExchangeSource(Protocol):
    """What the stream reads of the proxy."""

    @property
    def latest_exchange(self) -> int:
        """The number of the latest exchange."""

    def exchanges(self, since: int = 0, limit: int | None = None) -> list[Exchange]:
        """Those numbered above ``since``, oldest first."""

    def open_exchanges(self) -> list[Exchange]:
        """Those under way."""


@dataclass(frozen=True, slots=True)
class CommandSource:
    """What the stream reads of the gate."""

    latest: Callable[[], int]
    """The number of the latest command."""
    since: Callable[[int, int], Sequence[RedisCommand]]
    """Those numbered above the first argument, at most the second, oldest first, as they are now."""
    held: Callable[[], Sequence[Holding]]
    """The messages held now."""


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where a client has the records: numbers of the last exchange and the last command."""

    exchange: int = 0
    command: int = 0

    @classmethod
    def of(cls, event_id: str, process: str) -> Position | None:
        """The position that an event's id names; None for one of another process, and for any other text."""
        parts = event_id.split(".")
        if len(parts) != 3 or parts[0] != process or not all(part.isdecimal() for part in parts[1:]):
            return None
        return cls(int(parts[1]), int(parts[2]))


@dataclass(slots=True)
class _Reader:
    """One client's way through the records."""

    process: str
    proxy: ExchangeSource
    gate: CommandSource | None
    position: Position
    notes: Notes
    noted: int = 0
    """This many notes had come when the last of them were sent."""
    _unfinished: dict[int, tuple[object, ...]] = field(default_factory=dict)
    """The commands that were sent and may still change: number → what was sent of their state."""
    _live: tuple[object, ...] = ()

    def events(self) -> list[str]:
        """What has happened since the last call, as the text of events."""
        exchanges = self.proxy.exchanges(self.position.exchange, BATCH)
        commands = [] if self.gate is None else self.gate.since(self.position.command, BATCH)
        changed = self._changes()
        lost = {
            "exchanges": _missing(self.position.exchange, exchanges),
            "commands": _missing(self.position.command, commands),
        }
        self.position = Position(
            exchanges[-1].seq if exchanges else self.position.exchange,
            commands[-1].seq if commands else self.position.command,
        )
        for command in commands:
            self._remember(command)
        texts = [self._event("gap", lost)] if any(lost.values()) else []
        if exchanges or commands or changed:
            records = {
                "exchanges": [exchange.to_json() for exchange in exchanges],
                "commands": [command.to_json() for command in commands],
                "changed": [command.to_json() for command in changed],
            }
            texts.append(self._event("records", records))
        return texts + self._noted() + self._under_way()

    def _noted(self) -> list[str]:
        done = self.notes.after(self.noted)
        self.noted = self.notes.total
        return [self._event("stack", {"events": [event.to_json() for event in done]})] if done else []

    def _changes(self) -> list[RedisCommand]:
        """The unfinished commands whose state is another than the one that was sent."""
        changed = []
        if self.gate is not None:
            for number, sent in list(self._unfinished.items()):
                for command in self.gate.since(number - 1, 1):
                    if command.seq == number and _state(command) != sent:
                        changed.append(command)
                        self._remember(command)
            while len(self._unfinished) > BATCH:
                self._unfinished.pop(next(iter(self._unfinished)))
        return changed

    def _remember(self, command: RedisCommand) -> None:
        if command.delivered is None and command.fate in _ON_ITS_WAY:
            self._unfinished[command.seq] = _state(command)
        else:
            self._unfinished.pop(command.seq, None)

    def _under_way(self) -> list[str]:
        held = [] if self.gate is None else [one.to_json() for one in self.gate.held()]
        under_way = self.proxy.open_exchanges()
        live = (
            *((one["seq"], one["direction"]) for one in held),
            *((one.request_id, one.pod) for one in under_way),
        )
        if live == self._live:
            return []
        self._live = live
        return [self._event("live", {"held": held, "open": [one.to_json() for one in under_way]})]

    def _event(self, name: str, data: dict[str, Any]) -> str:
        place = f"{self.process}.{self.position.exchange}.{self.position.command}"
        return f"event: {name}\nid: {place}\ndata: {json.dumps(data, ensure_ascii=True)}\n\n"

    def hello(self) -> str:
        """The first event of a connection."""
        return self._event("hello", {"process": self.process, "now": time.time()})


def _missing(since: int, records: Sequence[Exchange | RedisCommand]) -> int:
    return records[0].seq - since - 1 if records else 0


def _state(command: RedisCommand) -> tuple[object, ...]:
    return (command.fate, command.forwarded, command.answered, command.delivered, command.reply)


def router(proxy: ExchangeSource, gate: CommandSource | None, notes: Notes) -> APIRouter:
    """``GET /stream`` over the records of the proxy, the gate, where there is one, and ``notes``."""
    routes = APIRouter(tags=["stream"])
    process = secrets.token_hex(4)

    def beginning(last: int) -> Position:
        latest = 0 if gate is None else gate.latest()
        return Position(max(0, proxy.latest_exchange - last), max(0, latest - last))

    @routes.get("/stream", response_class=StreamingResponse)
    async def stream(
        request: Request,
        last: Annotated[int, Query(ge=0, le=100_000)] = 1000,
        last_event_id: Annotated[str, Header()] = "",
    ) -> StreamingResponse:
        """The records from the ``last`` ones of each kind on, or from after the event ``Last-Event-ID``."""
        position = Position.of(last_event_id, process) or beginning(last)
        reader = _Reader(process, proxy, gate, position, notes, notes.total)
        events = _events(reader, lambda: bool(getattr(request.app.state, "closing", False)))
        return StreamingResponse(
            events,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return routes


async def _events(reader: _Reader, closing: Callable[[], bool]) -> AsyncIterator[str]:
    """Until the client leaves or the server closes."""
    yield "retry: 500\n" + reader.hello()
    silent_since = time.monotonic()
    while not closing():
        texts: Iterable[str] = reader.events()
        if joined := "".join(texts):
            silent_since = time.monotonic()
            yield joined
        elif time.monotonic() - silent_since > SILENCE_SECONDS:
            silent_since = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(EVERY_SECONDS)
