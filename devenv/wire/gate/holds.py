"""What is held at the gate now, over all connections, and how it is let go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from devenv.core.resp.command_shapes import shape_of
from devenv.core.search.access import EVERYTHING, keys_of
from devenv.wire.gate.rules import Armed, Direction


class Then(StrEnum):
    """What a held command is released to."""

    PASS = "pass"  # noqa: S105 - not a password
    """It goes on as if it had not been held."""
    LOSE_REPLY = "lose-reply"
    """It runs, its reply is lost, and the connection stays: the pod waits for its time-out."""
    CUT_REPLY = "cut-reply"
    """It runs, its reply is lost, and the connection ends at once."""
    DROP = "drop"
    """It is lost where it is; the pod waits for its time-out."""
    CUT = "cut"
    """It is lost where it is, and the connection ends at once."""
    ANSWER = "answer"
    """It is lost where it is, and the pod is given another reply in place of the one it waits for."""


@dataclass(frozen=True, slots=True)
class Held:
    """One message that is held now. Times are seconds since the epoch."""

    seq: int
    """Its command's number."""
    pod: str
    connection: int
    command: str
    key: str | None
    direction: Direction
    rule: str
    since: float
    until: float
    commands: tuple[tuple[bytes, ...], ...] = field(default=(), repr=False, compare=False)
    """The words of the command or, of an EXEC, those of each command that it runs; not shown."""
    resp3: bool = field(default=False, repr=False, compare=False)
    """Whether the connection speaks RESP3."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict; ``runs`` has name and keys of the command, or of each command that an EXEC runs."""
        shown = {name: item for name, item in asdict(self).items() if name not in ("commands", "resp3")}
        runs = [
            [shape_of(words).name, [key for key in keys_of(words) if key != EVERYTHING]]
            for words in self.commands
        ]
        return {**shown, "direction": str(self.direction), "runs": runs}


Release = Callable[[Then, bytes], None]
"""Lets one message go on; the bytes are the reply for ``Then.ANSWER``."""
Watcher = Callable[[Held], None]


class Holds:
    """The messages held now, oldest first."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[Held, Armed, Release]] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._watchers: dict[str, Watcher] = {}
        self.changes = 0
        """How often a message was taken in or let go: a reader who waits names the number that he knows."""
        self._closed = False

    def add(self, held: Held, armed: Armed, release: Release) -> None:
        """Take one in; ``release`` lets it go on."""
        self._held[held.seq] = (held, armed, release)
        self._changed()
        if (watcher := self._watchers.get(held.rule)) is not None:
            watcher(held)

    def watch(self, rule: str, watcher: Watcher | None) -> None:
        """Have ``watcher`` called with each message that the rule with this id takes in; None ends that.

        It must not raise, and lets nothing go before it has returned.
        """
        if watcher is None:
            self._watchers.pop(rule, None)
        else:
            self._watchers[rule] = watcher

    def forget(self, seq: int) -> None:
        """It is not held any more: released, or its connection has gone."""
        if self._held.pop(seq, None) is not None:
            self._changed()

    def current(self) -> list[Held]:
        """Those held now, oldest first."""
        return [held for held, _armed, _release in self._held.values()]

    def release_one(self, seq: int, then: Then = Then.PASS, answer: bytes = b"") -> bool:
        """Let go the message of this number; whether it was still held."""
        held = self._held.pop(seq, None)
        if held is None:
            return False
        held[2](then, answer)
        self._changed()
        return True

    def release(
        self, wanted: Callable[[Held], bool], then: Then = Then.PASS, answer: bytes = b""
    ) -> list[Held]:
        """Let go, oldest first, those of the messages held now that are ``wanted``; which they were."""
        chosen = [(held, release) for held, _armed, release in self._held.values() if wanted(held)]
        for held, release in chosen:
            if self._held.pop(held.seq, None) is not None:
                release(then, answer)
        if chosen:
            self._changed()
        return [held for held, _release in chosen]

    def release_orphans(self) -> list[Held]:
        """Let go those whose rule is no longer in force."""
        orphans = {held.seq for held, armed, _release in self._held.values() if not armed.in_force}
        return self.release(lambda held: held.seq in orphans)

    async def changed(self, known: int, seconds: float) -> None:
        """Wait until ``changes`` is not ``known``, ``seconds`` at most; not at all once closed."""
        if self.changes != known or self._closed:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await asyncio.wait_for(waiter, seconds)
        except TimeoutError:
            pass
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def close(self) -> None:
        """Nothing will change any more: every waiting reader is answered, also one that has left."""
        self._closed = True
        self._wake()

    def _changed(self) -> None:
        self.changes += 1
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
