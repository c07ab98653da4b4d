"""What a run observed: operations for its history, messages for its picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from devenv.core.model.events import EventType, HistoryEvent
from devenv.core.render.sequence import SequenceMessage

BEYOND_CLIENTS = 1_000_000
"""Process number, in a history, of what is done to the stack or seen in Redis: no client's."""


@dataclass(slots=True)
class Recording:
    """What a run observed, in order: operations for history.jsonl, messages for the sequence picture."""

    history: list[HistoryEvent] = field(default_factory=list)
    messages: list[SequenceMessage] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    """To find its requests again in the proxy's exchanges."""

    def note(self, time: float, where: str, label: str) -> None:
        """Something that happened at one participant alone (a restart, a deleted key)."""
        self.messages.append(SequenceMessage(time, where, where, label, "note"))

    @contextmanager
    def event(self, f: str, clock: Callable[[], float], key: str | None = None) -> Iterator[dict[str, Any]]:
        """Write into the history what is done inside: an expiry, a look at keys. The dict becomes its value.

        The outcome is indeterminate where it raises; it did not if its value says ``happened: false``.
        """
        value: dict[str, Any] = {}
        self.history.append(HistoryEvent(BEYOND_CLIENTS, "invoke", f, {}, clock(), None, key))
        kind: EventType = "info"
        try:
            yield value
            kind = "fail" if value.get("happened") is False else "ok"
        finally:
            self.history.append(HistoryEvent(BEYOND_CLIENTS, kind, f, value, clock(), None, key))
