"""What a command is: its name, its first key, whether it only prepares a connection, what not to write down.

Key positions: the "Key specifications" of redis.io/docs/latest/commands. The first word after the name is
the key unless the tables here say otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from devenv.core.resp.numbers import parse_length


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CONTAINERS = _names("""
    ACL CLIENT CLUSTER COMMAND CONFIG DEBUG FUNCTION LATENCY MEMORY MODULE OBJECT PUBSUB SCRIPT SLOWLOG XGROUP
    XINFO""")
SUBSCRIPTIONS = _names("""
    SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE""")
"""Answered by a confirmation per channel, in RESP3 by pushes, instead of by one reply."""
_HANDSHAKE = SUBSCRIPTIONS | _names("""
    HELLO AUTH SELECT PING ECHO READONLY READWRITE ASKING CLIENT COMMAND CLUSTER INFO ROLE SENTINEL""")
"""What clients send by themselves when they connect: docs/clients.md lists it per client."""
_HANDSHAKE_FULL = frozenset(
    {"SCRIPT LOAD", "SCRIPT EXISTS", "FUNCTION LOAD", "FUNCTION LIST", "CONFIG GET", "MODULE LIST"}
)
_KEYLESS = _CONTAINERS | _names("""
    ASKING AUTH BGREWRITEAOF BGSAVE DBSIZE DISCARD ECHO EXEC FAILOVER FLUSHALL FLUSHDB HELLO INFO KEYS
    LASTSAVE LOLWUT MONITOR MULTI PING PSUBSCRIBE PSYNC PUBLISH PUNSUBSCRIBE QUIT RANDOMKEY READONLY READWRITE
    REPLCONF REPLICAOF RESET ROLE SAVE SCAN SELECT SENTINEL SHUTDOWN SLAVEOF SUBSCRIBE SWAPDB SYNC TIME
    UNSUBSCRIBE UNWATCH WAIT WAITAOF""")
# Where the key is, as an index into all words.
_KEY_AT = {
    "BITOP": 2,
    "OBJECT": 2,
    "XGROUP": 2,
    "XINFO": 2,
    "MIGRATE": 3,
    "MEMORY USAGE": 2,
    "DEBUG OBJECT": 2,
}
# Where the number of keys is; the keys follow it.
_NUMKEYS_AT = {
    **dict.fromkeys(("EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO", "BLMPOP", "BZMPOP"), 2),
    **dict.fromkeys(("LMPOP", "ZMPOP", "SINTERCARD", "ZDIFF", "ZINTER", "ZINTERCARD", "ZUNION"), 1),
}
_AFTER_STREAMS = frozenset({"XREAD", "XREADGROUP"})
_UNMATCHABLE = _names("MONITOR SYNC PSYNC")
"""After these, what Redis sends no longer answers commands."""
_IMMEDIATE_IN_MULTI = frozenset({"EXEC", "DISCARD", "MULTI", "WATCH", "QUIT", "RESET"})
_PASSIVE = frozenset({"MULTI", "DISCARD", "UNWATCH"})
_REDACTED = "(redacted)"
_SECRET_SETTINGS = ("pass", "auth", "user")


class Shape(NamedTuple):
    """What the name of a command tells."""

    name: str
    """Upper case, with the subcommand behind a space where there is one ("SCRIPT LOAD")."""
    name_words: int
    """How many words make the name."""
    handshake: bool
    """It prepares a connection or asks what the server is, and is no step of a schedule."""
    unmatchable: bool
    """From here on what Redis sends answers no commands (MONITOR, replication)."""
    passive: bool
    """The beginning or abandonment of a transaction, which changes nothing by itself."""
    queues: bool
    """Inside a transaction it is put off until EXEC."""
    ordinary: bool
    """None of this matters outside a transaction."""


def text_of(word: bytes) -> str:
    """``word`` as text: UTF-8, bytes that are none as \\xNN."""
    return word.decode("utf-8", "backslashreplace")


def shape_of(words: Sequence[bytes]) -> Shape:
    """What the command with these words (at least one, the name) is. Never raises."""
    return _shape_by_name(words[0]) or _shape(words[0], words[1] if len(words) > 1 else None)


@lru_cache(maxsize=1024)
def _shape_by_name(first_word: bytes) -> Shape | None:
    """None where the subcommand has to be known too."""
    return None if text_of(first_word).upper() in _CONTAINERS else _shape(first_word, None)


@lru_cache(maxsize=1024)
def _shape(first_word: bytes, subcommand: bytes | None) -> Shape:
    first = text_of(first_word).upper()
    name = first if subcommand is None else f"{first} {text_of(subcommand).upper()}"
    handshake = first in _HANDSHAKE or name in _HANDSHAKE_FULL
    unmatchable = first in _UNMATCHABLE
    passive, queues = first in _PASSIVE, first not in _IMMEDIATE_IN_MULTI
    return Shape(
        name=name,
        name_words=1 if subcommand is None else 2,
        handshake=handshake,
        unmatchable=unmatchable,
        passive=passive,
        queues=queues,
        ordinary=queues and not (handshake or unmatchable or passive),
    )


def args_of(words: Sequence[bytes]) -> tuple[str, ...]:
    """The words after the name as text, passwords replaced."""
    shape = shape_of(words)
    return tuple(_without_secrets(shape.name, [text_of(word) for word in words[shape.name_words :]]))


def key_of(words: Sequence[bytes]) -> str | None:
    """The first key of the command with these words; None where it has none or it is not among them."""
    name = shape_of(words).name
    first = name.split(" ", 1)[0]
    place = _KEY_AT.get(name, _KEY_AT.get(first))
    if place is None:
        if first in _NUMKEYS_AT:
            counted = _NUMKEYS_AT[first]
            keys = parse_length(words[counted]) if len(words) > counted else None
            place = counted + 1 if keys else len(words)
        elif first in _AFTER_STREAMS:
            upper = [word.upper() for word in words]
            place = upper.index(b"STREAMS") + 1 if b"STREAMS" in upper else len(words)
        elif first in _KEYLESS:
            return None
        else:
            place = 1
    return text_of(words[place]) if place < len(words) else None


def _without_secrets(name: str, args: list[str]) -> list[str]:
    """``args`` with passwords replaced, as the slow log of Redis does."""
    if name == "AUTH":
        return [_REDACTED for _ in args]
    if name in ("HELLO", "MIGRATE"):
        upper = [arg.upper() for arg in args]
        for word, secrets in (("AUTH", 1 if name == "MIGRATE" else 2), ("AUTH2", 2)):
            if word in upper:
                place = upper.index(word) + 1
                args[place : place + secrets] = [_REDACTED for _ in args[place : place + secrets]]
    elif name == "ACL SETUSER":
        args[1:] = [_REDACTED for _ in args[1:]]
    elif name == "CONFIG SET":
        for place in range(0, len(args) - 1, 2):
            if any(word in args[place].lower() for word in _SECRET_SETTINGS):
                args[place + 1] = _REDACTED
    return args
