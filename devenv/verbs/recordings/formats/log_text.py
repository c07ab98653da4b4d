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
    remembered,
    request_of,
)

_QUOTED = r'"(?P<request>(?:[^"\\]++|\\.)*+)"'
_TIME = r"\[(?P<time>[^\]]{1,64}+)\]"
"""A time in brackets, bounded: a line full of open brackets is not read to its end for each of them."""
_COMBINED = re.compile(
    rf"(?P<named>\S+ \S+) .*?{_TIME} {_QUOTED} (?P<status>\d{{3}}) (?:\d+|-)"
    r"(?P<rest>(?: .*)?)"
)
_ENVOY = re.compile(rf"{_TIME} {_QUOTED} (?P<status>\d{{1,3}}) (?P<rest>.*)")
_ENVOY_REST = re.compile(r'(?:^|[ ])\d+ \d+ (?P<duration>\d+) (?:\d+|-) "(?P<forwarded>[^"]*)"')
_HAPROXY = re.compile(
    rf"(?:^|[ ])(?P<client>\S+):\d++ {_TIME} \S++ [^\s/]++/(?P<server>\S++) "
    rf'(?P<timers>[+-]?\d+(?:/[+-]?\d+){{4}}) (?P<status>-?\d+) (?P<rest>[^"]{{0,4096}}+){_QUOTED}'
)
_AFTER_PORT = re.compile(r":\d+ \[")
"""What every line of HAProxy's has, and few others: its whole form is looked for only then."""
_HAPROXY_OTHER = re.compile(r"haproxy(?:\[\d+\])?: ")
_TRAEFIK_REST = re.compile(r' \d+ "[^"]*" "[^"]*" (?P<duration>\d+ms)')
_FIELD = re.compile(r'"((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)')
_TOOK = re.compile(
    r"\b(?P<name>rt|request_time|duration|elapsed|latency|took|response_time)[=:]\"?(?P<value>\d+(?:\.\d+)?[a-zµμ]*)"
)
_SECONDS = ("rt", "request_time")
"""Names of nginx' $request_time, which is seconds."""


def text_line(line: str, number: int, where: str) -> LogLine | None:
    """One line; None where it is about no request. Raises UsageProblem for a line of no known form."""
    if _AFTER_PORT.search(line) and (match := _HAPROXY.search(line)):
        return _haproxy(match, number, where)
    if match := _ENVOY.fullmatch(line):
        return _envoy(match, number, where)
    if match := _COMBINED.fullmatch(line):
        return _combined(match, number, where)
    if _HAPROXY_OTHER.search(line):
        return None
    raise UsageProblem(
        f"{where}this is no line of an access log",
        hint='nginx\' combined form (IP - - [time] "POST /path HTTP/1.1" 200 …), that of HAProxy, '
        "Envoy or Traefik, or a JSON object a line",
    )


def _combined(match: re.Match[str], number: int, where: str) -> LogLine | None:
    request = request_of(match["request"])
    if request is None:
        return None  # nginx logs what was no HTTP too: "-", or TLS on a plain port
    moment = moment_of(match["time"], where)
    from_start, seconds, unknown, forwarded = _after_size(match["rest"])
    return LogLine(
        moment if from_start else moment - (seconds or 0.0),
        number,
        *request,
        seconds,
        int(match["status"]),
        _client_named(match["named"]),
        forwarded,
        unknown,
    )


@remembered
def _client_named(text: str) -> str:
    """The client of a combined line, of its first two words: Apache's vhost_combined begins with the host."""
    first, _, second = text.partition(" ")
    return client_of(second if address_of(first) is None and address_of(second) is not None else first)


@remembered
def _after_size(rest: str) -> tuple[bool, float | None, bool, str]:
    """What a combined line says after the size of the answer.

    Whether its moment is the request's start, the seconds that it took, whether they are in a unit that is
    not known, and the addresses of X-Forwarded-For.
    """
    traefik = _TRAEFIK_REST.search(rest)
    seconds, unknown = (duration_of(traefik["duration"]), False) if traefik else _took(rest)
    forwarded = next((item for item in _FIELD.findall(rest)[2:] if is_forwarded(item)), "")
    return traefik is not None, seconds, unknown, forwarded


def _took(rest: str) -> tuple[float | None, bool]:
    """The seconds that a line names, and whether it names a duration without a unit."""
    match = _TOOK.search(rest)
    if match is None:
        return None, False
    if match["value"][-1].isdigit():
        return (float(match["value"]), False) if match["name"] in _SECONDS else (None, True)
    seconds = duration_of(match["value"])
    return seconds, seconds is None


def _envoy(match: re.Match[str], number: int, where: str) -> LogLine | None:
    request, rest = request_of(match["request"]), _ENVOY_REST.search(match["rest"])
    if request is None:
        return None
    return LogLine(
        moment_of(match["time"], where),
        number,
        *request,
        int(rest["duration"]) / 1000 if rest is not None else None,
        int(match["status"]),
        forwarded=rest["forwarded"] if rest is not None and is_forwarded(rest["forwarded"]) else "",
    )


def _haproxy(match: re.Match[str], number: int, where: str) -> LogLine | None:
    request = request_of(match["request"])
    if request is None:
        return None
    total = int(match["timers"].rpartition("/")[2])
    captured = [item for item in re.findall(r"\{([^{}]*+)\}", match["rest"]) for item in item.split("|")]
    return LogLine(
        moment_of(match["time"], where),
        number,
        *request,
        total / 1000 if total >= 0 else None,
        int(match["status"]),
        client_of(match["client"]),
        next((item for item in captured if is_forwarded(item)), ""),
        pod=None if match["server"].startswith("<") else match["server"],
    )
