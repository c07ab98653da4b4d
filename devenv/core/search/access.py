"""Which keys a Redis command reads and which it writes, as far as the order of two commands depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from devenv.core.resp.command_shapes import key_of, shape_of, text_of


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Commands that leave everything as it is: the @read category of redis.io/docs/latest/commands, and WATCH,
# which only looks. What is not named here counts as a write: that adds orders and never misses one.
_READS = _names("""
    BITCOUNT BITFIELD_RO BITPOS DUMP EVALSHA_RO EVAL_RO EXISTS EXPIRETIME FCALL_RO GEODIST GEOHASH GEOPOS
    GEOSEARCH GET GETBIT GETRANGE HEXISTS HGET HGETALL HKEYS HLEN HMGET HRANDFIELD HSCAN HSTRLEN HVALS LCS
    LINDEX LLEN LPOS LRANGE MGET OBJECT PEXPIRETIME PTTL SCARD SDIFF SINTER SINTERCARD SISMEMBER SMEMBERS
    SMISMEMBER SRANDMEMBER SSCAN STRLEN SUBSTR SUNION TTL TYPE WATCH XLEN XPENDING XRANGE XREVRANGE ZCARD
    ZCOUNT ZDIFF ZINTER ZINTERCARD ZLEXCOUNT ZMSCORE ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK
    ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNION""")
_SCRIPTS = _names("EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO")
_ALL_KEYS = _names("DEL EXISTS MGET SDIFF SINTER SUNION TOUCH UNLINK WATCH")
_ALTERNATING = _names("MSET MSETNX")
_TWO_KEYS = _names("COPY LMOVE RENAME RENAMENX RPOPLPUSH SMOVE")
_UNWATCHING = _names("DISCARD UNWATCH")
"""They concern their own connection only: what it watches is EXEC's affair, and what others do is none."""
EVERYTHING = "\0every key"
"""Written by commands whose keys cannot be known (KEYS, SCAN, FLUSHALL …), read by all others."""

Words = Sequence[bytes]


class Touched(NamedTuple):
    """Names of keys."""

    reads: frozenset[str]
    writes: frozenset[str]


def is_read(name: str) -> bool:
    """Whether the command of this name (in capitals, without subcommand) leaves all keys as they are."""
    return name in _READS


def keys_of(words: Words) -> tuple[str, ...]:
    """All keys of a command; ``EVERYTHING`` where its keys are not known."""
    name = shape_of(words).name.split(" ", 1)[0]
    keys: Sequence[bytes]
    if name in _SCRIPTS and len(words) > 2 and words[2].isdigit():
        keys = words[3 : 3 + int(words[2])]
    elif name in _ALL_KEYS:
        keys = words[1:]
    elif name in _ALTERNATING:
        keys = words[1::2]
    elif name in _TWO_KEYS:
        keys = words[1:3]
    else:
        first = key_of(words)
        return (EVERYTHING,) if first is None else (first,)
    return tuple(dict.fromkeys(map(text_of, keys))) or (EVERYTHING,)


def touched(commands: Sequence[Words], watched: frozenset[str] = frozenset()) -> Touched:
    """What one step touches: a command, or all that an EXEC runs. ``watched``: keys that EXEC depends on."""
    reads: set[str] = set(watched)
    writes: set[str] = set()
    for words in commands:
        name = shape_of(words).name.split(" ", 1)[0]
        if name in _UNWATCHING:
            continue
        keys = keys_of(words)
        if EVERYTHING in keys:
            return Touched(frozenset(), frozenset({EVERYTHING}))
        (reads if name in _READS else writes).update(keys)
    return Touched(frozenset(reads | {EVERYTHING}), frozenset(writes))


def watching(before: frozenset[str], commands: Sequence[Words], transaction: bool) -> frozenset[str]:
    """The keys that a connection watches after a step (of an EXEC: what it ran), if it watched ``before``."""
    name = shape_of(commands[0]).name if commands else ""
    if transaction or name in _UNWATCHING:
        return frozenset()
    return before | frozenset(keys_of(commands[0])) if name == "WATCH" else before
