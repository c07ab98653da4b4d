"""A request that asks Redis again and again for something that another one has: a lock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from devenv.core.resp.command_shapes import shape_of
from devenv.core.resp.printing import NIL
from devenv.core.search.access import EVERYTHING, keys_of

Commands = Sequence[tuple[bytes, ...]]
_REFUSALS = (NIL, "0", "false", "-1")
_SCRIPTS = ("EVAL", "EVALSHA", "FCALL")
PATIENCE = 4
"""So often may any other command be the same, with the same reply, before it counts as waiting: a library may
read one key twice."""


@dataclass(slots=True)
class Tries:
    """What one request asked last, and whether it asks the same again in vain."""

    blocked: bool = False
    """It asks in vain: trying again is pointless until the key has changed."""
    key: str = ""
    """What it waits for."""
    _keys: frozenset[str] = frozenset()
    _last: tuple[object, str] | None = None
    _again: int = field(default=0)

    def ran(self, commands: Commands, reply: str, following: Commands | None) -> None:
        """A command ran, with this reply; ``following`` is the request's next one (None: it has none)."""
        asked = _asked(commands)
        self._again = self._again + 1 if self._last == (asked, reply) else 1
        self._last = (asked, reply)
        again = following is not None and _asked(following) == asked
        in_vain = _is_lock(commands) and reply in _REFUSALS
        self.blocked = again and (in_vain or self._again >= PATIENCE)
        if self.blocked:
            self._keys = frozenset(key for words in commands for key in keys_of(words))
            self.key = ", ".join(sorted(self._keys))

    def changed(self, keys: Collection[str]) -> None:
        """Another request wrote these keys."""
        if self.blocked and (EVERYTHING in keys or EVERYTHING in self._keys or self._keys & {*keys}):
            self.blocked = False
            self._again = 0


def _is_lock(commands: Commands) -> bool:
    if len(commands) != 1:
        return False
    name = shape_of(commands[0]).name
    options = [word.upper() for word in commands[0][3:]]
    return name in ("SETNX", *_SCRIPTS) or (name == "SET" and b"NX" in options)


def _asked(commands: Commands) -> object:
    """What is compared: of a lock, not the word by which its owner is known, which may be a new one."""
    if len(commands) == 1 and shape_of(commands[0]).name in ("SET", "SETNX"):
        return "SET", commands[0][1]
    return tuple(commands)
