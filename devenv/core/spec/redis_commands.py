"""The commands of the Redis model, with Redis 7.0's replies and error texts.

Each is a function of the keyspace and its arguments. What this subset leaves out raises NotModelled, never an
answer that Redis would not give.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from devenv.core.resp.values import OK, Failure, Pairs, Reply, Status
from devenv.core.spec.keyspace import Entry, Hash, Keyspace, NotModelled, Text

Args = tuple[bytes, ...]
Handler = Callable[[Keyspace, Args], Reply]

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
NO_INTEGER = "ERR value is not an integer or out of range"
OVERFLOW = "ERR increment or decrement would overflow"
SYNTAX = "ERR syntax error"

_INTEGER = re.compile(rb"0|-?[1-9][0-9]*")
_MIN, _MAX = -(2**63), 2**63 - 1


class Refused(Exception):
    """The command ends with this error; nothing was changed."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.failure = Failure(text)


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the model."""

    arity: int
    """How many words it has with its name; negative: at least that number."""
    run: Handler

    def fits(self, count: int) -> bool:
        """Whether a call with that number of words is one of this command."""
        return count == self.arity if self.arity >= 0 else count >= -self.arity


def wrong_number(name: str) -> Failure:
    """Too many or too few arguments."""
    return Failure(f"ERR wrong number of arguments for '{name.lower()}' command")


def integer(word: bytes, problem: str = NO_INTEGER) -> int:
    """A 64-bit integer as Redis reads one: no plus sign, no leading zeros, no blanks."""
    if len(word) > 20 or not _INTEGER.fullmatch(word) or not _MIN <= int(word) <= _MAX:
        raise Refused(problem)
    return int(word)


def _text(keys: Keyspace, key: bytes) -> bytes | None:
    entry = keys.get(key)
    if entry is None:
        return None
    if not isinstance(entry.value, Text):
        raise Refused(WRONG_TYPE)
    return entry.value.data


def _hash(keys: Keyspace, key: bytes) -> dict[bytes, bytes]:
    entry = keys.get(key)
    if entry is None:
        return {}
    if not isinstance(entry.value, Hash):
        raise Refused(WRONG_TYPE)
    return dict(entry.value.fields)


def _put_hash(keys: Keyspace, key: bytes, fields: Mapping[bytes, bytes]) -> None:
    """Write a hash back; its TTL stays, and without fields it is no more."""
    entry = keys.get(key)
    expires = entry.expires if entry is not None else None
    keys.put(key, Entry(Hash(tuple(fields.items())), expires) if fields else None)


def _deadline(word: bytes, unit: int, now: int, name: str) -> int:
    """A relative time in ``unit`` milliseconds as a moment."""
    amount = integer(word)
    if amount <= 0 or amount * unit > _MAX - now:
        raise Refused(f"ERR invalid expire time in '{name}' command")
    return now + amount * unit


# --- strings ----------------------------------------------------------------------------------------------


def _get(keys: Keyspace, args: Args) -> Reply:
    return _text(keys, args[0])


def _mget(keys: Keyspace, args: Args) -> Reply:
    entries = [keys.get(key) for key in args]
    return tuple(entry.value.data if entry and isinstance(entry.value, Text) else None for entry in entries)


def _getdel(keys: Keyspace, args: Args) -> Reply:
    data = _text(keys, args[0])
    if data is not None:
        keys.put(args[0], None)
    return data


_CONFLICTS: Mapping[str, tuple[str, ...]] = {
    "NX": ("XX",),
    "XX": ("NX",),
    "GET": (),
    "KEEPTTL": ("EX", "PX"),
    "EX": ("KEEPTTL", "PX"),
    "PX": ("KEEPTTL", "EX"),
}


def _set_options(arguments: Args) -> dict[str, bytes]:
    """SET's options; those with a time have it as value."""
    options: dict[str, bytes] = {}
    rest = list(arguments)
    while rest:
        name = rest.pop(0).decode("latin-1").upper()
        if name in ("EXAT", "PXAT"):
            raise NotModelled(f"the Redis model does not know SET … {name}")
        if name not in _CONFLICTS or any(other in options for other in _CONFLICTS[name]):
            raise Refused(SYNTAX)
        if name in ("EX", "PX"):
            if not rest:
                raise Refused(SYNTAX)
            options[name] = rest.pop(0)
        else:
            options[name] = b""
    return options


