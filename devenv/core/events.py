"""What was observed: HTTP exchanges at the proxy, Redis commands at the gate, operations of clients.

Times are seconds since the epoch as floats. Every event has ``to_json``, a plain dict for one JSON line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request through the proxy. ``seq`` counts from 1 per proxy process.

    ``status`` is what the client was sent; ``error`` says why where the proxy answered itself (502/503/504).
    ``pod`` is None where no pod was reached.
    """

    seq: int
    request_id: str
    client: str
    method: str
    path: str
    policy: str
    pod: str | None
    status: int
    started: float
    duration_ms: float
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As one trace.jsonl object with ``kind: exchange``."""
        return {"kind": "exchange", **asdict(self)}


@dataclass(frozen=True, slots=True)
class RedisCommand:
    """One command through the gate. ``seq`` counts from 1 per gate process.

    ``args`` are the command's words after its name, decoded as UTF-8 with backslashreplace and bounded in
    length; ``reply`` is a short printable form; ``fate`` says what the gate did with it.
    ``answered`` is None while no reply was seen.
    """

    seq: int
    pod: str
    connection: int
    command: str
    args: tuple[str, ...]
    key: str | None
    reply: str | None
    received: float
    answered: float | None
    fate: str = "passed"

    def to_json(self) -> dict[str, Any]:
        """As one trace.jsonl object with ``kind: redis``."""
        return {"kind": "redis", **asdict(self)}


EventType = Literal["invoke", "ok", "fail", "info"]


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One line of history.jsonl, as Jepsen writes histories: an operation begins (invoke) and ends.

    ok: it happened, with its ``value``; fail: it did not happen; info: nobody knows.
    """

    process: int
    type: EventType
    f: str
    value: Mapping[str, Any]
    time: float
    pod: str | None = None
    key: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As one history.jsonl object."""
        return {**asdict(self), "value": dict(self.value)}
