"""What was observed: HTTP exchanges at the proxy, Redis commands at the gate, operations of clients.

Times are seconds since the epoch as floats. Every event has ``to_json``, a plain dict for one JSON line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from devenv.core.model.errors import UsageProblem
from devenv.core.model.ids import SessionHeader


class ExchangeOutcome(StrEnum):
    """How an exchange ended, or that it has not ended."""

    OPEN = "open"
    """Still under way: no response has been sent in full."""
    ANSWERED = "answered"
    """A pod's response was sent to the client in full, or a tunnel was opened (101)."""
    CLIENT_CLOSED = "client-closed"
    """The client's connection ended before the response was complete; the pod's connection was closed too."""
    NO_CONNECTION = "no-connection"
    """No connection to the only pod that the request could go to (502, or 504 after a time-out)."""
    NO_ANSWER = "no-answer"
    """The pod sent no response within the proxy's time limit (504)."""
    BROKEN_ANSWER = "broken-answer"
    """The pod closed or reset the connection before a response, or sent no valid HTTP (502)."""
    NO_POD = "no-pod"
    """No pod could be reached (503)."""
    REFUSED = "refused"
    """The proxy refused the request itself (4xx, or 501 and 505 for HTTP that it does not speak)."""
    CUT_OFF = "cut-off"
    """The response could not be completed, or the proxy ended first; the client's connection was reset."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request through the proxy."""

    seq: int
    """Number, from 1 per proxy process, in the order in which exchanges ended; 0 while it is open."""
    request_id: str
    """X-Request-Id, the client's own or one that the proxy made."""
    client: str
    """The client's address, ``host:port``."""
    method: str
    path: str
    """The request target with its query."""
    policy: str
    """The routing policy that chose the pod, or ``pinned:POD``."""
    pod: str | None
    """The pod that it went to; None where no pod was reached."""
    status: int
    """The status that the client was sent; 499 where the client left before one, 0 while there is none."""
    started: float
    """When the request's head was complete, in seconds since the epoch."""
    duration_ms: float
    """Milliseconds from ``started`` to the end, or until now while it is open."""
    error: str | None = None
    """Why, where the proxy answered itself or the response was not sent in full."""
    request_body: str | None = None
    """The JSON that the client sent, as bounded text; None where there was none, or none that is JSON."""
    response_body: str | None = None
    """The JSON of the response, likewise, or a short text that is none."""
    session: SessionHeader | None = None
    """The value of the header or cookie that carries the service's session id: the request's, else the
    response's; None where neither has one."""
    outcome: str | None = None
    """An ``ExchangeOutcome``; None in a trace that an older version wrote."""
    client_closed: float | None = None
    """When the client closed its side of the connection, in seconds since the epoch, if that was before the
    response was complete. It has given up, or (rare) has only closed its sending side and still reads: TCP
    does not say which. ``status`` is then what the pod answered later."""
    new_session: SessionHeader | None = None
    """The value that the response gave it, where the request had another: a new session, or "" for one that
    ended."""

    def to_json(self) -> dict[str, Any]:
        """As one trace.jsonl object with ``kind: exchange``; ``new_session`` only where there is one."""
        data = {"kind": "exchange", **asdict(self)}
        if self.new_session is None:
            del data["new_session"]
        return data


@dataclass(frozen=True, slots=True)
class RedisCommand:
    """One command through the gate. Each time but the first is None where that has not happened."""

    seq: int
    """Counts from 1 per gate process."""
    pod: str
    connection: int
    command: str
    args: tuple[str, ...]
    """The command's words after its name, decoded as UTF-8 with backslashreplace and bounded in length."""
    key: str | None
    reply: str | None
    """A short printable form."""
    received: float
    """When the gate had it from the pod."""
    answered: float | None
    """When Redis' reply came."""
    fate: str = "passed"
    """What the gate did with it."""
    forwarded: float | None = None
    """When it was sent on to Redis."""
    delivered: float | None = None
    """When the pod was sent the reply."""
    rule: str | None = None
    """The rule that made its fate."""
    node: str | None = None
    """The node that it went to ("host:port") where Redis is a cluster; else None."""

    def to_json(self) -> dict[str, Any]:
        """As one trace.jsonl object with ``kind: redis``; ``node`` only where there is one."""
        # Not asdict, which copies deeply: this runs for every command of a trace.
        data = {"kind": "redis", **{name: getattr(self, name) for name in self.__slots__}}
        if self.node is None:
            del data["node"]
        return data


BALANCER_FILE = "balancer_file"
"""What an event is called that has the rules of a team's own file of the load balancer."""


GIVEN = "GIVEN"
"""In the ``pod`` event of a user-provided service: the names of the variables that decide over its Redis."""


@dataclass(frozen=True, slots=True)
class StackEvent:
    """Something that was done to the stack, or how it stands at a time."""

    time: float
    """Seconds since the epoch."""
    what: str
    """"pod" (a pod runs with the settings in ``detail``: where the trace begins and after each restart),
    "restart" (it was ended, for good with ``detail["removed"]``), "connected" (Redis answered the pod at
    ``time``, before the trace begins),
    "redis" (``detail["action"]``: pause, resume, stop, start, expire, age, or command, with its words in
    ``detail["command"]``), "rule" (a gate rule came into force), "missing" (what the records no longer had:
    ``detail`` says of which numbers), "service" (the pods are a user-provided service: ``detail["profile"]``
    is its profile as JSON), "order" (``explore`` runs ``detail["order"]``: a
    violation of the kind ``detail["kind"]``), "balancer_file" (the load balancer runs with a team's own file,
    ``detail["file"]``: ``detail["rules"]`` is what the file says of the choice of pods, as JSON)."""
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
            if not isinstance(fields["args"], list | tuple):
                raise TypeError(f"args is {fields['args']!r:.60}, not a list")
            fields["args"] = tuple(fields["args"])
        return kinds[data["kind"]](**fields)
    except (KeyError, TypeError) as error:
        raise UsageProblem(f"not an event of a trace: {error}") from error


EventType = Literal["invoke", "ok", "fail", "info"]


class HistoryEvent(NamedTuple):
    """One line of history.jsonl, as Jepsen writes histories: an operation begins (invoke) and ends.

    ok: it happened, with its value; fail: it did not happen; info: the outcome is indeterminate.
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
        return {**self._asdict(), "value": dict(self.value)}
