"""What a link does with sockets that are ending, which real ones show only at an unlucky moment."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from functools import partial
from typing import Any

import pytest

from devenv.wire.gate.conversation import Conversation
from devenv.wire.gate.holds import Holds
from devenv.wire.gate.link import MUCH_AT_ONCE, Link
from devenv.wire.gate.record import Recorder
from devenv.wire.gate.rules import RuleSet
from tests.support import calls


class Transport:
    """As asyncio's: once reset, ``write_eof`` raises until the loss is reported, and ``write`` only warns."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closing = self.reset = False
        self.reading = True

    def write(self, data: bytes) -> None:
        assert not self.closing
        self.written.append(bytes(data))

    def write_eof(self) -> None:
        if self.reset:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def linked() -> tuple[Link, Any, Any]:
    """A link between a pod and Redis, and the two transports."""

    def converse(wires: Link) -> Conversation:
        return Conversation(
            "captcha-api-a", 1, RuleSet(), Recorder(10), Holds(), asyncio.get_running_loop().time, wires
        )

    link = Link("captcha-api-a", ("127.0.0.1", 1), converse, lambda _refused: None)
    client: Any = Transport()
    upstream: Any = Transport()
    link._client = client
    link.upstream_connected(upstream)
    return link, client, upstream


def test_the_end_of_a_pod_is_no_error_where_redis_has_reset_the_connection() -> None:
    async def play() -> None:
        link, _client, upstream = linked()
        upstream.reset = True
        link.client_ended()
        link.client_sent(b"PING\r\n")
        assert upstream.written == []

    asyncio.run(play())


def test_nothing_is_sent_to_a_side_that_is_ending() -> None:
    async def play() -> None:
        link, client, upstream = linked()
        link.client_sent(b"PING\r\n")
        link.conversation.from_upstream(b"+PONG\r\n")
        client.closing = upstream.closing = True
        link.client_sent(b"PING\r\n")
        link.conversation.from_upstream(b"+PONG\r\n")
        assert (upstream.written, client.written) == ([b"PING\r\n"], [b"+PONG\r\n"])

    asyncio.run(play())


def test_after_much_at_once_the_others_have_their_turn() -> None:
    async def play() -> None:
        link, client, upstream = linked()
        link.client_sent(b"PING\r\n")
        assert (client.reading, upstream.reading) == (True, True)
        link.client_sent(b"*2\r\n$4\r\nECHO\r\n$%d\r\n%b\r\n" % (MUCH_AT_ONCE, b"x" * MUCH_AT_ONCE))
        assert (client.reading, upstream.reading) == (False, True)
        link.upstream_sent(b"+PONG\r\n" + b"x" * MUCH_AT_ONCE)
        assert (client.reading, upstream.reading) == (False, False)
        await asyncio.sleep(0)
        assert (client.reading, upstream.reading) == (True, True)

    asyncio.run(play())


class Loop:
    """Connects, and in that very moment gives up, as uvloop may: the loss is told nobody."""

    def __init__(self, upstream: Transport, error: BaseException) -> None:
        self.upstream, self.error = upstream, error

    async def create_connection(self, protocol: Any, *_where: Any, **_how: Any) -> None:
        protocol().connection_made(self.upstream)
        raise self.error


@pytest.mark.parametrize("error", [TimeoutError(), asyncio.CancelledError()])
def test_a_connection_that_comes_while_it_is_given_up_does_not_stay(error: BaseException) -> None:
    async def play() -> None:
        link, client, _upstream = linked()
        link.upstream_lost()
        link._loop = Loop(Transport(), error)  # type: ignore[assignment]
        client.closing = False
        with contextlib.suppress(asyncio.CancelledError):
            await link._connect()
        link.client_lost()
        assert link.closed.is_set()

    asyncio.run(play())


@pytest.mark.parametrize("side", ["client", "upstream"])
@pytest.mark.parametrize(
    "line", [b"PING\r\n", b"\r\n", b"*1\r\n$4\r\nPING\r\n", b":1\r\n", b"*1\r\n", b"$0\r\n\r\n"]
)
def test_many_lines_at_once_are_little_work_in_each_turn_and_go_on_whole(side: str, line: bytes) -> None:
    """256,000 bytes at once, as an event loop reads them; the work of a turn is counted in calls."""
    flood = line * (256_000 // len(line))

    async def play() -> None:
        link, client, upstream = linked()
        take = link.client_sent if side == "client" else link.upstream_sent
        turns = [calls(partial(take, flood))]
        while link._client_rest or link._upstream_rest:
            again = link._client_again if side == "client" else link._upstream_again
            turns.append(calls(again))
        assert max(turns) < 30_000, turns
        written = upstream.written if side == "client" else client.written
        assert b"".join(written) == flood
        await asyncio.sleep(0)
        assert (client.reading, upstream.reading) == (True, True)

    asyncio.run(play())


def test_the_end_of_a_pod_waits_for_the_rest_of_its_flood() -> None:
    async def play() -> None:
        link, _client, upstream = linked()
        flood = b"PING\r\n" * 20_000
        link.client_sent(flood)
        link.client_ended()
        while link._client_rest:
            link._client_again()
        assert b"".join(upstream.written) == flood
        assert link._end_sent

    asyncio.run(play())
