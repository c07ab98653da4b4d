"""Runs a script on the real Redis as the model would: its keys as they are there, on a challenge of its own.

The whole of it is one transaction, so that nothing comes between loading the keys, the script, and looking at
what it left. Times are compared as moments (PEXPIRETIME), so they do not depend on how long that took: a TTL
that the script kept is exactly the same, and one that it set is right to ``STEP_MS``.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from devenv.core.resp.command_shapes import text_of
from devenv.core.resp.values import Failure, Reply, Status
from devenv.core.search.behaviour import renamed
from devenv.core.spec.keyspace import Hash, NotModelled, Text, Value
from devenv.core.spec.learned_scripts import KeyState, ScriptCall, ScriptEffect
from devenv.core.spec.redis_model import Words
from devenv.wire.executor.jobs import ANY_ID
from devenv.wire.executor.redis_link import RedisLink

STEP_MS = 100
"""Scripts set TTLs in whole tenths of a second; what it takes to ask is less than half of one."""
_ANY_ID = ANY_ID.encode()


async def run_script(link: RedisLink, call: ScriptCall) -> ScriptEffect:
    """What the script does in this situation.

    Raises NotModelled where it leaves what the model has not (lists, …), where Redis does not know it, and
    where it reads or writes other keys than its KEYS: nothing could be concluded about the order of those.
    """
    effect = await _Trial(link, call, call.others).run()
    if call.others and await _Trial(link, call, ()).run() != effect:
        raise NotModelled(
            "a script reads keys that are not among its KEYS, or does not do the same again",
            hint="explore it with --mode direct",
        )
    return effect


@dataclass(frozen=True, slots=True)
class _Look:
    """Where in the transaction it is asked about one key."""

    before: int
    kind: int
    text: int
    fields: int
    after: int


@dataclass(slots=True)
class _Trial:
    """One run, with these other keys beside the script's own."""

    link: RedisLink
    call: ScriptCall
    others: Sequence[tuple[bytes, KeyState]]
    _challenge_id: bytes = field(default_factory=lambda: secrets.token_hex(len(ANY_ID) // 2).encode())
    _commands: list[Words] = field(default_factory=list)

    async def run(self) -> ScriptEffect:
        call = self.call
        there = {**dict(self.others), **dict(zip(call.keys, call.before, strict=True))}
        for key, state in there.items():
            self._load(key, state)
        before = {key: self._add(b"PEXPIRETIME", key) for key in there}
        ran = self._add(*call.source, b"%d" % len(call.keys), *call.keys, *call.args)
        time = self._add(b"TIME")
        looks = {key: self._look(key, before[key]) for key in there}
        present = self._add(b"KEYS", b"*%b*" % _ANY_ID)
        self._add(b"DEL", *there) if there else None
        replies = await self.link.transaction(self._commands)
        if not isinstance(replies, tuple):
            raise NotModelled(f"a script could not be tried: {replies!r}")
        await self._refuse_strangers(replies[present], [*there])
        reply = replies[ran]
        if isinstance(reply, Failure) and reply.text.startswith("NOSCRIPT"):
            raise NotModelled(f"Redis does not know the script {text_of(call.source[1])}")
        now = _milliseconds(replies[time])
        after = {key: self._state(replies, looks[key], now, there[key]) for key in there}
        for key, state in self.others:
            if after[key] != state:
                raise NotModelled(f"a script changes {text_of(key)}, which is not among its KEYS")
        return ScriptEffect(
            renamed(reply, self._challenge_id, _ANY_ID), tuple(after[key] for key in call.keys)
        )

    def _add(self, *words: bytes) -> int:
        """One more command; the place of its reply."""
        self._commands.append(tuple(word.replace(_ANY_ID, self._challenge_id) for word in words))
        return len(self._commands) - 1

    def _load(self, key: bytes, state: KeyState) -> None:
        match state.value:
            case Text(data=data):
                self._add(b"SET", key, data)
            case Hash(fields=fields):
                self._add(b"HSET", key, *(word for pair in fields for word in pair))
            case None:
                return
        if state.left is not None:
            self._add(b"PEXPIRE", key, b"%d" % max(state.left, 1))

    def _look(self, key: bytes, before: int) -> _Look:
        asked = ((b"TYPE", key), (b"GET", key), (b"HGETALL", key), (b"PEXPIRETIME", key))
        return _Look(before, *(self._add(*words) for words in asked))

    def _state(self, replies: Sequence[Reply], look: _Look, now: int, loaded: KeyState) -> KeyState:
        value = self._value(replies, look)
        before, after = replies[look.before], replies[look.after]
        assert isinstance(before, int) and isinstance(after, int)
        if value is None or after < 0:
            return KeyState(value)
        if before >= 0 and abs(after - before) * 2 <= STEP_MS:
            return KeyState(value, loaded.left)
        return KeyState(value, max(1, round((after - now) / STEP_MS)) * STEP_MS)

    def _value(self, replies: Sequence[Reply], look: _Look) -> Value | None:
        match replies[look.kind]:
            case Status(text="none"):
                return None
            case Status(text="string"):
                data = renamed(replies[look.text], self._challenge_id, _ANY_ID)
                assert isinstance(data, bytes)
                return Text(data)
            case Status(text="hash"):
                flat = renamed(replies[look.fields], self._challenge_id, _ANY_ID)
                assert isinstance(flat, tuple)
                words = [word for word in flat if isinstance(word, bytes)]
                return Hash(tuple(zip(words[::2], words[1::2], strict=True)))
            case other:
                raise NotModelled(f"a script leaves a key of a type that the Redis model has not: {other!r}")

    async def _refuse_strangers(self, present: Reply, known: Sequence[bytes]) -> None:
        """Keys of the challenge that were not named must not exist before, and must not remain."""
        assert isinstance(present, tuple)
        strangers = [key for key in present if isinstance(key, bytes)]
        real = [key.replace(_ANY_ID, self._challenge_id) for key in known]
        strangers = [key for key in strangers if key not in real]
        if strangers:
            await self.link.call(b"DEL", *strangers)
            name = text_of(strangers[0].replace(self._challenge_id, _ANY_ID))
            raise NotModelled(f"a script makes {name}, which is not among its KEYS")


def _milliseconds(time: Reply) -> int:
    """TIME's reply: seconds and microseconds."""
    assert isinstance(time, tuple)
    seconds, micros = (int(part) for part in time if isinstance(part, bytes))
    return seconds * 1000 + micros // 1000
