"""A trace as OpenTelemetry spans: proxy → pod → each Redis command, in OTLP's JSON.

Names follow the semantic conventions 1.44 (https://opentelemetry.io/docs/specs/semconv/, HTTP and Redis); the
JSON is that of OTLP/HTTP (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids in hex, 64
bit numbers as text. Ids are derived from the run, so that the same run gives the same spans.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from devenv import __version__
from devenv.core.diagnosis.steps import is_error
from devenv.core.diagnosis.stories import Call, join
from devenv.core.model.events import Exchange, RedisCommand, TraceEvent

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
_SERVER, _CLIENT = 2, 3
_ERROR = 2
_PROXY = "devenv-proxy"
_ID = re.compile(r"[0-9A-Za-z_-]{16,}")
_PARAMETER = re.compile(r"(?<![^&])([^=&]*)=[^&]*")

Span = dict[str, Any]


def otlp(trace: Iterable[TraceEvent], run: str) -> dict[str, Any]:
    """The OTLP object (ExportTraceServiceRequest) of a trace; ``run`` names it in the ids.

    An exchange is a span of the proxy with one of its pod below it; a Redis command is a span below the
    request that sent it, or without a parent where no request is known to have sent it. The proxy's record
    says when an exchange began and ended, not when the pod had it: both spans have those times.
    """
    events = list(trace)
    joined = join(events)
    calls = {id(call.exchange): call for call in joined.calls}
    by_service: dict[str, list[Span]] = {}
    owned: set[int] = set()
    for exchange in sorted((e for e in events if isinstance(e, Exchange)), key=lambda e: (e.started, e.seq)):
        call = calls.get(id(exchange))
        ids = _Ids(run, exchange)
        by_service.setdefault(_PROXY, []).append(_proxy_span(exchange, call, ids))
        if exchange.pod is None:
            continue
        spans = by_service.setdefault(exchange.pod, [])
        spans.append(_pod_span(exchange, call, ids))
        for step in call.steps if call is not None else ():
            owned.add(step.command.seq)
            spans.append(_redis_span(step.command, ids.trace, ids.pod, run))
    for step in joined.steps:
        if step.command.seq not in owned:
            spans = by_service.setdefault(step.command.pod, [])
            spans.append(_redis_span(step.command, _hex(32, run, "redis", step.command.seq), "", run))
    return {"resourceSpans": [_resource(service, spans, run) for service, spans in by_service.items()]}


class _Ids:
    """The ids of one exchange."""

    def __init__(self, run: str, exchange: Exchange) -> None:
        what = (run, exchange.request_id, exchange.seq, exchange.started)
        self.trace = _hex(32, *what)
        self.proxy = _hex(16, *what, "proxy")
        self.pod = _hex(16, *what, "pod")


def _resource(service: str, spans: Sequence[Span], run: str) -> dict[str, Any]:
    pod = service != _PROXY
    names = (
        {"service.name": "captcha-api", "service.instance.id": service} if pod else {"service.name": service}
    )
    return {
        "resource": {"attributes": _attributes({**names, "devenv.run": run})},
        "scopeSpans": [
            {
                "scope": {"name": "devenv", "version": __version__},
                "spans": list(spans),
                "schemaUrl": SCHEMA_URL,
            }
        ],
    }


def _proxy_span(exchange: Exchange, call: Call | None, ids: _Ids) -> Span:
    attributes = {
        **_http(exchange, call),
        "client.address": exchange.client.rpartition(":")[0],
        "devenv.policy": exchange.policy,
        "devenv.pod": exchange.pod,
        "devenv.exchange.outcome": exchange.outcome,
    }
    return _http_span(exchange, call, attributes, ids.trace, ids.proxy, "")


def _pod_span(exchange: Exchange, call: Call | None, ids: _Ids) -> Span:
    attributes = _http(exchange, call)
    if call is not None:
        attributes["devenv.session"] = call.challenge
        attributes["devenv.verify.outcome"] = str(call.outcome) if call.kind == "verify" else None
    return _http_span(exchange, call, attributes, ids.trace, ids.pod, ids.proxy)


def _http(exchange: Exchange, call: Call | None) -> dict[str, Any]:
    path, _, query = exchange.path.partition("?")
    return {
        "http.request.method": exchange.method,
        "url.path": path,
        "url.query": _PARAMETER.sub(r"\1=REDACTED", query) or None,
        "http.route": path if call is not None else None,
        "http.response.status_code": exchange.status or None,
        "error.type": str(exchange.status) if exchange.status >= 500 else None,
    }


def _http_span(
    exchange: Exchange,
    call: Call | None,
    attributes: Mapping[str, Any],
    trace: str,
    span: str,
    parent: str,
) -> Span:
    route = attributes["http.route"]
    made: Span = {
        "traceId": trace,
        "spanId": span,
        "parentSpanId": parent,
        "name": f"{exchange.method} {route}" if route else exchange.method,
        "kind": _SERVER,
        "startTimeUnixNano": _nanos(exchange.started),
        "endTimeUnixNano": _nanos(exchange.started + exchange.duration_ms / 1000),
        "attributes": _attributes(attributes),
    }
    if exchange.status >= 500 or exchange.error:
        made["status"] = {"code": _ERROR, "message": exchange.error or ""}
    return made


def _redis_span(command: RedisCommand, trace: str, parent: str, run: str) -> Span:
    host, _, port = (command.node or "").rpartition(":")
    failed = is_error(command.reply or "")
    attributes = {
        "db.system.name": "redis",
        "db.operation.name": command.command,
        "db.query.text": query_text(command),
        "server.address": host or None,
        "server.port": int(port) if port.isdecimal() else None,
        "db.response.status_code": _error_word(command.reply) if failed else None,
        "error.type": _error_word(command.reply) if failed else None,
        "devenv.redis.fate": command.fate,
    }
    ends = [
        moment for moment in (command.delivered, command.answered, command.forwarded) if moment is not None
    ]
    made: Span = {
        "traceId": trace,
        "spanId": _hex(16, run, "redis", command.seq),
        "parentSpanId": parent,
        "name": command.command,
        "kind": _CLIENT,
        "startTimeUnixNano": _nanos(command.received),
        "endTimeUnixNano": _nanos(max([command.received, *ends])),
        "attributes": _attributes(attributes),
        "events": list(_events(command)),
    }
    if failed:
        made["status"] = {"code": _ERROR, "message": command.reply}
    return made


def query_text(command: RedisCommand) -> str:
    """The command without its values: the key stays, with ``?`` for its ids; any other word is ``?``."""
    shown = [_ID.sub("?", word) if word == command.key else "?" for word in command.args]
    return " ".join([command.command, *shown])


def _events(command: RedisCommand) -> Iterator[dict[str, Any]]:
    """What the gate did to the command, and when: holds, delays, lost replies."""
    if command.fate == "passed":
        return
    rule = {"devenv.gate.rule": command.rule}
    yield _event(command.received, f"gate.{command.fate}", rule)
    for name, moment in (
        ("gate.forwarded", command.forwarded),
        ("redis.answered", command.answered),
        ("gate.delivered", command.delivered),
    ):
        if moment is not None:
            yield _event(moment, name, {})


def _event(moment: float, name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"timeUnixNano": _nanos(moment), "name": name, "attributes": _attributes(attributes)}


def _error_word(reply: str | None) -> str:
    return (reply or "").removeprefix("-").partition(" ")[0]


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """As OTLP has them; what is None or empty is left out."""
    return [
        {
            "key": key,
            "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)},
        }
        for key, value in values.items()
        if value not in (None, "")
    ]


def _nanos(seconds: float) -> str:
    return str(round(seconds * 1e9))


def _hex(digits: int, *what: object) -> str:
    """An id of this many hex digits; never all zero, which OTLP forbids (probability 2**-64)."""
    return sha256("|".join(map(str, what)).encode()).hexdigest()[:digits]
