"""One connection to Redis that keeps the server's own words: redis-py drops an error's first word.

Plain blocking sockets and RESP2, as a person would type it: what a client library makes of a fault differs by
its version, what the server says does not.
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
from devenv.core.resp.values import encode_command

MAX_BULK = 8 * 2**20
"""Bytes of one value that are read at most; a session is a few hundred."""


MAX_DEPTH = 16
"""Lists within lists; CLUSTER SLOTS has three."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An error reply, in the server's words."""

    text: str


@dataclass(frozen=True, slots=True)
class HungUp(Refused):
    """The connection was ended in place of a reply."""


Value = str | int | None | Refused | list["Value"]


class Caller(Protocol):
    """Whatever runs one command after the other."""

    def call(self, *words: str | int) -> Value:
        """Send one command and read its reply; an error reply is a value."""


class Broken(Exception):
    """The connection ended, or what came is not Redis' protocol; the message says which."""


class Closed(Broken):
    """The connection ended where a reply was due."""


class Wire:
    """A connected socket, with or without TLS. Calls raise Broken, TimeoutError, ssl.SSLError or OSError."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._lines = link.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._lines.close()
        self._link.close()

    def call(self, *words: str | int) -> Value:
        """Send one command and read its reply; an error reply is a value."""
        self._link.sendall(encode_command([str(word).encode() for word in words]))
        return self._value()

    def _value(self, depth: int = 0) -> Value:
        line = self._lines.readline(MAX_BULK)
        if not line.endswith(b"\r\n"):
            if not line:
                raise Closed("the connection was closed")
            raise Broken(f"not Redis: {line[:40]!r}")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return _text(rest)
        if kind == b"-":
            return Refused(_text(rest))
        try:
            number = int(rest)
        except ValueError:
            raise Broken(f"not Redis: {line[:40]!r}") from None
        if kind == b":":
            return number
        if kind == b"$" and number <= MAX_BULK:
            return self._bulk(number)
        if kind == b"*" and number <= MAX_BULK and depth < MAX_DEPTH:
            return None if number < 0 else [self._value(depth + 1) for _ in range(number)]
        raise Broken(f"not Redis: {line[:40]!r}")

    def _bulk(self, size: int) -> str | None:
        if size < 0:
            return None
        data = self._lines.read(size + 2)
        if len(data) < size + 2:
            raise Broken("the connection was closed in the middle of a reply")
        return _text(data[:-2])


class Patient:
    """A connection that is opened again where the other end hangs up at a command, as some proxies do.

    What was selected before is selected again.
    """

    def __init__(self, opened: Callable[[], Wire], login: Callable[[Caller], str | None]) -> None:
        """``opened`` opens a connection; ``login`` gives the error of logging in on it, or None."""
        self._opened = opened
        self._login = login
        self._wire = opened()
        self._db = 0
        self.hung_up: list[str] = []
        """The commands at which the connection was ended, each once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wire.close()

    def call(self, *words: str | int) -> Value:
        """As ``Wire.call``; HungUp where the connection was ended."""
        try:
            value = self._wire.call(*words)
        except (Closed, ConnectionError):
            name = str(words[0])
            self.hung_up += [] if name in self.hung_up else [name]
            self._open_again()
            return HungUp(f"the connection was ended at {name}")
        if words[0] == "SELECT" and not isinstance(value, Refused):
            self._db = int(words[1])
        return value

    def _open_again(self) -> None:
        self._wire.close()
        self._wire = self._opened()
        self._login(self._wire)
        if self._db:
            self._wire.call("SELECT", self._db)


def error_of(value: Value) -> str | None:
    """The server's words where the reply is an error."""
    return value.text if isinstance(value, Refused) else None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


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


def open_wire(host: str, port: int, timeout: float, context: ssl.SSLContext | None) -> Wire:
    """A connection, over TLS where ``context`` is given. Raises OSError; ssl.SSLError is one."""
    link = _connected(host, port, timeout)
    link.settimeout(timeout)
    if context is None:
        return Wire(link)
    try:
        return Wire(context.wrap_socket(link, server_hostname=host))
    except BaseException:
        link.close()
        raise
