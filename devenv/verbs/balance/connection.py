"""One HTTP/1.1 connection of a client, so that a pattern decides which connection a request uses.

The libraries with connection pools decide that themselves; h11 does the protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple

import h11

TIMEOUT = 30.0
"""Seconds until a request has failed."""
_CHUNK = 65536


class Place(NamedTuple):
    """Where a balancer listens."""

    host: str
    port: int
    prefix: str = ""
    """What the path of each request begins with."""
    name: str = ""
    """The host that requests ask for; empty: the address and port."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, without cookies."""

    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    body: bytes

    def values(self, name: str) -> list[str]:
        """The values of a header, by its name in lower case."""
        return [value for key, value in self.headers if key == name]


class Unanswered(Exception):
    """The connection could not be made, or was closed without an answer."""


@dataclass(slots=True)
class CookieJar:
    """The cookies of one client."""

    keeps: bool = True
    """False: the client forgets them."""
    values: dict[str, str] = field(default_factory=dict)

    def header(self) -> list[tuple[str, str]]:
        """The Cookie header, none without cookies."""
        text = "; ".join(f"{name}={value}" for name, value in self.values.items())
        return [("cookie", text)] if text else []

    def take(self, answer: Answer) -> None:
        """Keep what the answer sets."""
        if not self.keeps:
            return
        for line in answer.values("set-cookie"):
            cookie = SimpleCookie()
            with suppress(CookieError):
                cookie.load(line)
            self.values |= {name: morsel.coded_value for name, morsel in cookie.items()}


class Connection:
    """A client's connection to a balancer. Close it when it is no longer needed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: Place) -> None:
        self._reader = reader
        self._writer = writer
        self._place = place
        self._protocol = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, place: Place, source: str = "") -> Connection:
        """Connect, from the address ``source`` where one is given. Raises Unanswered where that fails."""
        local = (source, 0) if source else None
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_connection(place.host, place.port, local_addr=local), TIMEOUT
            )
        except (OSError, TimeoutError) as error:
            raise Unanswered(f"no connection: {error or type(error).__name__}") from error
        return cls(reader, writer, place)

    @property
    def reusable(self) -> bool:
        """Whether another request can be sent on it, as far as is known here."""
        ours = self._protocol.our_state is h11.IDLE
        return ours and not self._writer.is_closing() and not self._reader.at_eof()

    async def send(self, request: Request, more_headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request and read its answer. Raises Unanswered where none comes."""
        headers = [
            ("host", self._place.name or f"{self._place.host}:{self._place.port}"),
            *request.headers,
            *(more_headers or {}).items(),
        ]
        if request.body or request.method == "POST":
            headers.append(("content-length", str(len(request.body))))
        target = self._place.prefix + request.path
        head = h11.Request(method=request.method, target=target, headers=headers)
        parts = (head, h11.Data(data=request.body), h11.EndOfMessage())
        self._writer.write(b"".join(self._protocol.send(part) or b"" for part in parts))
        try:
            answer = await asyncio.wait_for(self._answer(), TIMEOUT)
        except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
            closed = self._reader.at_eof()
            await self.close()
            reason = "the connection was closed without an answer" if closed else str(error)
            raise Unanswered(reason or type(error).__name__) from error
        if self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE:
            self._protocol.start_next_cycle()
        else:
            await self.close()
        return answer

    async def _answer(self) -> Answer:
        status, body = 0, b""
        headers: tuple[tuple[str, str], ...] = ()
        while True:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                self._protocol.receive_data(await self._reader.read(_CHUNK))
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = tuple((name.decode(), value.decode("latin-1")) for name, value in event.headers)
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return Answer(status, headers, body)

    async def close(self) -> None:
        """Close it."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
