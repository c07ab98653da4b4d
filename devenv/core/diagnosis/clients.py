"""Which Redis client a pod uses, by what it sends on connecting, and what its defaults do to a lost reply.

The behaviour of each client was measured: docs/clients.md has all of it and how to measure it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from devenv.core.model.events import RedisCommand


@dataclass(frozen=True, slots=True)
class RedisClient:
    """A client library as it names itself."""

    name: str
    """As in CLIENT SETINFO LIB-NAME."""
    version: str | None
    """As in CLIENT SETINFO LIB-VER; None where it gave none, or none that is a version."""

    @property
    def title(self) -> str:
        """Name and version."""
        return self.name if self.version is None else f"{self.name} {self.version}"

    @property
    def defaults(self) -> str | None:
        """What it does by default when a reply is lost, as a sentence; None where that was not measured."""
        major = _major(self.version)
        for name, since, sentence in _DEFAULTS:
            if name == self.name.lower() and (major or 0) >= since:
                return sentence
        return None


_FOR_EVER = "it has no read time-out and waits for ever"
_SENDS_AGAIN_AFTER_CUT = "after a cut connection it sends the command again"
FROM_URL = "; made by from_url or from a pool "
"""Before what redis-py does where its client was not made by ``Redis(host, port)``: only that has retries."""
_DEFAULTS: tuple[tuple[str, int, str], ...] = (
    (
        "redis-py",
        8,
        "it sends the command again after 5 s without a reply, and at once after a cut connection"
        f"{FROM_URL}it gives up after 5 s and sends nothing again",
    ),
    ("redis-py", 6, f"{_FOR_EVER}; {_SENDS_AGAIN_AFTER_CUT}{FROM_URL}a cut connection is an error"),
    ("redis-py", 5, f"{_FOR_EVER}; a cut connection is an error"),
    ("valkey-py", 6, f"{_FOR_EVER} (its asyncio client 5 s); a cut connection is an error"),
    ("node-redis", 5, f"{_FOR_EVER}, and so does every later command; a cut connection is an error"),
    ("ioredis", 5, f"{_FOR_EVER}, and so does every later command; {_SENDS_AGAIN_AFTER_CUT}, without end"),
    ("glidepy", 0, "it gives up after 0.25 s and sends nothing again"),
    ("glidepysync", 0, "it gives up after 0.25 s and sends nothing again"),
    ("glidejs", 0, "it gives up after 0.25 s and sends nothing again"),
)
"""Client, from which major version on, what it does; of one client the newest first."""


_HANDSHAKES: dict[tuple[str, ...], str] = {
    ("INFO",): "a client that sends only INFO on connecting, as iovalkey does",
    ("HELLO 3",): "a client that sends only HELLO 3 on connecting, as coredis does",
}
"""What clients that do not name themselves send on connecting: others may send the same."""


_KEY_PREFIXES = {"PHPREDIS_SESSION:": "phpredis's session handler"}
"""What clients that send nothing on connecting put before the keys that they choose themselves."""


def clients_of(commands: Iterable[RedisCommand]) -> dict[tuple[str, int], RedisClient]:
    """The client of each connection (pod, connection number), by CLIENT SETINFO, else by its handshake."""
    names: dict[tuple[str, int], dict[str, str]] = {}
    handshakes: dict[tuple[str, int], list[str]] = {}
    for word in commands:
        place = word.pod, word.connection
        handshakes.setdefault(place, []).append(" ".join((word.command, *word.args)))
        if word.command == "CLIENT SETINFO" and len(word.args) >= 2:
            names.setdefault(place, {})[word.args[0].upper()] = word.args[1]
    clients = {
        place: RedisClient(info["LIB-NAME"], _version(info.get("LIB-VER")))
        for place, info in names.items()
        if info.get("LIB-NAME")
    }
    for place, handshake in handshakes.items():
        title = _HANDSHAKES.get(tuple(handshake))
        if title is not None:
            clients.setdefault(place, RedisClient(title, None))
    return clients


def client_of(command: RedisCommand, clients: dict[tuple[str, int], RedisClient]) -> RedisClient | None:
    """The client that sent ``command``, by its connection or key, else the only one of its pod.

    None: not known.
    """
    of_connection = clients.get((command.pod, command.connection))
    if of_connection is not None:
        return of_connection
    for prefix, title in _KEY_PREFIXES.items():
        if (command.key or "").startswith(prefix):
            return RedisClient(title, None)
    of_pod = dict.fromkeys(client for (pod, _), client in clients.items() if pod == command.pod)
    return next(iter(of_pod)) if len(of_pod) == 1 else None


def client_sentence(clients: Sequence[RedisClient | None]) -> str:
    """What the client of a lost reply does by default, in brackets; empty where it is not known."""
    client = next((client for client in clients if client is not None), None)
    if client is None:
        return ""
    return f" ({client.title}: {client.defaults})" if client.defaults else f" ({client.title})"


def _version(text: str | None) -> str | None:
    return text if _major(text) is not None else None


def _major(version: str | None) -> int | None:
    digits = (version or "").partition(".")[0]
    return int(digits) if digits.isdecimal() and len(digits) < 4 else None
