"""A listing of the keys in Redis: what the service keeps there, with its TTL and what is odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

RECEIPT = "receipt"
"""The atomic store's record of the answer to a request, beside the session; it lives for seconds."""
COUNTER = "counter"
"""The incr store's count of attempts, beside the session."""
BESIDE = (RECEIPT, COUNTER)


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One key."""

    key: str
    kind: str
    """The captcha type, ``receipt``, ``counter`` or ``other``."""
    type: str
    """Redis' TYPE."""
    ttl: float | None
    """Seconds left; None where the key has no TTL."""
    attempts: int | None
    """The document's count."""
    fields: tuple[str, ...]
    """The names of what the document has."""
    flags: tuple[str, ...]
    """What is wrong with it, in words."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {**asdict(self), "fields": list(self.fields), "flags": list(self.flags)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KeyInfo:
        """The other way around; raises TypeError where ``data`` is none."""
        return cls(**{**data, "fields": tuple(data["fields"]), "flags": tuple(data["flags"])})


@dataclass(frozen=True, slots=True)
class KeyListing:
    """The keys found under a prefix, sorted."""

    prefix: str
    keys: tuple[KeyInfo, ...]
    complete: bool
    """False where the listing was cut short."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "prefix": self.prefix,
            "complete": self.complete,
            "keys": [key.to_json() for key in self.keys],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KeyListing:
        """The other way around; raises KeyError or TypeError where ``data`` is none."""
        return cls(data["prefix"], tuple(KeyInfo.from_json(item) for item in data["keys"]), data["complete"])
