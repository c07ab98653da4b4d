"""The Redis model as the store that learned requests and events work on. Its time stands still."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from devenv.core.model.ids import SessionKey
from devenv.core.resp.command_shapes import text_of
from devenv.core.resp.values import Reply as RedisReply
from devenv.core.search.behaviour import Act
from devenv.core.search.composition import Command, Reply, StoreState
from devenv.core.search.outcome import AGED_MS
from devenv.core.spec.keyspace import Entry, Text
from devenv.core.spec.redis_model import Database, Scripts, execute

NOW = 1_000_000_000
"""The model's moment, in milliseconds."""
_OBSERVER = 1_000_000


@dataclass(frozen=True, slots=True)
class RedisStore:
    """The Redis model as a store of the search. Raises NotModelled for what the model does not know."""

    scripts: Scripts
    """Models of the scripts that may be called."""

    def execute(self, state: StoreState, command: Command) -> tuple[Reply, StoreState]:
        """Run a request's command, or let an event happen."""
        assert isinstance(state, Database)
        if isinstance(command.words, Act):
            return self.act(state, command.words)
        assert isinstance(command.words, tuple)
        event, key = command.words
        return self._happen(state, event, key.encode())

    def act(self, database: Database, act: Act) -> tuple[RedisReply, Database]:
        """Run one command, or a transaction from MULTI to EXEC or DISCARD."""
        commands = [*act.commands]
        if act.transaction:
            commands = [(b"MULTI",), *commands, (b"EXEC",)]
        elif commands[0][0].upper() == b"DISCARD":
            commands = [(b"MULTI",), *commands]
        reply: RedisReply = None
        for words in commands:
            reply, database = execute(database, words, NOW, client=act.client, scripts=self.scripts)
        if act.cut:
            database = replace(
                database, clients=tuple(client for client in database.clients if client[0] != act.client)
            )
        return reply, database

    def _happen(self, database: Database, event: str, key: bytes) -> tuple[Reply, Database]:
        """Time leaves a key alone that has no TTL."""
        left, _ = execute(database, (b"PTTL", key), NOW, client=_OBSERVER)
        assert isinstance(left, int)
        words: tuple[bytes, ...] | None = None
        if event == "expire" and left >= 0:
            words = (b"DEL", key)
        elif event == "age" and left > AGED_MS:
            words = (b"PEXPIRE", key, b"%d" % AGED_MS)
        if words is None:
            return False, database
        _, after = execute(database, words, NOW, client=_OBSERVER)
        return True, after


def fresh_database(key: SessionKey, document: bytes, ttl_ms: int) -> Database:
    """One session, just created."""
    return Database(((key.encode(), Entry(Text(document), NOW + ttl_ms)),))


def left_of(database: Database, key: SessionKey) -> int | None:
    """Milliseconds that a key has left; -1: no TTL; None: no key."""
    entry = database.entry(key.encode())
    if entry is None:
        return None
    return -1 if entry.expires is None else entry.expires - NOW


def keys_of(database: Database) -> dict[str, tuple[int | None, bytes | None]]:
    """Every key with the milliseconds that it has left (-1: no TTL), and its text where it is one."""
    return {
        text_of(key): (
            -1 if entry.expires is None else entry.expires - NOW,
            entry.value.data if isinstance(entry.value, Text) else None,
        )
        for key, entry in database.entries
    }


def document_of(database: Database, key: SessionKey) -> str | None:
    """The text under a key, in canonical form."""
    entry = database.entry(key.encode())
    return (
        canonical_document(entry.value.data) if entry is not None and isinstance(entry.value, Text) else None
    )


def canonical_document(data: bytes) -> str:
    """JSON text that is the same for equal documents. What is no JSON has a text of its own for each value: a
    backslash is doubled, and a byte that is no UTF-8 is written as ``\\xff``.
    """
    try:
        return json.dumps(json.loads(data.decode()), ensure_ascii=False, sort_keys=True)
    except ValueError:
        return data.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
