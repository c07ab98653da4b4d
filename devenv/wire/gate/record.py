"""The commands that went through the gate: bounded in memory, each handed once to a trace when it is over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import islice

from devenv.core.model.events import RedisCommand
from devenv.core.resp.command_shapes import Shape, args_of, key_of
from devenv.core.resp.printing import printable
from devenv.wire.gate.rules import NO_PLAN, Plan

TraceSink = Callable[[Sequence[RedisCommand]], None]
"""Given batches of commands that are over, each command once, in the order in which they ended."""

BATCH = 500
KEPT_BYTES = 4096
"""Of one command's words."""


class Fate(StrEnum):
    """What became of a command; with the four times it is clear how far it came."""

    PASSED = "passed"
    HANDSHAKE = "handshake"
    """Passed; it prepares a connection and is no step."""
    QUEUED = "queued"
    """Passed into a transaction; its EXEC is the step."""
    DELAYED = "delayed"
    HELD = "held"
    """Waiting now: the request, or its reply where ``answered`` is set."""
    RELEASED = "released"
    AUTO_RELEASED = "auto-released"
    DISCARDED = "discarded"
    """It waited at the gate and its connection ended: it never ran."""
    REQUEST_DROPPED = "request-dropped"
    REPLY_DROPPED = "reply-dropped"
    ERROR = "error"
    """It never ran; the pod was answered an error."""
    DISCONNECTED = "disconnected"
    BLACKHOLED = "blackholed"
    UNANSWERED = "unanswered"
    """Sent to Redis; the connection ended before a reply came. The outcome is indeterminate."""
    UNDELIVERED = "undelivered"
    """It ran; the pod had gone when its reply was due."""
    UNMATCHED = "unmatched"
    """Passed where replies cannot be matched to commands: MONITOR, replication, bytes that are no RESP."""
    NO_REPLY = "no-reply"
    """Passed; the pod had asked for no reply (CLIENT REPLY OFF or SKIP)."""


class Entry:
    """One command while it is on its way. What is mostly not set is a class attribute: it costs no time."""

    forwarded: float | None = None
    answered: float | None = None
    delivered: float | None = None
    reply: bytes | None = None
    key: str | None = None  # only where it is not to be had from the words: an EXEC
    fate: Fate = Fate.PASSED
    rule: str | None = None
    node: str | None = None  # of a cluster
    plan: Plan = NO_PLAN
    instead: bytes | None = None  # the reply to give instead of Redis's
    transaction: list[Entry] | None = None  # of an EXEC: what it runs
    confirmations: int | None = None  # of a subscription: how many are still to come
    answerless = False  # the pod asked for no reply
    over = False

    def __init__(
        self,
        seq: int,
        pod: str,
        connection: int,
        words: list[bytes],
        size: int,
        shape: Shape,
        received: float,
    ) -> None:
        self.seq = seq
        self.pod = pod
        self.connection = connection
        self.words = words
        self.size = size
        self.shape = shape
        self.received = received

    def first_key(self) -> str | None:
        """The first key; of an EXEC, the first of what it runs."""
        return self.key if self.key is not None else key_of(self.words)

    def trim(self) -> None:
        """Forget words beyond ``KEPT_BYTES`` in all."""
        self.key = self.first_key()
        kept, room = [], KEPT_BYTES
        for word in self.words:
            if room <= 0:
                break
            kept.append(word[:room])
            room -= len(word)
        self.words = kept

    def event(self) -> RedisCommand:
        """As others are given it."""
        return RedisCommand(
            seq=self.seq,
            pod=self.pod,
            connection=self.connection,
            command=self.shape.name,
            args=args_of(self.words),
            key=self.first_key(),
            reply=None if self.reply is None else printable(self.reply),
            received=self.received,
            answered=self.answered,
            fate=str(self.fate),
            forwarded=self.forwarded,
            delivered=self.delivered,
            rule=self.rule,
            node=self.node,
        )


class Recorder:
    """The last ``capacity`` commands, numbered from 1 in the order in which they came."""

    def __init__(self, capacity: int, sink: TraceSink | None = None) -> None:
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._count = 0
        self._sink = sink
        self._over: list[Entry] = []
        self.sink_error: str | None = None

    @property
    def last(self) -> int:
        """The number of the latest command; 0 before the first."""
        return self._count

    @property
    def oldest(self) -> int:
        """The number of the oldest command still kept."""
        return self._count - len(self._entries) + 1

    def begin(
        self, pod: str, connection: int, words: list[bytes], size: int, shape: Shape, now: float
    ) -> Entry:
        """A command came; ``size`` is the number of its wire bytes so far."""
        self._count += 1
        entry = Entry(self._count, pod, connection, words, size, shape, now)
        self._entries.append(entry)
        return entry

    def end(self, entry: Entry) -> None:
        """Nothing will change about it any more."""
        if entry.over:
            return
        entry.over = True
        if entry.plan is not NO_PLAN:
            entry.plan = NO_PLAN
        if entry.transaction is not None:
            entry.transaction = None
        if entry.size > KEPT_BYTES:
            entry.trim()
        if self._sink is not None:
            self._over.append(entry)
            if len(self._over) >= BATCH:
                self.flush()

    def flush(self) -> None:
        """Hand what is over to the sink. A sink that fails is given nothing more; ``sink_error`` says why."""
        if self._sink is None or not self._over:
            return
        batch = [entry.event() for entry in self._over]
        self._over.clear()
        try:
            self._sink(batch)
        except Exception as error:  # the pods' traffic must not end because a disk is full
            self.sink_error = f"{type(error).__name__}: {error}"
            self._sink = None

    def names(self) -> dict[str, dict[str, int]]:
        """How often each command came, by pod and name, of those that are kept; no handshakes."""
        counts: dict[str, dict[str, int]] = {}
        for entry in self._entries:
            if not entry.shape.handshake:
                of_pod = counts.setdefault(entry.pod, {})
                of_pod[entry.shape.name] = of_pod.get(entry.shape.name, 0) + 1
        return counts

    def last_delivered(self) -> dict[str, float]:
        """When each pod was last sent a reply that is no error (seconds since the epoch), as far as kept."""
        latest: dict[str, float] = {}
        for entry in self._entries:
            if entry.delivered is not None and entry.reply is not None and entry.reply[:1] != b"-":
                latest[entry.pod] = max(latest.get(entry.pod, 0.0), entry.delivered)
        return latest

    def since(self, seq: int, limit: int) -> list[RedisCommand]:
        """Those kept that are numbered above ``seq``, at most ``limit``, oldest first, as they are now."""
        skip = max(0, seq + 1 - self.oldest)
        return [entry.event() for entry in islice(self._entries, skip, skip + max(0, limit))]
