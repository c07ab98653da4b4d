"""MULTI/EXEC on one connection: what is queued, and how errors given by the gate end it."""

from __future__ import annotations

from devenv.wire.gate.message_queue import Exit, Message
from devenv.wire.gate.record import Entry, Fate

MAX_QUEUED = 1000
"""This many commands of a transaction are looked at by rules at its EXEC."""

_EXECABORT = b"-EXECABORT Transaction discarded because of previous errors.\r\n"
_DISCARD = b"*1\r\n$7\r\nDISCARD\r\n"
_ENDS = ("EXEC", "DISCARD", "RESET")


class Transaction:
    """Follows the commands of a connection, in the order in which they came.

    ``open``: between MULTI and its end. ``spoiled``: the gate answered a queued command with an error, so
    that EXEC must fail, as after any error at queueing
    (redis.io/docs/latest/develop/using-commands/transactions). Whatever ends a WATCH (UNWATCH, EXEC,
    DISCARD) is about the first watched key.
    """

    __slots__ = ("_queued", "_watched", "open", "spoiled")

    def __init__(self) -> None:
        self._queued: list[Entry] | None = None
        self._watched: str | None = None
        self.open = False
        self.spoiled = False

    def begun(self, entry: Entry) -> None:
        """A command came: set its fate where that is queued or handshake, and what an EXEC runs."""
        shape = entry.shape
        if self._queued is not None and shape.queues:
            entry.fate = Fate.QUEUED
            if len(self._queued) < MAX_QUEUED:
                self._queued.append(entry)
        elif shape.handshake:
            entry.fate = Fate.HANDSHAKE
        elif shape.name == "MULTI":
            self._queued = self._queued or []
            self.open = True
        elif shape.name == "WATCH":
            if self._queued is None and self._watched is None:
                self._watched = entry.first_key()
        elif shape.name == "UNWATCH":
            entry.key, self._watched = self._watched, None
        elif shape.name in _ENDS:
            if shape.name == "DISCARD":
                entry.key = self._watched
            if shape.name == "EXEC" and self._queued is not None:
                keys = (queued.first_key() for queued in self._queued)
                entry.key = self._watched or next((key for key in keys if key is not None), None)
                entry.transaction = self._queued
            self._watched = None
            self._close()

    def planned(self, message: Message, entry: Entry) -> None:
        """Rules were asked about a command: let Redis, which knows nothing of their errors, follow."""
        name = entry.shape.name
        failed = entry.fate is Fate.ERROR
        if name == "EXEC" and entry.transaction is not None and (failed or self.spoiled):
            message.exit = Exit.PASS
            message.chunks = [_DISCARD]
            entry.instead = entry.instead or _EXECABORT
        if name in _ENDS:
            self.spoiled = False
        elif failed and name == "MULTI":
            self._close()
        elif failed and self._queued is not None:
            self.spoiled = True

    def _close(self) -> None:
        self._queued = None
        self.open = False

    def answered(self, message: Message, entry: Entry) -> None:
        """A held command is answered by the gate: Redis must forget what was queued."""
        ends = entry.transaction is not None and entry.shape.name == "EXEC"
        if ends or entry.shape.name == "DISCARD":
            message.exit = Exit.PASS
            message.chunks = [_DISCARD]
