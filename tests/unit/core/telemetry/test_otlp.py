"""Spans, read back by OpenTelemetry's own protobuf classes."""

from __future__ import annotations

import base64
import json
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from devenv.core.model.events import Exchange, RedisCommand, TraceEvent
from devenv.core.telemetry.otlp import otlp, query_text

ID = "ab" * 16


def exchange(seq: int, path: str, started: float, answer: dict[str, Any], **changes: Any) -> Exchange:
    data: dict[str, Any] = {
        "seq": seq, "request_id": f"r-{seq}", "client": "127.0.0.1:5000", "method": "POST", "path": path,
        "policy": "random", "pod": "captcha-api-a", "status": 200, "started": started, "duration_ms": 20.0,
        "request_body": json.dumps({"challenge_id": ID, "selections": [1]}),
        "response_body": json.dumps(answer), "outcome": "answered",
    }  # fmt: skip
    return Exchange(**{**data, **changes})


def command(seq: int, name: str, args: tuple[str, ...], received: float, **changes: Any) -> RedisCommand:
    data: dict[str, Any] = {
        "seq": seq, "pod": "captcha-api-a", "connection": 1, "command": name, "args": args,
        "key": args[0] if args else None, "reply": "+OK", "received": received, "forwarded": received + 0.001,
        "answered": received + 0.002, "delivered": received + 0.003,
    }  # fmt: skip
    return RedisCommand(**{**data, **changes})


KEY = f"rcaptcha:abstract:{ID}"
TRACE: list[TraceEvent] = [
    exchange(1, "/api/abstract-captcha", 100.0, {"challenge_id": ID, "ttl": 60}),
    command(1, "SET", (KEY, '{"secret": 1}', "EX", "60"), 100.005),
    exchange(2, "/api/abstract-verify", 101.0, {"success": False, "message": "Challenge not found"}),
    command(
        2, "GET", (KEY,), 101.001, reply="-WRONGTYPE Operation", fate="released", rule="r1", forwarded=101.01
    ),
    command(3, "PING", (), 300.0, key=None),
    exchange(3, "/health?x=1", 102.0, {}, status=502, error="no answer", pod=None, outcome="no-answer"),
]  # fmt: skip


def read_back(data: dict[str, Any]) -> Any:
    """OTLP's JSON has ids in hex where protobuf's own has base64."""

    def converted(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: base64.b64encode(bytes.fromhex(item)).decode() if name in IDS else converted(item)
                for name, item in value.items()
            }
        return [converted(item) for item in value] if isinstance(value, list) else value

    return json_format.ParseDict(converted(data), ExportTraceServiceRequest())


IDS = ("traceId", "spanId", "parentSpanId")


def spans(data: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        (next(a.value.string_value for a in item.resource.attributes if a.key == "service.name"), span)
        for item in read_back(data).resource_spans
        for scope in item.scope_spans
        for span in scope.spans
    ]


def attributes(span: Any) -> dict[str, Any]:
    return {a.key: a.value.int_value or a.value.string_value for a in span.attributes}


def test_each_exchange_is_a_trace_of_proxy_pod_and_redis() -> None:
    all_spans = spans(otlp(TRACE, "run-1"))
    verify = [(service, span) for service, span in all_spans if span.start_time_unix_nano // 10**9 == 101]
    assert [(service, span.name) for service, span in verify] == [
        ("devenv-proxy", "POST /api/abstract-verify"), ("captcha-api", "POST /api/abstract-verify"),
        ("captcha-api", "GET"),
    ]  # fmt: skip
    proxy, pod, redis = (span for _, span in verify)
    assert len({span.trace_id for span in (proxy, pod, redis)}) == 1
    assert (proxy.parent_span_id, pod.parent_span_id, redis.parent_span_id) == (
        b"",
        proxy.span_id,
        pod.span_id,
    )
    assert attributes(pod)["devenv.verify.outcome"] == "not_found"
    assert attributes(pod)["http.route"] == "/api/abstract-verify"


def test_redis_spans_follow_the_conventions_and_hold_no_values() -> None:
    by_name = {span.name: span for _, span in spans(otlp(TRACE, "run-1"))}
    assert attributes(by_name["SET"])["db.system.name"] == "redis"
    assert attributes(by_name["SET"])["db.operation.name"] == "SET"
    assert attributes(by_name["SET"])["db.query.text"] == "SET rcaptcha:abstract:? ? ? ?"
    failed = by_name["GET"]
    assert (failed.status.code, attributes(failed)["error.type"]) == (2, "WRONGTYPE")
    assert [event.name for event in failed.events] == [
        "gate.released", "gate.forwarded", "redis.answered", "gate.delivered"
    ]  # fmt: skip
    assert not list(by_name["SET"].events)


def test_ids_are_derived_from_the_run() -> None:
    first, again, other = otlp(TRACE, "run-1"), otlp(TRACE, "run-1"), otlp(TRACE, "run-2")
    assert first == again
    assert not {span.trace_id for _, span in spans(first)} & {span.trace_id for _, span in spans(other)}


def test_what_the_proxy_answered_itself_is_an_error_without_a_pod() -> None:
    [(service, span)] = [pair for pair in spans(otlp(TRACE, "run-1")) if pair[1].name == "POST"]
    assert (service, span.status.code, span.status.message) == ("devenv-proxy", 2, "no answer")
    assert attributes(span)["url.path"] == "/health"
    assert "http.route" not in attributes(span)


def test_ids_in_keys_are_left_out() -> None:
    assert (
        query_text(command(1, "EVALSHA", ("f" * 40, "2", KEY), 0.0, key=KEY))
        == "EVALSHA ? ? rcaptcha:abstract:?"
    )


def test_a_query_is_exported_without_its_values() -> None:
    path = "/health?api_key=a&page=&b=c=d&flag"
    (_, span), *_ = spans(otlp([exchange(1, path, 1.0, {})], "r"))
    assert attributes(span)["url.query"] == "api_key=REDACTED&page=REDACTED&b=REDACTED&flag"
