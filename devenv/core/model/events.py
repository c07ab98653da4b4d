"""What was observed: HTTP exchanges at the proxy, Redis commands at the gate, operations of clients.

Times are seconds since the epoch as floats. Every event has ``to_json``, a plain dict for one JSON line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from devenv.core.model.errors import UsageProblem


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request through the proxy. ``seq`` counts from 1 per proxy process.

    ``status`` is what the client was sent; ``error`` says why where the proxy answered itself (502/503/504).
    ``pod`` is None where no pod was reached. The bodies are the JSON that was sent, as bounded text;
    None where there was none, or none that is JSON. ``session``: what the header said that carries a
    service's session id, in the answer or else in the request, where the service has such a header.
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
    request_body: str | None = None
    response_body: str | None = None
    session: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As one trace.jsonl object with ``kind: exchange``."""
        return {"kind": "exchange", **asdict(self)}


@dataclass(frozen=True, slots=True)
class RedisCommand:
    """One command through the gate. ``seq`` counts from 1 per gate process.

    ``args`` are the command's words after its name, decoded as UTF-8 with backslashreplace and bounded in
    length; ``reply`` is a short printable form; ``fate`` says what the gate did with it and ``rule`` which
    rule made it. ``received``: the gate had it from the pod; ``forwarded``: sent on to Redis; ``answered``:
    the reply came; ``delivered``: the pod was sent it. Each but the first is None where that has not
    happened. ``node``: the node that it went to ("host:port"), where Redis is a cluster; else None.
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
    forwarded: float | None = None
    delivered: float | None = None
    rule: str | None = None
    node: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As one trace.jsonl object with ``kind: redis``; ``node`` only where there is one."""
        # Not asdict, which copies deeply: this runs for every command of a trace.
        data = {"kind": "redis", **{name: getattr(self, name) for name in self.__slots__}}
        if self.node is None:
            del data["node"]
        return data


@dataclass(frozen=True, slots=True)
class StackEvent:
    """Something that was done to the stack, or how it stands, at ``time``.

    ``what``: "pod" (a pod runs with the settings in ``detail``: at the trace's begin and after each restart),
    "restart" (it was ended), "redis" (``detail["action"]``: pause, resume, stop, start, expire, age, or
    command, with its words in ``detail["command"]``), "rule" (a gate rule came into force), "missing" (what
    the records no longer had: ``detail`` says of which numbers), "service" (the pods are somebody's own:
    ``detail["profile"]`` is its profile as JSON).
    """

    time: float
    what: str
    pod: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As one trace.jsonl object with ``kind: stack``."""
        return {"kind": "stack", **asdict(self), "detail": dict(self.detail)}


TraceEvent = Exchange | RedisCommand | StackEvent


def trace_event(data: Mapping[str, Any]) -> TraceEvent:
    """One trace.jsonl object back as its event. Raises UsageProblem where it is none."""
    kinds: dict[str, type[TraceEvent]] = {"exchange": Exchange, "redis": RedisCommand, "stack": StackEvent}
    fields = {name: value for name, value in data.items() if name != "kind"}
    try:
        if data["kind"] == "redis":
            fields["args"] = tuple(fields["args"])
        return kinds[data["kind"]](**fields)
    except (KeyError, TypeError) as error:
        raise UsageProblem(f"not an event of a trace: {error}") from error


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
