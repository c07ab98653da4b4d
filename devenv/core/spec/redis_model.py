"""A small Redis: one database, strings and hashes, TTLs, transactions, scripts by their models.

``execute`` is a pure function: a database, a client's words and a moment give the reply and the next
database. Databases are immutable and hashable, so that a search can tell which it has met. Time is what
the caller says, in milliseconds; keys expire by it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha1
from types import MappingProxyType

from devenv.core.resp.values import OK, QUEUED, Failure, NoArray, Reply
from devenv.core.spec.keyspace import Entry, Keyspace, NotModelled
from devenv.core.spec.redis_commands import COMMANDS, Refused, integer, run, wrong_number

Words = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Client:
    """What the server remembers of one connection between commands."""

    queued: tuple[Words, ...] | None = None
    """None outside MULTI."""
    spoilt: bool = False
    """Whether a queued command was refused."""
    watched: tuple[bytes, ...] = ()
    """The keys that are watched."""
    dirty: bool = False
    """Whether one of the watched keys has changed."""


@dataclass(frozen=True, slots=True)
class Database:
    """Everything that the model's server knows."""

    entries: tuple[tuple[bytes, Entry], ...] = ()
    clients: tuple[tuple[int, Client], ...] = ()
    """Only those that are in a transaction or watch a key."""

    def entry(self, key: bytes) -> Entry | None:
        """What lies under ``key``, expired or not."""
        return dict(self.entries).get(key)


class ScriptKeys:
    """What a script's model may do: ``call`` commands, as redis.pcall does, and see keys as they are.

    ``source``: EVAL and the script's text, or EVALSHA and its SHA-1.
    """

    def __init__(self, keys: Keyspace, source: tuple[bytes, bytes] = (b"EVAL", b"")) -> None:
        self._keys = keys
        self.source = source

    @property
    def now(self) -> int:
        """The moment in milliseconds; it stands still while a script runs."""
        return self._keys.now

    def call(self, *words: bytes | str) -> Reply:
        """Run one command; an error is a reply."""
        name, *args = (word.encode() if isinstance(word, str) else word for word in words)
        return run(self._keys, name.decode("latin-1").upper(), tuple(args))

    def get(self, key: bytes) -> Entry | None:
        """What lies under ``key``."""
        return self._keys.get(key)

    def keys(self) -> tuple[bytes, ...]:
        """All keys that there are, in no promised order."""
        return self._keys.keys()

    def put(self, key: bytes, entry: Entry | None) -> None:
        """Put or (None) delete."""
        self._keys.put(key, entry)


Script = Callable[[ScriptKeys, Words, Words], Reply]
"""A script's model: it makes the reply of KEYS and ARGV. It may raise ScriptFailed, as redis.call does."""

Scripts = Mapping[str, Script]
"""Models by the SHA-1 of the script's text, in lower-case hexadecimals."""

NO_SCRIPTS: Scripts = MappingProxyType({})


