"""What was done to the stack, as who did it tells: kept in the control process for the stream and its page.

A command that restarts a pod or pauses Redis notes it in the state directory, which a container does not see,
and tells it here too (``harness.runs.journal``).
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from devenv.core.model.errors import UsageProblem
from devenv.core.model.events import StackEvent, trace_event

KEPT = 1000
MOST_AT_ONCE = 200


class NotesBody(BaseModel):
    """``POST /stack-events``: events as trace.jsonl has them, of kind ``stack``."""

    model_config = ConfigDict(extra="forbid")
    events: list[dict[str, Any]] = Field(max_length=MOST_AT_ONCE)


class Notes:
    """The latest events, oldest first."""

    def __init__(self) -> None:
        self._events: deque[StackEvent] = deque(maxlen=KEPT)
        self.total = 0
        """How many came in all."""

    def add(self, *events: StackEvent) -> None:
        """Append some."""
        self._events += events
        self.total += len(events)

    def events(self) -> list[StackEvent]:
        """Those that are kept."""
        return list(self._events)

    def clear(self) -> None:
        """Forget them."""
        self._events.clear()

    def after(self, total: int) -> list[StackEvent]:
        """Those that came when more than ``total`` had come."""
        fresh = min(self.total - total, len(self._events))
        return list(islice(self._events, len(self._events) - fresh, None)) if fresh > 0 else []


def router(notes: Notes) -> APIRouter:
    """``POST /stack-events``."""
    routes = APIRouter(tags=["stack"])

    @routes.post("/stack-events")
    async def add(body: NotesBody) -> dict[str, Any]:
        """Note what was done to the stack; it is in the stream at once."""
        events = [trace_event(item) for item in body.events]
        noted = [event for event in events if isinstance(event, StackEvent)]
        if len(noted) < len(events):
            raise UsageProblem("an event is of another kind than stack")
        notes.add(*noted)
        return {"noted": len(noted)}

    return routes
