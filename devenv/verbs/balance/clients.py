"""Clients as the patterns describe them: which connection each request of a session uses."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from devenv.core.balance.patterns import BROWSER_CONNECTIONS, Connections, Pattern
from devenv.verbs.balance import measuring_pod
from devenv.verbs.balance.connection import Answer, Connection, CookieJar, Place, Request, Unanswered

Send = Callable[[Request], Awaitable[Answer]]
"""Sends a request of a session on the connection that the pattern chooses."""


class Service(Protocol):
    """How the pods behind the balancer are spoken to."""

    page: Request
    image: Request

    def create(self) -> Request:
        """Opens a session."""

    def session_of(self, answer: Answer) -> str | None:
        """The session that an answer to ``create`` opened; None where it opened none."""

    def verify(self, session: str) -> Request:
        """Uses it."""

    def known(self, answer: Answer) -> bool | None:
        """Whether the pod knew the session; None where no pod answered."""


class MeasuringService:
    """The measuring pods."""

    page = Request("GET", measuring_pod.PAGE)
    image = Request("GET", measuring_pod.IMAGE)

    def create(self) -> Request:
        """Opens a session."""
        return Request("POST", measuring_pod.CREATE)

    def session_of(self, answer: Answer) -> str | None:
        """The id that a pod gave it."""
        return str(json.loads(answer.body)["id"]) if answer.status == 200 else None

    def verify(self, session: str) -> Request:
        """Uses it."""
        return Request("POST", measuring_pod.VERIFY, json.dumps({"id": session}).encode())

    def known(self, answer: Answer) -> bool | None:
        """By the status."""
        return {200: True, 404: False}.get(answer.status)


@dataclass(slots=True)
class Client:
    """One client: its cookies, and the address that its requests come from."""

    place: Place
    jar: CookieJar
    source: str = ""
    """Of 127.0.0.0/8; "" for the usual one."""

    async def send_on(self, connection: Connection, request: Request) -> Answer:
        """Send a request with the client's cookies."""
        answer = await connection.send(request, dict(self.jar.header()))
        self.jar.take(answer)
        return answer

    async def send_anew(self, request: Request) -> Answer:
        """Send a request on a connection of its own."""
        connection = await Connection.open(self.place, self.source)
        try:
            return await self.send_on(connection, request)
        finally:
            await connection.close()


class Pool:
    """Kept connections; each request uses the one that has been idle for the longest time."""

    def __init__(self, place: Place, size: int, source: str = "") -> None:
        self._place = place
        self._source = source
        self._size = size
        self._idle: deque[Connection] = deque()
        self._places = asyncio.Semaphore(size)

    async def send(self, client: Client, request: Request) -> Answer:
        """Send a request of ``client``; waits where all connections are in use."""
        async with self._places:
            connection = await self._take()
            try:
                answer = await client.send_on(connection, request)
            except Unanswered:
                await connection.close()
                raise
            if connection.reusable:
                self._idle.append(connection)
            return answer

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.popleft()
            if connection.reusable:
                return connection
            await connection.close()
        return await Connection.open(self._place, self._source)

    async def open_all(self, client: Client, request: Request) -> None:
        """Open all connections, each with a request, at the same time."""
        opened = await asyncio.gather(
            *(Connection.open(self._place, self._source) for _ in range(self._size)), return_exceptions=True
        )
        connections = [each for each in opened if isinstance(each, Connection)]
        await asyncio.gather(*(client.send_on(each, request) for each in connections), return_exceptions=True)
        self._idle.extend(connections)

    async def close(self) -> None:
        """Close what is idle."""
        for connection in self._idle:
            await connection.close()


@asynccontextmanager
async def session_sender(
    pattern: Pattern, client: Client, service: Service, shared: Pool | None
) -> AsyncIterator[Send]:
    """How the requests of one session are sent; its own connections are closed at the end."""
    if pattern.connections is Connections.NEW:
        yield client.send_anew
        return
    if shared is not None:
        pool = shared
        yield lambda request: pool.send(client, request)
        return
    browser = pattern.connections is Connections.BROWSER
    new_pool = Pool(client.place, BROWSER_CONNECTIONS if browser else 1, client.source)
    try:
        if browser:
            await new_pool.open_all(client, service.page)
        yield lambda request: new_pool.send(client, request)
    finally:
        await new_pool.close()
