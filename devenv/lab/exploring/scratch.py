"""Runs a script on the real Redis as the model would: its keys as they are there, on a challenge of its own.

The whole of it is one transaction, so that nothing comes between loading the keys, the script, and looking at
what it left. Times are compared as moments (PEXPIRETIME), so they do not depend on how long that took: a TTL
that the script kept is exactly the same, and one that it set is right to ``STEP_MS``.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from devenv.lab.exploring.jobs import CID
from devenv.lab.exploring.sockets import RedisLink
from devenv.spec.keyspace import Hash, NotModelled, Text, Value
from devenv.spec.learned_scripts import KeyState, ScriptCall, ScriptEffect
from devenv.spec.redis_model import Words
from devenv.spec.replies import Failure, Reply, Status, renamed

STEP_MS = 100
"""Scripts set TTLs in whole tenths of a second; what it takes to ask is less than half of one."""
_CID = CID.encode()
_LOOKS = 4
"""Replies about one key: TYPE, GET, HGETALL, PEXPIRETIME."""


async def run_script(link: RedisLink, call: ScriptCall) -> ScriptEffect:
    """What the script does in this situation.

    Raises NotModelled where it leaves what the model has not (lists, …), where Redis does not know it, and
    where it reads or writes other keys than its KEYS: nothing could be concluded about the order of those.
    """
    with_others = await _run(link, call, call.others)
    alone = await _run(link, call, ()) if call.others else with_others
    if alone != with_others:
        raise NotModelled(
            "a script does not do the same again, or reads keys that are not among its KEYS",
            hint="explore it with --mode direct",
        )
    return alone


@dataclass(frozen=True, slots=True)
class _Named:
    """Words with the scratch challenge's id in place of CID, and back."""

    cid: bytes

    def real(self, words: Sequence[bytes]) -> Words:
        return tuple(word.replace(_CID, self.cid) for word in words)

    def symbolic(self, word: bytes) -> bytes:
        return word.replace(self.cid, _CID)


async def _run(
    link: RedisLink, call: ScriptCall, others: Sequence[tuple[bytes, KeyState]]
) -> ScriptEffect:
    named = _Named(secrets.token_hex(len(CID) // 2).encode())
    keys = named.real(call.keys)
    there = {**dict(others), **dict(zip(call.keys, call.before, strict=True))}
    every = named.real([*there])
    name, source = call.source
    commands = [
        *(words for key, state in there.items() for words in _load(key, state, named)),
        *((b"PEXPIRETIME", key) for key in keys),
        (name, source, b"%d" % len(keys), *keys, *named.real(call.args)),
        (b"TIME",),
        *(words for key in every for words in _look(key)),
        (b"KEYS", b"*%b*" % named.cid),
        (b"DEL", *every) if every else (b"PING",),
    ]
    replies = await link.transaction(commands)
    if not isinstance(replies, tuple):
        raise NotModelled(f"a script could not be tried: {replies}")
    *_, present, _ = replies
    looks = len(every) * _LOOKS
    state_replies = replies[-2 - looks : -2]
    time, reply = replies[-3 - looks], replies[-4 - looks]
    deadlines = replies[-4 - looks - len(keys) : -4 - looks]
    await _refuse_strangers(link, present, every)
    if isinstance(reply, Failure) and reply.text.startswith("NOSCRIPT"):
        raise NotModelled(f"Redis does not know the script {source.decode('latin-1')}")
    now = _milliseconds(time)
    after = {
        key: _state(state_replies[at * _LOOKS : (at + 1) * _LOOKS], now, named)
        for at, key in enumerate(there)
    }
    for key, state in others:
        if after[key].value != state.value or (after[key].left is None) != (state.left is None):
            raise NotModelled(
                f"a script changes {key.decode('utf-8', 'backslashreplace')}, which is not among its KEYS"
            )
    kept = [
        _kept(before, deadline, after[key], replies_of_key, now)
        for key, before, deadline, replies_of_key in zip(
            call.keys,
            call.before,
            deadlines,
            (state_replies[[*there].index(key) * _LOOKS + 3] for key in call.keys),
            strict=True,
        )
    ]
    return ScriptEffect(renamed(reply, named.cid, _CID), tuple(kept))
