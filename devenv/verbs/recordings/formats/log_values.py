"""What stands in lines of logs: moments, durations, addresses, requests."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache, wraps
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from math import inf, isfinite
from typing import Any, NamedTuple, TypeVar

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.formats.recorded import Recorded

_REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<target>\S+)(?: HTTP/[\d.]+)?")
_LOCAL_TIME = re.compile(
    r"(?P<day>\d{2})/(?P<month>[A-Z][a-z]{2})/(?P<year>\d{4}):(?P<h>\d{2}):(?P<m>\d{2}):(?P<s>\d{2})"
    r"(?P<part>\.\d{1,6})?(?: (?P<sign>[+-])(?P<zh>\d{2})(?P<zm>\d{2}))?"
)
_SLASHED_TIME = re.compile(r"(\d{4})/(\d{2})/(\d{2}) ")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""A number this large is no count of seconds since 1970 (year 5138), but of nano-, micro- or milliseconds."""
_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_LAST_SECOND = 59
_LONGEST = 64
"""Characters of the longest moment, duration or address that is one."""
_LENGTH = re.compile(r"(?<!\d)(\d+(?:\.\d+)?)\s*(ns|us|µs|μs|ms|sec|s|m|h)")
_KEPT = 16384
_LONGEST_KEPT = 400
T = TypeVar("T")


def remembered(function: Callable[[str], T]) -> Callable[[str], T]:
    """``function``, which remembers what it gave for thousands of texts, as lines of a log repeat theirs.

    Long texts are not kept: how much memory that takes is bounded.
    """
    kept = lru_cache(maxsize=_KEPT)(function)

    @wraps(function)
    def call(text: str) -> T:
        return kept(text) if len(text) <= _LONGEST_KEPT else function(text)

    return call


_INTERNAL = tuple(
    ip_network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
                "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
)  # fmt: skip
"""Addresses of balancers and of what else stands between a service and the world."""


class LogLine(NamedTuple):
    """One line that is about a request; lines compare by their moment, then by their place in the file."""

    started: float
    """When the request began, in seconds since the epoch; infinite where the line does not say."""
    number: int
    """Of the line, from 1."""
    method: str
    target: str
    """The path with its query."""
    seconds: float | None = None
    """How long it took; None where the line does not say."""
    status: int | None = None
    client: str = ""
    """The address that the line names, without its port."""
    forwarded: str = ""
    """The addresses of X-Forwarded-For."""
    unit_unknown: bool = False
    """Whether it has a duration in a unit that is not known."""
    pod: str | None = None
    """Who answered."""
    body: str | None = None
    """What the line says of the request's body."""
    answer: str | None = None
    """What the line says of the answer's body."""

    def recorded(self, client: str) -> Recorded:
        """The line as a request that ``client`` sent."""
        return Recorded(
            self.number,
            self.method,
            self.target,
            None if self.started == inf else self.started,
            self.seconds,
            body=self.body,
            status=self.status,
            answer=self.answer,
            client=client,
            pod=self.pod,
        )


@remembered
def request_of(text: str) -> tuple[str, str] | None:
    """Method and target of ``POST /path HTTP/1.1``; None where it is none."""
    match = _REQUEST.fullmatch(text)
    return (match["method"], match["target"]) if match is not None else None


@remembered
def duration_of(text: str) -> float | None:
    """Seconds of ``12ms``, ``0.5s``, ``1m2.3s``; None where it is no number with a unit."""
    if len(text) > _LONGEST:
        return None
    parts = list(_LENGTH.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text.strip():
        return None
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)


def moment_of(value: Any, where: str) -> float:
    """Seconds since the epoch from nginx' local time, ISO 8601, or a number.

    Raises UsageProblem, its message begun with ``where``.
    """
    text = str(value)
    if len(text) > _LONGEST:
        raise UsageProblem(f"{where}{text[:_LONGEST]!r}… is no time")
    if match := _LOCAL_TIME.fullmatch(text):
        try:
            minute = _minute_of(*match.group("year", "month", "day", "h", "m", "sign", "zh", "zm"))
            second = int(match["s"])
            if second > _LAST_SECOND:
                raise ValueError("a minute has no such second")
        except ValueError:
            raise UsageProblem(f"{where}{text!r} is no time") from None
        return minute + second + float(match["part"] or 0)
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        if not isfinite(number):
            raise UsageProblem(f"{where}{text!r} is no time")
        return next((number / scale for least, scale in _SCALES if number > least), number)
    try:
        moment = datetime.fromisoformat(_SLASHED_TIME.sub(r"\1-\2-\3 ", text))
    except ValueError:
        raise UsageProblem(f"{where}{text!r} is no time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@lru_cache(maxsize=_KEPT)
def _minute_of(
    year: str,
    month: str,
    day: str,
    hour: str,
    minute: str,
    sign: str,
    zone_hours: str,
    zone_minutes: str,
) -> float:
    """Seconds since the epoch at the begin of a minute. ValueError where there is no such minute."""
    minutes = int(zone_hours or 0) * 60 + int(zone_minutes or 0)
    zone = timezone(timedelta(minutes=-minutes if sign == "-" else minutes))
    place = _MONTHS.index(month) + 1
    return datetime(int(year), place, int(day), int(hour), int(minute), tzinfo=zone).timestamp()


@remembered
def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address, with a port or without; None where it is none."""
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    if bracketed := re.fullmatch(r"\[([^\]]+)\](?::\d+)?", text):
        text = bracketed[1]
    elif re.fullmatch(r"[\d.]+:\d+", text):
        text = text.partition(":")[0]
    try:
        return ip_address(text)
    except ValueError:
        return None


@remembered
def client_of(text: str) -> str:
    """Who sent a request, without the port."""
    address = address_of(text)
    return text if address is None else str(address)


@remembered
def is_internal(client: str) -> bool:
    """Whether an address is one of a private network."""
    address = address_of(client)
    return address is not None and any(
        address.version == network.version and address in network for network in _INTERNAL
    )


@remembered
def visitor_of(forwarded: str) -> str | None:
    """The visitor in X-Forwarded-For: its last address that is not internal, else its last.

    Each balancer adds at the end whom it has seen; what stands before may be anything.
    """
    clients = [client_of(part) for part in forwarded.split(",") if address_of(part) is not None]
    outside = [client for client in clients if not is_internal(client)]
    return next(reversed(outside or clients), None)


@remembered
def is_forwarded(text: str) -> bool:
    """Whether a field of a log is a list of addresses; one that is internal and has a port is an upstream."""
    parts = [part.strip() for part in text.split(",")]
    upstream = any(is_internal(part) and part != client_of(part) for part in parts)
    return bool(text) and not upstream and all(address_of(part) is not None for part in parts)
