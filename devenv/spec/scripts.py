"""Twins of Lua scripts for the Redis model: one written down, and one that learns by example.

Lua cannot be interpreted here. ``claim`` says in Python what the atomic store's script says in Lua; tests
run both on the same documents. ``LearnedScript`` knows nothing at first and is told what the real script did.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from devenv.spec.keyspace import Entry, NotModelled, Value
from devenv.spec.redis_model import ScriptFailed, ScriptKeys, Words
from devenv.spec.replies import Failure, Reply

_RECEIPT = re.compile(rb"([A-Za-z]+):([0-9]+)")


def claim(redis: ScriptKeys, keys: Words, args: Words) -> Reply:
    """Grade one answer and count the attempt: the twin of the atomic store's claim script.

    Its replies and effects are the script's, except for the order of members in the documents that it writes
    (cjson promises none).
    """
    session, receipt = keys
    token, kind, answer, basis = args[:4]
    limit, session_ttl, receipt_ttl = args[4:7]
    earlier = redis.call("HMGET", receipt, token, "document", "solved")
    if isinstance(earlier, Failure):
        raise ScriptFailed(earlier)
    assert isinstance(earlier, tuple)
    told, document, solved = earlier
    if isinstance(told, bytes):
        match = _RECEIPT.fullmatch(told)
        # Lua's tables end at their first nil, and so does the array that they become.
        return (match[1], int(match[2]), document) if match else ()
    raw = redis.call("GET", session)
    if isinstance(raw, Failure):
        return (b"broken", 0, raw.text.encode())
    if not isinstance(raw, bytes):
        return (b"absent" if solved is None else b"solved", 0, b"")
    found = _decode(raw)
    if not isinstance(found, dict | list):
        return (b"broken", 0, b"not a JSON object")
    doc = found if isinstance(found, dict) else {}
    attempts = doc.get("attempts")
    if _bytes(doc.get("type")) != kind or isinstance(attempts, bool) or not isinstance(attempts, int | float):
        return (b"broken", 0, b"not a session of this type")
    if attempts >= int(limit):
        redis.call("DEL", session)
        return (b"absent", 0, b"")
    right = _judge(doc, kind, answer, basis)
    if right is None:
        return (b"broken", 0, b"no answer in the session")
    if right == "other":
        return (b"other", 0, raw)
    attempts += 1
    state = b"right" if right else b"wrong"
    redis.call("HSET", receipt, token, state + b":" + _number(attempts).encode(), "document", raw)
    if right:
        redis.call("HSET", receipt, "solved", "1")
    redis.call("PEXPIRE", receipt, receipt_ttl)
    if right or attempts >= int(limit):
        redis.call("DEL", session)
    else:
        redis.call("SET", session, _encode({**doc, "attempts": attempts}), "KEEPTTL")
        if redis.call("PTTL", session) == -1:
            redis.call("EXPIRE", session, session_ttl)
    return (state, int(attempts), raw)


def _judge(doc: dict[str, Any], kind: bytes, answer: bytes, basis: bytes) -> bool | str | None:
    """True or false; None where the document holds no answer to compare with; "other"."""
    if kind == b"abstract":
        flags = doc.get("is_positive")
        positives = [i for i, flag in enumerate(flags) if flag is True] if isinstance(flags, list) else []
        return b",".join(b"%d" % i for i in positives) == answer if positives else None
    if kind == b"handwriting":
        word = _bytes(doc.get("target_class"))
        truth = re.sub(rb"[^a-z0-9]", b"", word.lower()) if word is not None else b""
        return truth == answer if truth else None
    url, label = _bytes(doc.get("image_url")), _bytes(doc.get("target_label"))
    if url is None or label is None:
        return None
    return answer == b"right" if url + b"\n" + label == basis else "other"


def _bytes(value: object) -> bytes | None:
    """A JSON string as Lua holds it."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else None


def _decode(raw: bytes) -> object:
    """As cjson decodes: bytes that are no UTF-8 pass through. None where it is no JSON."""
    try:
        return json.loads(raw.decode("utf-8", "surrogateescape"), strict=False)
    except (ValueError, RecursionError):
        return None


def _number(number: float) -> str:
    """A number as Lua writes it."""
    return f"{number:.14g}"


def _encode(value: object) -> bytes:
    """As cjson encodes: numbers with 14 digits, and a list without items is an object."""
    text = json.dumps(_through_lua(value), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogateescape")


def _through_lua(value: object) -> object:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        number = float(_number(value))
        return int(number) if number.is_integer() else number
    if isinstance(value, dict):
        return {name: _through_lua(it) for name, it in value.items()}
    assert isinstance(value, list)
    return [_through_lua(it) for it in value] if value else {}


# --- learning ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyState:
    """What a script finds or leaves under one key: a value (None: no key), the milliseconds it has left."""

    value: Value | None = None
    left: int | None = None

    @classmethod
    def of(cls, entry: Entry | None, now: int) -> KeyState:
        """The state of an entry at the moment ``now``."""
        if entry is None:
            return cls()
        return cls(entry.value, None if entry.expires is None else entry.expires - now)


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides about a script's run: its keys' values, whether they have a TTL, its arguments."""

    values: tuple[Value | None, ...]
    expiring: tuple[bool, ...]
    args: Words

    @classmethod
    def of(cls, states: Sequence[KeyState], args: Words) -> Situation:
        """How long a key has left does not decide, only whether it expires."""
        return cls(tuple(it.value for it in states), tuple(it.left is not None for it in states), args)


class NotLearned(NotModelled):
    """The real script was never seen in this situation; ask it, and ``learn``."""

    def __init__(self, situation: Situation, states: tuple[KeyState, ...]) -> None:
        super().__init__("the script was never seen in this situation")
        self.situation = situation
        self.states = states


@dataclass(frozen=True, slots=True)
class _Effect:
    reply: Reply
    after: tuple[KeyState, ...]
    keeps: tuple[bool, ...]


class LearnedScript:
    """A script known by example: it depends on its keys and arguments alone, and writes only its keys.

    A TTL that a run leaves within ``tolerance`` milliseconds of the one before counts as kept.
    """

    def __init__(self, tolerance: int = 1000) -> None:
        self._tolerance = tolerance
        self._known: dict[Situation, _Effect] = {}

    def learn(self, before: Sequence[KeyState], args: Words, reply: Reply, after: Sequence[KeyState]) -> None:
        """The real script, with keys in the states ``before``, replied this and left them ``after``."""
        keeps = tuple(self._kept(one, other) for one, other in zip(before, after, strict=True))
        self._known[Situation.of(before, args)] = _Effect(reply, tuple(after), keeps)

    def __call__(self, redis: ScriptKeys, keys: Words, args: Words) -> Reply:
        """Do as the real script did. Raises NotLearned."""
        states = tuple(KeyState.of(redis.get(key), redis.now) for key in keys)
        situation = Situation.of(states, args)
        effect = self._known.get(situation)
        if effect is None:
            raise NotLearned(situation, states)
        for key, now, after, keeps in zip(keys, states, effect.after, effect.keeps, strict=True):
            left = now.left if keeps else after.left
            if KeyState(after.value, left) != now:
                redis.put(key, _entry(after.value, left, redis.now))
        return effect.reply

    def _kept(self, before: KeyState, after: KeyState) -> bool:
        if before.left is None or after.left is None:
            return before.left is after.left
        return abs(before.left - after.left) <= self._tolerance


def _entry(value: Value | None, left: int | None, now: int) -> Entry | None:
    if value is None:
        return None
    return Entry(value, None if left is None else now + left)
