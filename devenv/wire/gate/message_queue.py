"""One direction of a connection: messages leave as they came; one that waits holds back the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum

from devenv.wire.gate.record import Entry

Bytes = bytes | memoryview


class Exit(Enum):
    """What happens to a message when its turn comes."""

    PASS = "pass"  # noqa: S105 - not a password
    INSTEAD = "instead"  # something else is sent in its place
    DROP = "drop"  # it is lost, and with it all behind it
    VOID = "void"  # both directions of the connection are lost from here on
    CUT = "cut"  # the connection ends


class Message:
    """A request, a reply, a push, or bytes that are none of these (``entry`` None), as far as it has come."""

    __slots__ = ("chunks", "complete", "entry", "exit", "gathering", "gone", "held", "waiting")

    def __init__(self, entry: Entry | None = None) -> None:
        self.entry = entry
        self.chunks: list[Bytes] = []
        self.complete = False
        self.gathering = False  # not on its way before all of it is there
        self.waiting = False
        self.held = False
        self.gone = False  # its turn has come; more of its bytes follow at once
        self.exit = Exit.PASS


class MessageQueue:
    """Messages on their way in one direction.

    ``depart`` is called when a message's turn has come and does what its ``exit`` says. ``buffered`` is how
    many bytes wait here. Between ``gather`` and ``flush`` what is sent goes out in one write, as it came in
    one read.
    """

    __slots__ = ("_depart", "_gathered", "_write", "buffered", "dead", "messages")

    def __init__(self, depart: Callable[[Message], None], write: Callable[[Bytes], None]) -> None:
        self._depart = depart
        self._write = write
        self._gathered: list[Bytes] | None = None
        self.messages: deque[Message] = deque()
        self.buffered = 0
        self.dead = False

    def add(self, message: Message) -> None:
        """Put a message at the end; it departs at once where nothing waits."""
        self.messages.append(message)
        self.buffered += sum(map(len, message.chunks))
        self.advance()

    def extend(self, message: Message, chunk: Bytes) -> None:
        """More bytes of the last message."""
        if not message.gone:
            message.chunks.append(chunk)
            self.buffered += len(chunk)
        elif message.exit is Exit.PASS and not self.dead:
            self.send(chunk)

    def advance(self) -> None:
        """Send the messages that wait for nothing any more."""
        messages = self.messages
        while messages and not messages[0].waiting:
            message = messages.popleft()
            self.buffered -= sum(map(len, message.chunks))
            message.gone = True
            self._depart(message)

    def send(self, chunk: Bytes) -> None:
        """Send bytes whose turn it is."""
        if self._gathered is None:
            self._write(chunk)
        else:
            self._gathered.append(chunk)

    def gather(self) -> None:
        """Write nothing until ``flush``."""
        self._gathered = []

    def flush(self) -> None:
        """Write what was gathered, and all else at once again."""
        gathered, self._gathered = self._gathered, None
        if gathered:
            self._write(gathered[0] if len(gathered) == 1 else b"".join(gathered))

    def clear(self) -> list[Message]:
        """Take out all that waits."""
        waiting = [*self.messages]
        self.messages.clear()
        self.buffered = 0
        return waiting