def _set(keys: Keyspace, args: Args) -> Reply:
    key, data = args[:2]
    options = _set_options(args[2:])
    expires = None
    for name, unit in (("EX", 1000), ("PX", 1)):
        if name in options:
            expires = _deadline(options[name], unit, keys.now, "set")
    reply: Reply = _text(keys, key) if "GET" in options else OK
    entry = keys.get(key)
    if ("NX" in options and entry is not None) or ("XX" in options and entry is None):
        return reply if "GET" in options else None
    if "KEEPTTL" in options and entry is not None:
        expires = entry.expires
    keys.put(key, Entry(Text(data), expires))
    return reply


def _setex(name: str, unit: int) -> Handler:
    def run(keys: Keyspace, args: Args) -> Reply:
        keys.put(args[0], Entry(Text(args[2]), _deadline(args[1], unit, keys.now, name)))
        return OK

    return run


def _setnx(keys: Keyspace, args: Args) -> Reply:
    if keys.get(args[0]) is not None:
        return 0
    keys.put(args[0], Entry(Text(args[1])))
    return 1


def _add(keys: Keyspace, key: bytes, amount: int) -> Reply:
    data, entry = _text(keys, key), keys.get(key)
    total = (integer(data) if data is not None else 0) + amount
    if not _MIN <= total <= _MAX:
        raise Refused(OVERFLOW)
    keys.put(key, Entry(Text(b"%d" % total), entry.expires if entry is not None else None))
    return total


def _incr(keys: Keyspace, args: Args) -> Reply:
    return _add(keys, args[0], 1)


def _incrby(keys: Keyspace, args: Args) -> Reply:
    return _add(keys, args[0], integer(args[1]))


# --- keys -------------------------------------------------------------------------------------------------


def _del(keys: Keyspace, args: Args) -> Reply:
    there = [key for key in dict.fromkeys(args) if keys.get(key) is not None]
    for key in there:
        keys.put(key, None)
    return len(there)


def _exists(keys: Keyspace, args: Args) -> Reply:
    return sum(1 for key in args if keys.get(key) is not None)


def _type(keys: Keyspace, args: Args) -> Reply:
    entry = keys.get(args[0])
    if entry is None:
        return Status("none")
    return Status("string" if isinstance(entry.value, Text) else "hash")


def _pttl(keys: Keyspace, args: Args) -> int:
    entry = keys.get(args[0])
    if entry is None:
        return -2
    return -1 if entry.expires is None else entry.expires - keys.now


def _ttl(keys: Keyspace, args: Args) -> Reply:
    left = _pttl(keys, args)
    return (
        left if left < 0 else (left + 500) // 1000
    )  # half a second or less is 0: expire.c, ttlGenericCommand


def _expire(name: str, unit: int) -> Handler:
    def run(keys: Keyspace, args: Args) -> Reply:
        options = _expire_options(args[2:])
        amount = integer(args[1]) * unit
        if not _MIN <= amount <= _MAX - keys.now:
            raise Refused(f"ERR invalid expire time in '{name}' command")
        entry, when = keys.get(args[0]), keys.now + amount
        if entry is None or not _may_expire(entry.expires, when, options):
            return 0
        keys.put(args[0], replace(entry, expires=when) if when > keys.now else None)
        return 1

    return run


def _expire_options(arguments: Args) -> list[str]:
    options: list[str] = []
    for word in arguments:
        name = word.decode("latin-1").upper()
        if name not in ("NX", "XX", "GT", "LT"):
            raise Refused(f"ERR Unsupported option {word.decode('latin-1')}")
        options.append(name)
    if "NX" in options and any(item in options for item in ("XX", "GT", "LT")):
        raise Refused("ERR NX and XX, GT or LT options at the same time are not compatible")
    if "GT" in options and "LT" in options:
        raise Refused("ERR GT and LT options at the same time are not compatible")
    return options


def _may_expire(present: int | None, when: int, options: list[str]) -> bool:
    for option in options:
        refused = {
            "NX": present is not None,
            "XX": present is None,
            "GT": present is None or when <= present,
            "LT": present is not None and when >= present,
        }
        if refused[option]:
            return False
    return True


