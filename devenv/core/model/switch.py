"""What puts a user-provided service's sessions into Redis, where that is not called USE_REDIS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_USUAL = re.compile(r"USE_REDIS(?:=(true|false))?(?!\w)")


@dataclass(frozen=True, slots=True)
class Switch:
    """A service's own switch, in words."""

    name: str
    """"SESSION_BACKEND"."""
    on: str
    """"SESSION_BACKEND=redis"."""
    off: str
    """"SESSION_BACKEND=memory"; "no REDIS_URL" where it is a variable that is not set then."""

    @classmethod
    def of(cls, on: Mapping[str, str], off: Mapping[str, str]) -> Switch:
        """The switch whose variables are ``on`` and ``off``; both empty: it has none."""
        name = " and ".join(on or off)
        true, false = (" ".join(f"{word}={value}" for word, value in item.items()) for item in (on, off))
        if not name:
            return cls("settings", "sessions in Redis", "nothing in Redis")
        return cls(name, true or f"no {name}", false or f"no {name}")

    @property
    def usual(self) -> bool:
        """Whether it is USE_REDIS."""
        return self == USUAL

    def renamed(self, text: str) -> str:
        """``text`` about USE_REDIS, with this switch in its place."""
        values = {"true": self.on, "false": self.off, None: self.name}
        return _USUAL.sub(lambda match: values[match[1]], text)


USUAL = Switch("USE_REDIS", "USE_REDIS=true", "USE_REDIS=false")
