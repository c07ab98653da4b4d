"""The cookies of a session: all that the answers to the requests that opened it have set."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_GONE = re.compile(r";\s*max-age\s*=\s*(?:0|-\d+)\s*(?:;|$)|;\s*expires\s*=[^;]*\b19[67]\d\b", re.IGNORECASE)
"""How an answer takes a cookie away (RFC 6265 §3.1: Max-Age=0, or Expires in the past)."""


@dataclass(slots=True)
class Cookies:
    """A jar for one host: path and domain do not matter here."""

    values: dict[str, str] = field(default_factory=dict)

    def take(self, fields: Iterable[tuple[str, str]]) -> None:
        """Those that an answer's header ``fields`` (names in lower case) set or take away."""
        for name, value in fields:
            if name != "set-cookie":
                continue
            cookie, _, content = value.partition(";")[0].partition("=")
            if _GONE.search(value):
                self.values.pop(cookie.strip(), None)
            else:
                self.values[cookie.strip()] = content.strip()

    @property
    def header(self) -> str:
        """The value of ``Cookie``; empty where there is none."""
        return "; ".join(f"{name}={value}" for name, value in self.values.items())