class ScriptFailed(Exception):
    """The script ended with an error; what it wrote before stays written."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


def sha_of(text: str | bytes) -> str:
    """The name that Redis gives a script."""
    data = text.encode() if isinstance(text, str) else text
    return sha1(data, usedforsecurity=False).hexdigest()


def execute(
    database: Database, words: Sequence[bytes], now: int, *, client: int = 0, scripts: Scripts = NO_SCRIPTS
) -> tuple[Reply, Database]:
    """Run one command of one client. Raises NotModelled for commands and scripts that the model lacks."""
    keys = Keyspace(database.entries, now)
    clients = _noticed(dict(database.clients), keys)
    server = _Server(keys, clients, client, scripts)
    reply = server.command(tuple(words))
    clients = _noticed(server.clients, keys, but=client)
    amid = tuple(sorted((number, item) for number, item in clients.items() if item != Client()))
    return reply, Database(keys.frozen(), amid)


def _noticed(clients: Mapping[int, Client], keys: Keyspace, but: int | None = None) -> dict[int, Client]:
    """Those who watch a key that was touched."""
    touched = keys.touched
    return {
        number: replace(item, dirty=True)
        if number != but and any(k in touched for k in item.watched)
        else item
        for number, item in clients.items()
    }


@dataclass(slots=True)
class _Server:
    keys: Keyspace
    clients: dict[int, Client]
    number: int
    scripts: Scripts

    @property
    def client(self) -> Client:
        return self.clients.get(self.number, Client())

    @client.setter
    def client(self, client: Client) -> None:
        self.clients[self.number] = client

    def command(self, words: Words) -> Reply:
        if not words:
            raise NotModelled("a command without a word")
        name = words[0].decode("latin-1").upper()
        if not self._known(name):
            raise NotModelled(f"the Redis model does not know {name}")
        if not self._fits(name, words):
            if name == "EXEC":
                self.client = Client()
                return Failure(f"EXECABORT Transaction discarded because of: {wrong_number(name).text[4:]}")
            if self.client.queued is not None:
                self.client = replace(self.client, spoilt=True)
            return wrong_number(name)
        if name in _TRANSACTION:
            return self._transaction(name, words)
        if self.client.queued is not None:
            self.client = replace(self.client, queued=(*self.client.queued, words))
            return QUEUED
        return self._run(name, words[1:])

    def _known(self, name: str) -> bool:
        return name in COMMANDS or name in _TRANSACTION or name in _SCRIPTING

    def _fits(self, name: str, words: Words) -> bool:
        if name in COMMANDS:
            return COMMANDS[name].fits(len(words))
        if name in _SCRIPTING:
            return len(words) >= (2 if name == "SCRIPT" else 3)  # SCRIPT has commands of its own
        return len(words) >= 2 if name == "WATCH" else len(words) == 1

    def _run(self, name: str, args: Words) -> Reply:
        """A single command: a client that watches a key which it writes itself is noticed too."""
        reply = self._script(name, args) if name in _SCRIPTING else run(self.keys, name, args)
        if any(key in self.keys.touched for key in self.client.watched):
            self.client = replace(self.client, dirty=True)
        return reply

    # --- transactions -------------------------------------------------------------------------------------

    def _transaction(self, name: str, words: Words) -> Reply:
        client = self.client
        inside = client.queued is not None
        match name:
            case "MULTI":
                if inside:
                    return Failure("ERR MULTI calls can not be nested")
                self.client = replace(client, queued=(), spoilt=False)
            case "WATCH":
                if inside:
                    return Failure("ERR WATCH inside MULTI is not allowed")
                watched = sorted({*client.watched, *words[1:]})
                self.client = replace(client, watched=tuple(watched))
            case "UNWATCH":
                if inside:
                    self.client = replace(client, queued=(*(client.queued or ()), words))
                    return QUEUED
                self.client = Client()
            case "DISCARD":
                if not inside:
                    return Failure("ERR DISCARD without MULTI")
                self.client = Client()
            case "EXEC":
                return self._exec(client) if inside else Failure("ERR EXEC without MULTI")
        return OK

    def _exec(self, client: Client) -> Reply:
        self.client = Client()
        if client.spoilt:
            return Failure("EXECABORT Transaction discarded because of previous errors.")
        if client.dirty:
            return NoArray()
        replies: list[Reply] = []
        for words in client.queued or ():
            name = words[0].decode("latin-1").upper()
            replies.append(OK if name == "UNWATCH" else self._run(name, words[1:]))
        return tuple(replies)

    # --- scripts ------------------------------------------------------------------------------------------

    def _script(self, name: str, args: Words) -> Reply:
        if name == "SCRIPT":
            if args[0].upper() != b"LOAD" or len(args) != 2:
                raise NotModelled(f"the Redis model does not know SCRIPT {args[0].decode('latin-1')}")
            return sha_of(args[1]).encode()
        try:
            count = integer(args[1])
            if count > len(args) - 2:
                raise Refused("ERR Number of keys can't be greater than number of args")
            if count < 0:
                raise Refused("ERR Number of keys can't be negative")
        except Refused as refused:
            return refused.failure
        sha = sha_of(args[0]) if name == "EVAL" else args[0].decode("latin-1").lower()
        script = self.scripts.get(sha)
        if script is None:
            raise NotModelled(f"the Redis model has no model of the script {sha}")
        try:
            source = (name.encode(), args[0])
            return script(ScriptKeys(self.keys, source), args[2 : 2 + count], args[2 + count :])
        except ScriptFailed as failed:
            return failed.failure


_TRANSACTION = ("MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH")
_SCRIPTING = ("EVAL", "EVALSHA", "SCRIPT")
