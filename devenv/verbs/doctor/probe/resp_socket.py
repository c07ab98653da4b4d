"""One connection to Redis that keeps an error's whole text: redis-py drops the first word.

Plain blocking sockets and RESP2, without a client library: which exception a library raises for a fault
differs between its versions, the text of the server does not.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from devenv.core.doctor_rules.facts import Reach, Tcp
from devenv.core.resp.values import Failure, NoArray, Pairs, Reply, Status, encode_command
from devenv.core.resp.whole_reply import NotResp, ReplyReader

MAX_REPLY_BYTES = 8 * 2**20
"""Bytes of one reply that are read at most; a session is a few hundred, 100 keys of SCAN some thousand."""
_READ_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Refused:
    """An error reply."""

    text: str
    """The server's text."""


@dataclass(frozen=True, slots=True)
class HungUp(Refused):
    """The connection was ended in place of a reply."""


Value = str | int | None | Refused | list["Value"]


class Caller(Protocol):
    """Runs one command after the other."""

    def call(self, *words: str | int) -> Value:
        """Send one command and read its reply; an error reply is a value."""


class Broken(Exception):
    """The connection ended, or what came is not Redis' protocol; the message says which."""


class Closed(Broken):
    """The connection ended where a reply was due."""


class RespConnection:
    """A connected socket, with or without TLS. Calls raise Broken, TimeoutError, ssl.SSLError or OSError."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._replies = ReplyReader(MAX_REPLY_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._link.close()

    def call(self, *words: str | int) -> Value:
        """Send one command and read its reply; an error reply is a value."""
        self._link.sendall(encode_command([str(word).encode() for word in words]))
        try:
            while (reply := self._replies.take()) is None:
                data = self._link.recv(_READ_BYTES)
                if not data and self._replies.midway:
                    raise Broken("the connection was closed in the middle of a reply")
                if not data:
                    raise Closed("the connection was closed")
                self._replies.feed(data)
            return _value(reply[0])
        except NotResp as error:
            raise Broken(f"not Redis: {error}") from None


def _value(reply: Reply) -> Value:
    match reply:
        case bytes():
            return reply.decode("utf-8", "backslashreplace")
        case Status(text=text):
            return text
        case Failure(text=text):
            return Refused(text)
        case tuple():
            return [_value(item) for item in reply]
        case Pairs(items=items):
            return [_value(part) for pair in items for part in pair]
        case NoArray():
            return None
    return reply


class ReopenedConnection:
    """A connection that is opened again where the other end closes it at a command, as some proxies do.

    The database that was selected before is selected again.
    """

    def __init__(self, opened: Callable[[], RespConnection], login: Callable[[Caller], str | None]) -> None:
        """``opened`` opens a connection; ``login`` gives the error of logging in on it, or None."""
        self._opened = opened
        self._login = login
        self._connection = opened()
        self._db = 0
        self.hung_up: list[str] = []
        """The commands at which the connection was ended, each once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def call(self, *words: str | int) -> Value:
        """As ``RespConnection.call``; HungUp where the connection was ended."""
        try:
            value = self._connection.call(*words)
        except (Closed, ConnectionError):
            name = str(words[0])
            self.hung_up += [] if name in self.hung_up else [name]
            self._open_again()
            return HungUp(f"the connection was ended at {name}")
        if words[0] == "SELECT" and not isinstance(value, Refused):
            self._db = int(words[1])
        return value

    def _open_again(self) -> None:
        self._connection.close()
        self._connection = self._opened()
        self._login(self._connection)
        if self._db:
            self._connection.call("SELECT", self._db)


def error_of(value: Value) -> str | None:
    """The server's text where the reply is an error; else None."""
    return value.text if isinstance(value, Refused) else None


def _connected(host: str, port: int, timeout: float) -> socket.socket:
    """A connection; ``host`` is a name, an address or the path of a Unix socket."""
    if not host.startswith("/"):
        return socket.create_connection((host, port), timeout)
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.settimeout(timeout)
        link.connect(host)
    except BaseException:
        link.close()
        raise
    return link


def connect(host: str, port: int, timeout: float) -> tuple[Tcp, socket.socket | None]:
    """Try a TCP connection, at most ``timeout`` seconds; what it says also bounds every later read."""
    started = time.perf_counter()
    try:
        link = _connected(host, port, timeout)
    except FileNotFoundError as error:
        return Tcp(Reach.UNKNOWN_HOST, time.perf_counter() - started, str(error.strerror)), None
    except (socket.gaierror, UnicodeError) as error:  # the latter: no name at all, as "a..b"
        reason = getattr(error, "strerror", None) or str(error)
        return Tcp(Reach.UNKNOWN_HOST, time.perf_counter() - started, reason), None
    except TimeoutError:
        return Tcp(Reach.TIMEOUT, time.perf_counter() - started), None
    except ConnectionRefusedError:
        return Tcp(Reach.REFUSED, time.perf_counter() - started), None
    except OSError as error:
        return Tcp(Reach.UNREACHABLE, time.perf_counter() - started, error.strerror or str(error)), None
    link.settimeout(timeout)
    return Tcp(Reach.OPEN, time.perf_counter() - started), link


def open_connection(host: str, port: int, timeout: float, context: ssl.SSLContext | None) -> RespConnection:
    """A connection, over TLS where ``context`` is given. Raises OSError; ssl.SSLError is one."""
    link = _connected(host, port, timeout)
    link.settimeout(timeout)
    if context is None:
        return RespConnection(link)
    try:
        return RespConnection(context.wrap_socket(link, server_hostname=host))
    except BaseException:
        link.close()
        raise
