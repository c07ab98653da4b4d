"""Which Redis commands a service's store needs, and since which version Redis has them.

Versions are those of the "since" and "history" lines of the Redis command reference.
"""

from __future__ import annotations

from collections.abc import Mapping

NEEDS: Mapping[str, tuple[str, ...]] = {
    "guide": ("GET", "SETEX", "TTL", "SET", "DEL", "MULTI"),
    "atomic": (
        "SET", "GET", "EXISTS", "EVALSHA", "EVAL", "HMGET", "HSET", "PEXPIRE", "PTTL", "EXPIRE", "DEL",
        "SET KEEPTTL",
    ),
    "watch": ("SET", "GET", "WATCH", "MULTI", "DEL", "SET KEEPTTL"),
    "getdel": ("SET", "GETDEL", "PTTL", "MULTI"),
    "incr": ("SET", "GET", "INCR", "EXPIRE", "DEL"),
}  # fmt: skip
"""By SESSION_STRATEGY. A second word is an option of the command."""

UNSAID = NEEDS["guide"]
"""Of a service whose SESSION_STRATEGY is not known: what the migration guide's commands need."""

SINCE: Mapping[str, tuple[int, ...]] = {
    "SET KEEPTTL": (6, 0),
    "SET GET": (6, 2),
    "SET EX": (2, 6, 12),
    "GETDEL": (6, 2),
    "GETEX": (6, 2),
    "EVAL": (2, 6),
    "EVALSHA": (2, 6),
    "PEXPIRE": (2, 6),
    "PTTL": (2, 6),
    "EXPIRE NX": (7, 0),
    "EXPIRE XX": (7, 0),
    "EXPIRE GT": (7, 0),
    "EXPIRE LT": (7, 0),
    "HEXPIRE": (7, 4),
    "HPEXPIRE": (7, 4),
    "HGETDEL": (8, 0),
    "HGETEX": (8, 0),
    "HSETEX": (8, 0),
    "SET IFEQ": (8, 4),
    "DELEX": (8, 4),
}
"""The first version with the command, or with its option."""


def too_new(command: str, release: tuple[int, ...]) -> tuple[int, ...] | None:
    """The version that ``command`` needs, where ``release`` is older; None where it is there or not known."""
    since = SINCE.get(command.upper())
    return since if since is not None and release and release < since else None
