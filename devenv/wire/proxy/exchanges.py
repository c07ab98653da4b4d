"""The recent exchanges, bounded, cheap to add to: an Exchange is made only when somebody reads."""

from __future__ import annotations

from collections import deque
from itertools import islice

from devenv.core.model.events import Exchange
from devenv.wire.proxy.json_bodies import as_text

Record = tuple[
    bytes,
    str,
    bytes,
    bytes,
    str,
    str | None,
    int,
    float,
    float,
    str | None,
    bytes | None,
    bytes | None,
    bytes | None,
]
"""request id, client, method, target, policy, pod, status, started, seconds, error, bodies, session"""


class ExchangeLog:
    """The last ``capacity`` exchanges, numbered from 1 in the order in which they ended."""

    def __init__(self, capacity: int) -> None:
        self._records: deque[Record] = deque(maxlen=capacity)
        self._count = 0

    def add(self, record: Record) -> None:
        """Append one; the oldest goes when the log is full."""
        self._count += 1
        self._records.append(record)

    def since(self, seq: int, limit: int | None = None) -> list[Exchange]:
        """Those numbered above ``seq`` that are still held, oldest first, at most ``limit``."""
        first = self._count - len(self._records) + 1
        skip = max(0, seq + 1 - first)
        stop = None if limit is None else skip + max(0, limit)
        return [
            _exchange(first + skip + offset, record)
            for offset, record in enumerate(islice(self._records, skip, stop))
        ]


def _exchange(seq: int, record: Record) -> Exchange:
    (
        request_id,
        client,
        method,
        target,
        policy,
        pod,
        status,
        started,
        seconds,
        error,
        sent,
        answer,
        session,
    ) = record
    return Exchange(
        seq=seq,
        request_id=request_id.decode("latin-1"),
        client=client,
        method=method.decode("latin-1"),
        path=target.decode("latin-1"),
        policy=policy,
        pod=pod,
        status=status,
        started=started,
        duration_ms=round(seconds * 1000, 3),
        error=error,
        request_body=as_text(sent),
        response_body=as_text(answer),
        session=None if session is None else session.decode("latin-1"),
    )