def _persist(keys: Keyspace, args: Args) -> Reply:
    entry = keys.get(args[0])
    if entry is None or entry.expires is None:
        return 0
    keys.put(args[0], replace(entry, expires=None))
    return 1


def _flush(keys: Keyspace, args: Args) -> Reply:
    if len(args) > 1 or (args and args[0].upper() not in (b"SYNC", b"ASYNC")):
        raise Refused(SYNTAX)
    for key in keys.keys():  # noqa: SIM118 - a method of ours, no mapping
        keys.put(key, None)
    return OK


# --- hashes -----------------------------------------------------------------------------------------------


def _hset(keys: Keyspace, args: Args) -> Reply:
    key, pairs = args[0], args[1:]
    if len(pairs) % 2:
        return wrong_number("hset")
    fields = _hash(keys, key)
    before = len(fields)
    fields.update(zip(pairs[::2], pairs[1::2], strict=True))
    _put_hash(keys, key, fields)
    return len(fields) - before


def _hget(keys: Keyspace, args: Args) -> Reply:
    return _hash(keys, args[0]).get(args[1])


def _hmget(keys: Keyspace, args: Args) -> Reply:
    fields = _hash(keys, args[0])
    return tuple(fields.get(name) for name in args[1:])


def _hgetall(keys: Keyspace, args: Args) -> Reply:
    return Pairs(tuple(_hash(keys, args[0]).items()))


def _hexists(keys: Keyspace, args: Args) -> Reply:
    return int(args[1] in _hash(keys, args[0]))


def _hdel(keys: Keyspace, args: Args) -> Reply:
    fields = _hash(keys, args[0])
    gone = [name for name in dict.fromkeys(args[1:]) if fields.pop(name, None) is not None]
    if gone:
        _put_hash(keys, args[0], fields)
    return len(gone)


def _hincrby(keys: Keyspace, args: Args) -> Reply:
    key, name, word = args
    amount = integer(word)
    fields = _hash(keys, key)
    total = integer(fields.get(name, b"0"), "ERR hash value is not an integer") + amount
    if not _MIN <= total <= _MAX:
        raise Refused(OVERFLOW)
    _put_hash(keys, key, {**fields, name: b"%d" % total})
    return total


COMMANDS: Mapping[str, Command] = {
    "GET": Command(2, _get),
    "MGET": Command(-2, _mget),
    "GETDEL": Command(2, _getdel),
    "SET": Command(-3, _set),
    "SETEX": Command(4, _setex("setex", 1000)),
    "PSETEX": Command(4, _setex("psetex", 1)),
    "SETNX": Command(3, _setnx),
    "INCR": Command(2, _incr),
    "INCRBY": Command(3, _incrby),
    "DEL": Command(-2, _del),
    "UNLINK": Command(-2, _del),
    "EXISTS": Command(-2, _exists),
    "TYPE": Command(2, _type),
    "TTL": Command(2, _ttl),
    "PTTL": Command(2, _pttl),
    "EXPIRE": Command(-3, _expire("expire", 1000)),
    "PEXPIRE": Command(-3, _expire("pexpire", 1)),
    "PERSIST": Command(2, _persist),
    "FLUSHDB": Command(-1, _flush),
    "FLUSHALL": Command(-1, _flush),
    "HSET": Command(-4, _hset),
    "HGET": Command(3, _hget),
    "HMGET": Command(-3, _hmget),
    "HGETALL": Command(2, _hgetall),
    "HEXISTS": Command(3, _hexists),
    "HDEL": Command(-3, _hdel),
    "HINCRBY": Command(4, _hincrby),
}
"""What the model knows besides transactions and scripts."""


def run(keys: Keyspace, name: str, args: Args) -> Reply:
    """Run one of ``COMMANDS``; ``name`` in capitals. Raises NotModelled for any other."""
    command = COMMANDS.get(name)
    if command is None:
        raise NotModelled(f"the Redis model does not know {name}")
    if not command.fits(len(args) + 1):
        return wrong_number(name)
    try:
        return command.run(keys, args)
    except Refused as refused:
        return refused.failure
