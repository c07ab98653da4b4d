"""Access logs: nginx' combined form and what is appended to it, or one JSON object a line.

A log has no bodies, mostly whole seconds, and the moment at which an answer was finished.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

from devenv.core.model.errors import UsageProblem
from devenv.core.model.service import value_at
from devenv.verbs.recordings.recorded import Recorded, Recording

_COMBINED = re.compile(
    r"(?P<client>\S+) \S+ .*?\[(?P<time>[^\]]+)\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?:\d+|-)(?P<rest>(?: .*)?)'
)
_REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<target>\S+)(?: HTTP/[\d.]+)?")
_TOOK = re.compile(r"\b(?:rt|request_time|duration)[=:]\"?(?P<seconds>\d+(?:\.\d+)?)")
_LOCAL_TIME = re.compile(
    r"(?P<day>\d{2})/(?P<month>[A-Z][a-z]{2})/(?P<year>\d{4}):(?P<h>\d{2}):(?P<m>\d{2}):(?P<s>\d{2})"
    r"(?: (?P<sign>[+-])(?P<zh>\d{2})(?P<zm>\d{2}))?"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MILLISECONDS_FROM = 1e11
"""A number this large is no count of seconds since 1970 (year 5138), but of milliseconds."""

# Names that fields of JSON logs go by: nginx' variables, common libraries, ECS, Google Cloud.
_METHOD = ("method", "request_method", "verb", "http.request.method", "httpRequest.requestMethod")
_TARGET = (
    "request_uri", "uri", "path", "url", "request_path", "url.original", "url.path", "httpRequest.requestUrl",
)  # fmt: skip
_STATUS = ("status", "status_code", "response_status", "http.response.status_code", "httpRequest.status")
_TIME = ("time", "timestamp", "@timestamp", "time_iso8601", "time_local", "msec", "ts", "date")
_SECONDS = ("request_time", "duration", "duration_s", "elapsed", "httpRequest.latency")
_MILLISECONDS = ("duration_ms", "latency_ms", "elapsed_ms", "response_time_ms")
_CLIENT = ("remote_addr", "client_ip", "client", "remote_ip", "ip", "client.ip", "httpRequest.remoteIp")
_POD = ("pod", "served_by", "x_served_by", "hostname", "kubernetes.pod.name")


def parse_access_log(text: str, name: str) -> Recording:
    """The requests of a log in order of their start; the form is told by the first line.

    Raises UsageProblem that names file and line.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise UsageProblem(f"{name}:1: the file is empty")
    as_json = lines[0][1].lstrip().startswith("{")
    read = _json_line if as_json else _combined_line
    requests: list[Recorded] = []
    none = 0
    for number, line in lines:
        found = read(line.strip(), number, f"{name}:{number}: ")
        if found is None:
            none += 1
        else:
            requests.append(found)
    notes = [f"lines without an HTTP request, left out: {none}"] if none else []
    if not any(request.seconds for request in requests):
        notes.append("the log does not say how long requests took: which of them overlapped is not known")
    ordered = sorted(requests, key=lambda request: (request.started is None, request.started or 0.0))
    form = "access log, JSON lines" if as_json else "access log, combined"
    return Recording(name, form, tuple(ordered), bodies=False, notes=tuple(notes))


def _combined_line(line: str, number: int, where: str) -> Recorded | None:
    found = _COMBINED.fullmatch(line)
    if found is None:
        raise UsageProblem(
            f"{where}this is no line of an access log",
            hint='nginx\' combined form (IP - - [time] "POST /path HTTP/1.1" 200 …), or a JSON object a line',
        )
    request = _REQUEST.fullmatch(found["request"])
    if request is None:
        return None  # nginx logs what was no HTTP too: "-", or TLS on a plain port
    took = _TOOK.search(found["rest"])
    seconds = float(took["seconds"]) if took else None
    ended = _moment(found["time"], where)
    return Recorded(
        number,
        request["method"],
        request["target"],
        ended - (seconds or 0.0),
        seconds,
        status=int(found["status"]),
        client=found["client"],
    )


def _json_line(line: str, number: int, where: str) -> Recorded | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise UsageProblem(f"{where}not readable as JSON: {what}") from None
    if not isinstance(data, dict):
        raise UsageProblem(f"{where}this is no JSON object")
    method, target = _first(data, _METHOD), _first(data, _TARGET)
    if isinstance(whole := data.get("request"), str) and (found := _REQUEST.fullmatch(whole)):
        method, target = method or found["method"], target or found["target"]
    if not isinstance(method, str) or not isinstance(target, str):
        return None
    seconds = _seconds(data, where)
    moment = _first(data, _TIME)
    ended = None if moment is None else _moment(moment, where)
    url = urlsplit(target)
    pod = _first(data, _POD)
    return Recorded(
        number,
        method.upper(),
        (url.path or "/") + (f"?{url.query}" if url.query else ""),
        None if ended is None else ended - (seconds or 0.0),
        seconds,
        body=_body(data.get("request_body")) or _identity(data),
        status=_status(_first(data, _STATUS), where),
        answer=_body(data.get("response_body")),
        client=str(_first(data, _CLIENT) or ""),
        pod=str(pod) if pod else None,
    )


def _first(data: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first of these that the line has, as a field of that very name or as a path."""
    for name in names:
        found = data.get(name, value_at(data, name))
        if found is not None and not isinstance(found, dict | list):
            return found
    return None


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
    except (TypeError, ValueError):
        raise UsageProblem(f"{where}status is {value!r}, expected a number") from None


def _seconds(data: Mapping[str, Any], where: str) -> float | None:
    for names, scale in ((_SECONDS, 1.0), (_MILLISECONDS, 1000.0)):
        value = _first(data, names)
        if value in (None, "", "-"):
            continue
        try:
            return float(str(value).removesuffix("s")) / scale
        except ValueError:
            raise UsageProblem(f"{where}{value!r} is no duration") from None
    return None


def _moment(value: Any, where: str) -> float:
    """Seconds since the epoch from nginx' local time, ISO 8601, or a number."""
    text = str(value)
    if found := _LOCAL_TIME.fullmatch(text):
        minutes = int(found["zh"] or 0) * 60 + int(found["zm"] or 0)
        zone = timezone(timedelta(minutes=-minutes if found["sign"] == "-" else minutes))
        try:
            day = (int(found["year"]), _MONTHS.index(found["month"]) + 1, int(found["day"]))
            return datetime(*day, int(found["h"]), int(found["m"]), int(found["s"]), tzinfo=zone).timestamp()
        except ValueError:
            raise UsageProblem(f"{where}{text!r} is no time") from None
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        return number / 1000 if number > _MILLISECONDS_FROM else number
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageProblem(f"{where}{text!r} is no time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
