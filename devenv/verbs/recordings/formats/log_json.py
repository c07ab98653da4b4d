"""Lines of logs that are JSON objects: Caddy's, Traefik's, Envoy's, pino-http's, and under common names.

A number is taken for a duration only where its unit is known: by who wrote the line, or by the field's name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf, isfinite
from typing import Any
from urllib.parse import urlsplit

from devenv.core.model.errors import UsageProblem
from devenv.core.model.reading import read_json
from devenv.core.model.service import value_at
from devenv.verbs.recordings.formats.log_values import LogLine, client_of, duration_of, moment_of, request_of

_SUFFIXES = {
    "_s": 1.0, "_seconds": 1.0, "_ms": 1e-3, "_millis": 1e-3, "_milliseconds": 1e-3, "Ms": 1e-3,
    "Millis": 1e-3, "_us": 1e-6, "_micros": 1e-6, "_ns": 1e-9, "_nanos": 1e-9,
}  # fmt: skip
"""Ends of field names that say a unit."""
_DURATIONS = ("duration", "latency", "elapsed", "response_time", "took", "request_time")


@dataclass(frozen=True, slots=True)
class _Names:
    """Under which names a program writes what a line says; dotted names lead into objects."""

    method: tuple[str, ...]
    target: tuple[str, ...]
    status: tuple[str, ...]
    ended: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    durations: tuple[str, ...] = ()
    unit: float | None = None
    """Seconds in a number under ``durations``; None: not known."""
    client: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    pod: tuple[str, ...] = ()


_CADDY = _Names(
    ("request.method",), ("request.uri",), ("status",), ("ts",), (), ("duration",), 1.0,
    ("request.client_ip", "request.remote_ip", "request.remote_addr"), ("request.headers.X-Forwarded-For",),
    ("resp_headers.X-Served-By",),
)  # fmt: skip
_TRAEFIK = _Names(
    ("RequestMethod",), ("RequestPath",), ("DownstreamStatus", "OriginStatus"), ("time",),
    ("StartUTC", "StartLocal"), ("Duration",), 1e-9, ("ClientHost", "ClientAddr"),
    ("request_X-Forwarded-For",), ("downstream_X-Served-By", "origin_X-Served-By"),
)  # fmt: skip
_ENVOY = _Names(
    ("method",), ("path", "x_envoy_original_path"), ("response_code",), (), ("start_time",),
    ("duration",), 1e-3, ("downstream_remote_address", "downstream_direct_remote_address"),
    ("x_forwarded_for",),
)  # fmt: skip
_PINO = _Names(
    ("req.method",), ("req.url",), ("res.statusCode",), ("time",), (), ("responseTime",), 1e-3,
    ("req.remoteAddress",), ("req.headers.x-forwarded-for",), ("res.headers.x-served-by",),
)  # fmt: skip
_COMMON = _Names(
    ("method", "request_method", "verb", "http.request.method", "http_method", "httpRequest.requestMethod"),
    ("request_uri", "uri", "path", "url", "request_path", "url.original", "url.path", "http_path",
     "httpRequest.requestUrl"),
    ("status", "status_code", "response_status", "response_code", "http.response.status_code",
     "httpRequest.status"),
    ("time", "timestamp", "@timestamp", "time_iso8601", "time_local", "msec", "ts", "date"),
    ("start_time", "started_at", "startTime", "request_start"),
    (), None,
    ("remote_addr", "client_ip", "client", "remote_ip", "ip", "client.ip", "source.ip",
     "httpRequest.remoteIp"),
    ("http_x_forwarded_for", "x_forwarded_for", "xff", "forwarded_for"),
    ("pod", "served_by", "x_served_by", "hostname", "kubernetes.pod.name"),
)  # fmt: skip
_SECONDS = ("request_time", "httpRequest.latency")
"""nginx' $request_time and Google Cloud's latency: seconds."""
_NANOSECONDS = ("event.duration",)
"""Elastic Common Schema."""


def json_line(line: str, number: int, where: str) -> LogLine | None:
    """One line; None where it is about no request. Raises UsageProblem that begins with ``where``."""
    try:
        data = read_json(line)
    except ValueError as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise UsageProblem(f"{where}not readable as JSON: {what}") from None
    if not isinstance(data, dict):
        raise UsageProblem(f"{where}this is no JSON object")
    names = _names_of(data)
    method, target = _first(data, names.method), _first(data, names.target)
    if isinstance(line_of_request := data.get("request"), str):
        both = request_of(line_of_request)
        method, target = method or (both or ("", ""))[0], target or (both or ("", ""))[1]
    if not isinstance(method, str) or not isinstance(target, str) or not method or not target:
        return None
    seconds, unknown = _seconds(data, names, where)
    url = urlsplit(target)
    pod = _first(data, names.pod)
    started = _started(data, names, seconds, where)
    return LogLine(
        inf if started is None else started,
        number,
        method.upper(),
        (url.path or "/") + (f"?{url.query}" if url.query else ""),
        seconds,
        _status(_first(data, names.status), where),
        client_of(str(_first(data, names.client) or "")),
        str(_first(data, names.forwarded) or ""),
        unknown,
        str(pod) if pod else None,
        _body(data.get("request_body")) or _identity(data),
        _body(data.get("response_body")),
    )


def _names_of(data: Mapping[str, Any]) -> _Names:
    """By the fields that only one program writes so."""
    if isinstance(request := data.get("request"), dict) and "uri" in request:
        return _CADDY
    if "RequestMethod" in data and "RequestPath" in data:
        return _TRAEFIK
    if "start_time" in data and ("response_code" in data or "response_flags" in data):
        return _ENVOY
    if isinstance(data.get("req"), dict) and isinstance(data.get("res"), dict):
        return _PINO
    return _COMMON


def _first(data: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first of these that the line has, as a field of that name or as a path; of a list its texts."""
    for name in names:
        if name in data:
            value = data[name]
        elif "." in name:
            value = value_at(data, name)
        else:
            continue
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            value = ", ".join(value)
        if value not in (None, "", "-") and not isinstance(value, dict | list):
            return value
    return None


