"""Spans of time as people write them: 30s, 5m, 1.5h."""

from __future__ import annotations

import re

_SPAN = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def seconds_of(text: str) -> float | None:
    """In seconds; None where it is no such span."""
    match = _SPAN.fullmatch(text.strip())
    return float(match["number"]) * _SECONDS[match["unit"]] if match else None
