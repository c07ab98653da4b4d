"""What stands in lines of logs: moments, durations, addresses, requests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from math import isfinite
from typing import Any

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
_LONGEST = 64
"""Characters of the longest moment, duration or address that is one."""
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|µs|μs|ms|sec|s|m|h)")
_INTERNAL = tuple(
    ip_network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
                "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
)  # fmt: skip
"""Addresses of balancers and of what else stands between a service and the world."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that is about a request."""

    request: Recorded
    forwarded: str = ""
    """The addresses of X-Forwarded-For."""
    unit_unknown: bool = False
    """Whether it has a duration in a unit that is not known."""


def request_of(text: str) -> tuple[str, str] | None:
    """Method and target of ``POST /path HTTP/1.1``; None where it is none."""
    found = _REQUEST.fullmatch(text)
    return (found["method"], found["target"]) if found is not None else None


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
    if found := _LOCAL_TIME.fullmatch(text):
        minutes = int(found["zh"] or 0) * 60 + int(found["zm"] or 0)
        zone = timezone(timedelta(minutes=-minutes if found["sign"] == "-" else minutes))
        try:
            day = (int(found["year"]), _MONTHS.index(found["month"]) + 1, int(found["day"]))
            whole = datetime(*day, int(found["h"]), int(found["m"]), int(found["s"]), tzinfo=zone)
            return whole.timestamp() + float(found["part"] or 0)
        except ValueError:
            raise UsageProblem(f"{where}{text!r} is no time") from None
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


def client_of(text: str) -> str:
    """Who sent a request, without the port."""
    address = address_of(text)
    return text if address is None else str(address)


def is_internal(client: str) -> bool:
    """Whether an address is one of a private network."""
    address = address_of(client)
    return address is not None and any(
        address.version == network.version and address in network for network in _INTERNAL
    )


def visitor_of(forwarded: str) -> str | None:
    """The visitor in X-Forwarded-For: its last address that is not internal, else its last.

    Each balancer adds at the end whom it has seen; what stands before may be anything.
    """
    clients = [client_of(part) for part in forwarded.split(",") if address_of(part) is not None]
    outside = [client for client in clients if not is_internal(client)]
    return next(reversed(outside or clients), None)


def is_forwarded(text: str) -> bool:
    """Whether a field of a log is a list of addresses; one that is internal and has a port is an upstream."""
    parts = [part.strip() for part in text.split(",")]
    upstream = any(is_internal(part) and part != client_of(part) for part in parts)
    return bool(text) and not upstream and all(address_of(part) is not None for part in parts)
