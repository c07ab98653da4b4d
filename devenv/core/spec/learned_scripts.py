"""Scripts that the Redis model knows by example: what a real Redis did when it ran them.

A run is taken for a function of the script, its arguments, and the keys as they were: values and the time
that each has left. A run that was not observed raises ``NotLearned``: its caller, asks a
real Redis, and tells the model what came of it (``learn``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from devenv.core.resp.values import Reply
from devenv.core.spec.keyspace import Entry, NotModelled, Value
from devenv.core.spec.redis_model import NO_SCRIPTS, Script, ScriptKeys, Scripts, Words


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

    def entry(self, now: int) -> Entry | None:
        """The inverse of ``of``."""
        if self.value is None:
            return None
        return Entry(self.value, None if self.left is None else now + self.left)


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """Everything that decides about one run."""

    source: tuple[bytes, bytes]
    """EVAL and a text, or EVALSHA and a SHA-1."""
    keys: Words
    args: Words
    before: tuple[KeyState, ...]
    """The states of ``keys``."""
    others: tuple[tuple[bytes, KeyState], ...] = ()
    """All other keys that there are: a script should neither read nor write them, and that can be checked."""


@dataclass(frozen=True, slots=True)
class ScriptEffect:
    """What a run replied, and the states in which it left its keys."""

    reply: Reply
    after: tuple[KeyState, ...]


class NotLearned(NotModelled):
    """A real Redis was never seen doing this; ask it, and ``learn``."""

    def __init__(self, call: ScriptCall) -> None:
        super().__init__("the script was never seen in this situation")
        self.call = call


class LearnedScripts(Mapping[str, Script]):
    """Every script there is: ``known`` by their models, all others by example."""

    def __init__(self, known: Scripts = NO_SCRIPTS) -> None:
        self._models = known
        self._known: dict[ScriptCall, ScriptEffect] = {}

    def learn(self, call: ScriptCall, effect: ScriptEffect) -> None:
        """A real Redis did this."""
        self._known[call] = effect

    def __getitem__(self, sha: str) -> Script:
        return self._models.get(sha, self._run)

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def _run(self, redis: ScriptKeys, keys: Words, args: Words) -> Reply:
        """Do as the real script did. Raises NotLearned."""
        state = partial(_state, redis)
        before = tuple(map(state, keys))
        others = tuple((key, state(key)) for key in sorted(redis.keys()) if key not in keys)
        call = ScriptCall(redis.source, keys, args, before, others)
        effect = self._known.get(call)
        if effect is None:
            raise NotLearned(call)
        for key, now, after in zip(keys, before, effect.after, strict=True):
            if after != now:
                redis.put(key, after.entry(redis.now))
        return effect.reply


def _state(redis: ScriptKeys, key: bytes) -> KeyState:
    return KeyState.of(redis.get(key), redis.now)
