"""The two noisy ends of benchmarks/noise.py: pods that send rubbish, and a false Redis that does the same."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PAUSE = 0.05

PIECES = (
    *(
        b"*2\r\n",
        b"$3\r\n",
        b"GET",
        b"\r\n",
        b"\n",
        b"$536870912\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"PING\r\n",
        b'"',
    ),
    *(
        b"*1\r\n$5\r\nMULTI\r\n",
        b"*1\r\n$4\r\nEXEC\r\n",
        b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n",
        b"\0",
        b"$",
    ),
    *(
        b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
    ),
    *(
        b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        b"*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n",
        b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n",
    ),
    *(
        b"+OK\r\n",
        b"-ERR x\r\n",
        b":1\r\n",
        b"$1\r\nv\r\n",
        b"$-1\r\n",
        b">2\r\n",
        b"%1\r\n",
        b"|1\r\n",
        b"*?\r\n",
    ),
    *(
        b".\r\n",
        b"_\r\n",
        b"#t\r\n",
        b"$?\r\n",
        b";0\r\n",
        b"=5\r\ntxt:a\r\n",
        b"-MOVED 1 127.0.0.1:6379\r\n",
    ),
    *(
        b"-ASK 1 :0\r\n",
        b"-MOVED 1 [::1]:99999\r\n",
        b"-MOVED 99 h\r\n",
        b"$4000\r\n" + b"v" * 4000 + b"\r\n",
    ),
)
ANSWERED = (
    *(b"*1\r\n$4\r\nPING\r\n", b"*2\r\n$4\r\nECHO\r\n$3\r\na\rb\r\n", b"PING again\r\n", b"ECHO 'a b'\n"),
    *(
        b"*2\r\n$3\r\nGET\r\n$4\r\nnone\r\n",
        b"*1\r\n$6\r\nNOSUCH\r\n",
        b"\r\n",
        b"*0\r\n",
        b"*1\r\n$5\r\nMULTI\r\n",
    ),
    *(b"*1\r\n$4\r\nEXEC\r\n", b"*1\r\n$7\r\nDISCARD\r\n", b"*3\r\n$6\r\nSELECT\r\n$1\r\n0\r\n$1\r\n1\r\n"),
)
"""Answered alike however often and by whomever they are sent."""
BROKEN = (b"*x\r\n", b"*1\r\n+PING\r\n", b"*1\r\n$-1\r\n", b'GET "k\r\n', b"*1\r\n$3\r\nab", b"ECH")


def noise(chance: random.Random) -> bytes:
    """Pieces of protocol and random bytes."""
    most = chance.choice((3, 20, 200))
    return b"".join(
        chance.choice(PIECES) if chance.random() < 0.85 else chance.randbytes(chance.randrange(1, 300))
        for _ in range(chance.randrange(1, most))
    )


class Babbler:
    """One end of one connection that says and does what chance tells it, for a short time."""

    def __init__(self, end: socket.socket, chance: random.Random) -> None:
        self._end = end
        self._chance = chance
        self._loop = asyncio.get_running_loop()

    async def babble(self) -> None:
        """Until it has said enough or the other end is gone."""
        with contextlib.suppress(OSError, TimeoutError):
            for _ in range(self._chance.randrange(1, 6)):
                act = self._chance.choice(
                    (self._say, self._say, self._drip, self._heap, self._hear, self._end_half)
                )
                await act()
        if self._chance.random() < 0.3:  # a reset instead of an end
            with contextlib.suppress(OSError):
                self._end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end.close()

    async def _say(self) -> None:
        await asyncio.wait_for(self._loop.sock_sendall(self._end, noise(self._chance)), PAUSE)

    async def _drip(self) -> None:
        for byte in noise(self._chance)[:200]:
            await asyncio.wait_for(self._loop.sock_sendall(self._end, bytes((byte,))), PAUSE)

    async def _heap(self) -> None:
        one = self._chance.choice(PIECES)
        data = one * (self._chance.choice((1_000, 100_000, 2_000_000)) // len(one))
        await asyncio.wait_for(self._loop.sock_sendall(self._end, data), PAUSE * 4)

    async def _hear(self) -> None:
        await asyncio.wait_for(self._loop.sock_recv(self._end, 65536), PAUSE)

    async def _end_half(self) -> None:
        self._end.shutdown(socket.SHUT_WR)
        await self._hear()


@asynccontextmanager
async def noisy_redis(first_seed: int) -> AsyncIterator[int]:
    """A false Redis that babbles on every connection; gives its port."""
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)
    listener.setblocking(False)
    talks: set[asyncio.Task[None]] = set()

    async def accept() -> None:
        number = 0
        while True:
            end, _ = await loop.sock_accept(listener)
            end.setblocking(False)
            number += 1
            talk = loop.create_task(Babbler(end, random.Random(f"{first_seed} {number}")).babble())
            talks.add(talk)
            talk.add_done_callback(talks.discard)

    accepting = loop.create_task(accept())
    try:
        yield int(listener.getsockname()[1])
    finally:
        accepting.cancel()
        await asyncio.gather(accepting, *talks, return_exceptions=True)
        listener.close()
