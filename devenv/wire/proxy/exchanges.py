"""The recent exchanges, bounded, cheap to add to: an Exchange is made only when it is read."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import NamedTuple

from devenv.core.model.events import Exchange, ExchangeOutcome
from devenv.core.model.ids import SessionHeader
from devenv.wire.http.json_bodies import as_text, plain_text


class ExchangeRecord(NamedTuple):
    """An exchange as it was when it ended; made into an ``Exchange`` only when it is read."""

    request_id: bytes
    client: str
    method: bytes
    target: bytes
    policy: str
    pod: str | None
    status: int
    started: float
    """Seconds since the epoch."""
    seconds: float
    """Its duration."""
    outcome: ExchangeOutcome
    error: str | None = None
    sent: bytes | str | None = None
    """The request's body: bytes that may be JSON, or text that is."""
    answer: bytes | str | None = None
    """The response's body, likewise."""
    session: bytes | None = None
    client_closed: float | None = None
    """When the client closed its side, in seconds since the epoch."""
    new_session: bytes | None = None

    def exchange(self, seq: int) -> Exchange:
        """The same as an ``Exchange`` with the number ``seq``."""
        return Exchange(
            seq=seq,
            request_id=self.request_id.decode("latin-1"),
            client=self.client,
            method=self.method.decode("latin-1"),
            path=self.target.decode("latin-1"),
            policy=self.policy,
            pod=self.pod,
            status=self.status,
            started=self.started,
            duration_ms=round(self.seconds * 1000, 3),
            error=self.error,
            request_body=as_text(self.sent),
            response_body=as_text(self.answer) or plain_text(self.answer),
            session=None if self.session is None else SessionHeader(self.session.decode("latin-1")),
            outcome=self.outcome,
            client_closed=self.client_closed,
            new_session=(
                None if self.new_session is None else SessionHeader(self.new_session.decode("latin-1"))
            ),
        )


class ExchangeLog:
    """The last ``capacity`` exchanges, numbered from 1 in the order in which they ended."""

    def __init__(self, capacity: int) -> None:
        self._ended: deque[ExchangeRecord | Exchange] = deque(maxlen=capacity)
        self._count = 0

    @property
    def latest(self) -> int:
        """The number of the latest exchange; 0 before the first."""
        return self._count

    def add(self, record: ExchangeRecord) -> None:
        """Append one; the oldest goes when the log is full."""
        self._count += 1
        self._ended.append(record)

    def since(self, seq: int, limit: int | None = None) -> list[Exchange]:
        """Those numbered above ``seq`` that are still held, oldest first, at most ``limit``.

        A record is made into an Exchange, and its JSON parsed, when it is first read.
        """
        ended = self._ended
        first = self._count - len(ended) + 1
        skip = max(0, seq + 1 - first)
        stop = None if limit is None else skip + max(0, limit)
        exchanges = []
        for index, entry in enumerate(list(islice(ended, skip, stop)), start=skip):
            if isinstance(entry, ExchangeRecord):
                ended[index] = entry = entry.exchange(first + index)
            exchanges.append(entry)
        return exchanges
