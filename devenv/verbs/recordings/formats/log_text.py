"""Lines of text logs: nginx' combined form and what is appended, Traefik's, HAProxy's, Envoy's, Istio's.

They have no bodies. Most have whole seconds and the moment at which an answer was finished; HAProxy, Envoy
and Traefik have the moment at which the request began.
"""

from __future__ import annotations

import re

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.formats.log_values import (
    LogLine,
    address_of,
    client_of,
    duration_of,
    is_forwarded,
    moment_of,
    request_of,
)
from devenv.verbs.recordings.formats.recorded import Recorded

_QUOTED = r'"(?P<request>(?:[^"\\]++|\\.)*+)"'
_TIME = r"\[(?P<time>[^\]]{1,64}+)\]"
"""A time in brackets, bounded: a line full of open brackets is not read to its end for each of them."""
_COMBINED = re.compile(
    rf"(?P<first>\S+) (?P<second>\S+) .*?{_TIME} {_QUOTED} (?P<status>\d{{3}}) (?:\d+|-)"
    r"(?P<rest>(?: .*)?)"
)
_ENVOY = re.compile(rf"{_TIME} {_QUOTED} (?P<status>\d{{1,3}}) (?P<rest>.*)")
_ENVOY_REST = re.compile(r'(?:^|[ ])\d+ \d+ (?P<duration>\d+) (?:\d+|-) "(?P<forwarded>[^"]*)"')
_HAPROXY = re.compile(
    rf"(?:^|[ ])(?P<client>\S+):\d++ {_TIME} \S++ [^\s/]++/(?P<server>\S++) "
    rf'(?P<timers>[+-]?\d+(?:/[+-]?\d+){{4}}) (?P<status>-?\d+) (?P<rest>[^"]*+){_QUOTED}'
)
_HAPROXY_OTHER = re.compile(r"haproxy(?:\[\d+\])?: ")
_TRAEFIK_REST = re.compile(r' \d+ "[^"]*" "[^"]*" (?P<duration>\d+ms)')
_FIELD = re.compile(r'"((?:[^"\\]++|\\.)*+)(?:"|\Z)')
_TOOK = re.compile(
    r"\b(?P<name>rt|request_time|duration|elapsed|latency|took|response_time)[=:]\"?(?P<value>\d+(?:\.\d+)?[a-zµμ]*)"
)
_SECONDS = ("rt", "request_time")
"""Names of nginx' $request_time, which is seconds."""


def text_line(line: str, number: int, where: str) -> LogLine | None:
    """One line; None where it is about no request. Raises UsageProblem for a line of no known form."""
    if found := _HAPROXY.search(line):
        return _haproxy(found, number, where)
    if found := _ENVOY.fullmatch(line):
        return _envoy(found, number, where)
    if found := _COMBINED.fullmatch(line):
        return _combined(found, number, where)
    if _HAPROXY_OTHER.search(line):
        return None
    raise UsageProblem(
        f"{where}this is no line of an access log",
        hint='nginx\' combined form (IP - - [time] "POST /path HTTP/1.1" 200 …), that of HAProxy, '
        "Envoy or Traefik, or a JSON object a line",
    )


def _combined(found: re.Match[str], number: int, where: str) -> LogLine | None:
    request = request_of(found["request"])
    if request is None:
        return None  # nginx logs what was no HTTP too: "-", or TLS on a plain port
    rest = found["rest"]
    moment = moment_of(found["time"], where)
    traefik = _TRAEFIK_REST.search(rest)
    seconds, unknown = (duration_of(traefik["duration"]), False) if traefik else _took(rest)
    started = moment if traefik else moment - (seconds or 0.0)
    # Apache's vhost_combined begins with the host.
    named = [found["first"], found["second"]]
    client = next((item for item in named if address_of(item) is not None), named[0])
    forwarded = next((item for item in _FIELD.findall(rest)[2:] if is_forwarded(item)), "")
    recorded = Recorded(
        number, *request, started, seconds, status=int(found["status"]), client=client_of(client)
    )
    return LogLine(recorded, forwarded, unknown)


def _took(rest: str) -> tuple[float | None, bool]:
    """The seconds that a line names, and whether it names a duration without a unit."""
    found = _TOOK.search(rest)
    if found is None:
        return None, False
    if found["value"][-1].isdigit():
        return (float(found["value"]), False) if found["name"] in _SECONDS else (None, True)
    seconds = duration_of(found["value"])
    return seconds, seconds is None


def _envoy(found: re.Match[str], number: int, where: str) -> LogLine | None:
    request, rest = request_of(found["request"]), _ENVOY_REST.search(found["rest"])
    if request is None:
        return None
    started = moment_of(found["time"], where)
    seconds = int(rest["duration"]) / 1000 if rest is not None else None
    recorded = Recorded(number, *request, started, seconds, status=int(found["status"]))
    return LogLine(
        recorded, rest["forwarded"] if rest is not None and is_forwarded(rest["forwarded"]) else ""
    )


def _haproxy(found: re.Match[str], number: int, where: str) -> LogLine | None:
    request = request_of(found["request"])
    if request is None:
        return None
    total = int(found["timers"].rpartition("/")[2])
    captured = [item for item in re.findall(r"\{([^{}]*+)\}", found["rest"]) for item in item.split("|")]
    recorded = Recorded(
        number,
        *request,
        moment_of(found["time"], where),
        total / 1000 if total >= 0 else None,
        status=int(found["status"]),
        client=client_of(found["client"]),
        pod=None if found["server"].startswith("<") else found["server"],
    )
    return LogLine(recorded, next((item for item in captured if is_forwarded(item)), ""))
