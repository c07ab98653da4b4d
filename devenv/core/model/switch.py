"""What puts a user-provided service's sessions into Redis, where that is not called USE_REDIS."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_USUAL = re.compile(r"USE_REDIS(?:=(true|false))?(?!\w)")
_STACKS = {"{redis_url}": "redis://HOST:PORT/0", "{redis_host}": "HOST", "{redis_port}": "PORT"}
"""What devenv.toml has for this stack's Redis, and what a sentence shows in its place."""

_SCHEMES = ("redis", "valkey", "unix")
"""What the scheme of a Redis address contains: ``rediss``, ``redis+sentinel``, Django's ``rediscache``."""


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
        true, false = (
            " ".join(f"{word}={_shown(value)}" for word, value in item.items()) for item in (on, off)
        )
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


def _shown(value: str) -> str:
    for template, words in _STACKS.items():
        value = value.replace(template, words)
    return value or '""'


def _is_another_redis(value: str, on: str) -> bool:
    """Whether ``value`` is the address of a Redis too, in the form that the value ``on`` has."""
    scheme, separator, _ = value.casefold().partition("://")
    if "://" not in on:
        return bool(value) and not separator and (":" in value or ":" not in on)
    same = scheme == on.casefold().partition("://")[0]
    return bool(separator) and (same or any(name in scheme for name in _SCHEMES))


def names_address(value: str) -> bool:
    """Whether a variable's value in devenv.toml is, or has, the address of a Redis."""
    return "{redis_" in value or "://" in value


def state_of(
    on: Mapping[str, str], off: Mapping[str, str], variables: Mapping[str, str], addresses: Collection[str]
) -> bool | None:
    """Whether a pod with ``variables`` has the switch on, whose variables are ``on`` and ``off``.

    None where they are neither. ``addresses``: the names of those of ``on`` that carry an address; another
    address of a Redis is on too. An address of something else (``locmemcache://``) or a word is neither.
    A variable that is not set is like an empty one.
    """
    names = {*on, *off}

    def differing(wanted: Mapping[str, str]) -> list[str]:
        return [
            name for name in names if variables.get(name, "").casefold() != wanted.get(name, "").casefold()
        ]

    from_on = differing(on)
    if not from_on:
        return True
    if not differing(off):
        return False
    elsewhere = all(
        name in addresses and _is_another_redis(variables.get(name, ""), on.get(name, "")) for name in from_on
    )
    return True if elsewhere else None


USUAL = Switch("USE_REDIS", "USE_REDIS=true", "USE_REDIS=false")