def _started(data: Mapping[str, Any], names: _Names, seconds: float | None, where: str) -> float | None:
    """When the request began. Most lines say when it was finished."""
    if (moment := _first(data, names.started)) is not None:
        return moment_of(moment, where)
    moment = _first(data, names.ended)
    return None if moment is None else moment_of(moment, where) - (seconds or 0.0)


@cache
def _known_durations(names: _Names) -> tuple[tuple[tuple[str, float | None], ...], frozenset[str]]:
    """Names of durations with the seconds of their unit, and the fields in which one of them may be."""
    known: list[tuple[str, float | None]] = [(name, names.unit) for name in names.durations]
    if names is _COMMON:
        known += [*((name, 1.0) for name in _SECONDS), *((name, 1e-9) for name in _NANOSECONDS)]
        known += [(f"{name}{end}", unit) for name in _DURATIONS for end, unit in _SUFFIXES.items()]
        known += [(name, None) for name in (*_DURATIONS, "responseTime")]
    beginnings = {beginning for name, _ in known for beginning in (name, name.partition(".")[0])}
    return tuple(known), frozenset(beginnings)


def _seconds(data: Mapping[str, Any], names: _Names, where: str) -> tuple[float | None, bool]:
    """How long it took, and whether the line says so in a unit that is not known."""
    known, beginnings = _known_durations(names)
    if beginnings.isdisjoint(data):
        return None, False
    for name, unit in known:
        value = _first(data, (name,))
        if value is None:
            continue
        text = str(value)
        if (seconds := duration_of(text)) is not None:
            return seconds, False
        try:
            number = float(text)
        except ValueError:
            raise UsageProblem(f"{where}{value!r} is no duration") from None
        if not isfinite(number):
            raise UsageProblem(f"{where}{value!r} is no duration")
        return (None, True) if unit is None else (number * unit, False)
    return None, False


def _body(value: Any) -> str | None:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) and value not in ("", "-") else None


def _identity(data: Mapping[str, Any]) -> str | None:
    """Services that log which challenge a request was about give more than a log must."""
    challenge_id = data.get("challenge_id")
    return (
        json.dumps({"challenge_id": challenge_id}) if isinstance(challenge_id, str) and challenge_id else None
    )


def _status(value: Any, where: str) -> int | None:
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise UsageProblem(f"{where}status is {value!r}, expected a number") from None
