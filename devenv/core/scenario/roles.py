"""What a Redis command is to a session: it reads, writes or deletes the session's key.

Services keep their sessions by different commands (EXEC, SETEX, HSET). An order that names roles is the same
for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum

from devenv.core.search.access import is_read


class Role(StrEnum):
    """What a command does to the session's key."""

    READ = "read"
    """It reads what the session holds: GET, HGETALL."""
    WRITE = "write"
    """It changes what the session holds: SET, SETEX, HSET, or an EXEC that runs one of them."""
    DELETE = "delete"
    """It removes the key: DEL, UNLINK, GETDEL."""


READS = "reads"
"""Instead of a role, in an order: the first read of a request and the reads that follow it directly."""

CommandRun = tuple[str, Sequence[str]]
"""A command's name in capitals, and its keys."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WITHOUT_ROLE = _names("""
    EXISTS EXPIRE EXPIREAT EXPIRETIME OBJECT PERSIST PEXPIRE PEXPIREAT PEXPIRETIME PTTL TOUCH TTL TYPE UNWATCH
    WATCH""")
"""They ask or change how long the key lives, or whether it is there."""
_ALL = frozenset(Role)
_SEVERAL = {
    **dict.fromkeys(_names("DEL UNLINK JSON.DEL"), frozenset({Role.DELETE})),
    "GETDEL": frozenset({Role.READ, Role.DELETE}),
    **dict.fromkeys(_names("GETEX JSON.GET JSON.MGET"), frozenset({Role.READ})),
    **dict.fromkeys(
        _names("DECR DECRBY GETSET HINCRBY HINCRBYFLOAT INCR INCRBY INCRBYFLOAT JSON.NUMINCRBY"),
        frozenset({Role.READ, Role.WRITE}),
    ),
    # The words of a call do not say what the script does: it may do all of it at once.
    **dict.fromkeys(_names("EVAL EVALSHA FCALL"), _ALL),
}


def roles_of(commands: Sequence[CommandRun], session_keys: Collection[str]) -> frozenset[Role]:
    """The roles of one command, or of all commands that an EXEC runs.

    ``session_keys``: the keys that hold the sessions; empty: not known, then any key counts as one.
    """
    roles: set[Role] = set()
    for name, keys in commands:
        if not session_keys or any(key in session_keys for key in keys):
            roles |= _roles(name)
    return frozenset(roles)


def _roles(name: str) -> frozenset[Role]:
    first = name.partition(" ")[0]
    if first in _WITHOUT_ROLE:
        return frozenset()
    if first in _SEVERAL:
        return _SEVERAL[first]
    return frozenset({Role.READ if is_read(first) else Role.WRITE})
