"""Which command a reply answers: one by one in their order, except around subscriptions and CLIENT REPLY.

Source: redis.io/docs/latest/develop/pubsub (RESP2, RESP3) and .../commands/client-reply, and what Redis 7.0
sends. A subscription is confirmed once per channel, in RESP3 by pushes; messages answer no command.
"""

from __future__ import annotations

import re
from collections import deque

from devenv.core.resp.command_shapes import SUBSCRIPTIONS
from devenv.core.resp.replies import Reply
from devenv.wire.gate.record import Entry

_MESSAGES = frozenset({"message", "pmessage", "smessage"})
_SORTS = {
    **dict.fromkeys(("subscribe", "unsubscribe"), "channel"),
    **dict.fromkeys(("psubscribe", "punsubscribe"), "pattern"),
    **dict.fromkeys(("ssubscribe", "sunsubscribe"), "shard"),
}
"""What a confirmation, by its first word, is about."""
_KIND = re.compile(rb"[>*]\d+\r\n\$\d+\r\n([a-z]+)\r\n")
_TOTAL = re.compile(rb":(\d+)\r\n\Z")


class Matcher:
    """The commands of one connection that wait for their reply, oldest first.

    ``special`` counts those whose reply needs more than passing on.
    """

    def __init__(self) -> None:
        self.awaiting: deque[Entry] = deque()
        self.special = 0
        self.possible = True
        """Whether replies can be matched to commands; once they cannot, never again."""
        self.one_by_one = True
        """Whether the next ordinary command will have exactly one reply."""
        self._subscriptions = _Subscriptions()
        self._off = self._skip = False  # CLIENT REPLY
        self._before = (False, False)

    @property
    def whole(self) -> bool:
        """Whether a reply must be there whole before it is known which command it answers."""
        return self._subscriptions.whole

    def begun(self, entry: Entry, in_transaction: bool) -> bool:
        """A command came; whether its reply can be matched. It has none where ``entry.answerless``."""
        shape = entry.shape
        subscribes = shape.name in SUBSCRIPTIONS
        replies = shape.name == "CLIENT REPLY"
        lost = shape.unmatchable or (in_transaction and (subscribes or replies))
        if not self.possible or lost or (subscribes and (self._off or self._skip)):
            self.give_up()
            return False
        if replies:
            self._client_reply(entry)
        elif shape.name == "RESET":
            self._off = self._skip = False
        else:
            entry.answerless = self._off or self._skip
            self._skip = False
        self.one_by_one = not (self._off or self._skip)
        return True

    def _client_reply(self, entry: Entry) -> None:
        self._before = (self._off, self._skip)
        mode = entry.words[2].upper() if len(entry.words) == 3 else b""
        if mode == b"ON":
            self._off = self._skip = False
            return
        entry.answerless = self._off or self._skip or mode in (b"OFF", b"SKIP")
        self._off = self._off or mode == b"OFF"
        self._skip = mode == b"SKIP" and not self._off

    def refused(self, entry: Entry) -> None:
        """The gate answers the latest command itself: a CLIENT REPLY then changes nothing."""
        if entry.shape.name == "CLIENT REPLY":
            self._off, self._skip = self._before
            entry.answerless = self._off
            self.one_by_one = not (self._off or self._skip)

    def add(self, entry: Entry) -> None:
        """A command was sent on, or will be answered by the gate in its turn."""
        self.awaiting.append(entry)
        if entry.plan.reply is not None or entry.instead is not None:
            self.special += 1
        if entry.shape.name in SUBSCRIPTIONS:
            self._subscriptions.asked(entry)

    def answered(self, reply: Reply) -> Entry | None:
        """Take out the command that this complete reply answers; None where it answers none."""
        if not self._subscriptions.used:
            return None if reply.push or not self.awaiting else self.take(reply.kind)
        head = self.awaiting[0] if self.awaiting else None
        if not self._subscriptions.answers(reply, head):
            return None
        if head is not None and head.confirmations is not None and reply.kind not in "-!>*":
            self.give_up()  # a subscription is not answered so
        return None if head is None else self.take(reply.kind)

    def take(self, kind: str) -> Entry:
        """Take out the oldest command; ``kind`` is the type byte of its reply."""
        entry = self.awaiting.popleft()
        if entry.plan.reply is not None or entry.instead is not None:
            self.special -= 1
        if not entry.shape.ordinary:
            self._subscriptions.ended(entry, kind)
        return entry

    def give_up(self) -> None:
        """Replies cannot be matched to commands from here on."""
        self.possible = self.one_by_one = False


class _Subscriptions:
    """What one connection has subscribed to, by Redis' own counts."""

    def __init__(self) -> None:
        self.used = False
        self._resp3 = False
        self._pending = 0
        self._counts = dict.fromkeys(_SORTS.values(), 0)

    @property
    def whole(self) -> bool:
        """Whether what comes next may be a confirmation, or in RESP2 a message, and looks like a reply."""
        return self._pending > 0 or (self.used and not self._resp3 and any(self._counts.values()))

    def asked(self, entry: Entry) -> None:
        """A command of ``SUBSCRIPTIONS`` was sent on."""
        self.used = True
        if entry.instead is None:
            self._pending += 1
            entry.confirmations = len(entry.words) - 1  # 0: as many as there are subscriptions

    def answers(self, reply: Reply, head: Entry | None) -> bool:
        """Whether ``reply`` is the last that answers ``head``; keeps the counts."""
        array = reply.kind == "*" and not self._resp3
        if not (reply.push or array):
            return True
        kind = _kind_of(reply)
        if array and kind in _MESSAGES and any(self._counts.values()):
            return False
        if kind not in _SORTS or not (reply.push or self._confirms(head, kind)):
            return array
        held = self._count(kind, reply)
        if head is None or not self._confirms(head, kind):
            return False
        left = (head.confirmations or max(1, held)) - 1
        head.confirmations = left
        return left == 0

    def _confirms(self, head: Entry | None, kind: str) -> bool:
        return head is not None and head.confirmations is not None and head.shape.name == kind.upper()

    def _count(self, kind: str, reply: Reply) -> int:
        """Take in a confirmation; how many subscriptions of its sort there were before it."""
        sort = _SORTS[kind]
        before = self._counts[sort]
        total = _TOTAL.search(reply.prefix) if reply.size == len(reply.prefix) else None
        known = before if sort == "shard" else self._counts["channel"] + self._counts["pattern"]
        now = known + (-1 if "unsubscribe" in kind else 1) if total is None else int(total[1])
        self._counts[sort] = max(0, before + (now > known) - (now < known))
        return before

    def ended(self, entry: Entry, kind: str) -> None:
        """A command that is not ordinary has its reply, of the type ``kind``."""
        if entry.confirmations is not None:
            self._pending -= 1
            entry.confirmations = None
        failed = kind in ("-", "!")
        if entry.shape.name == "HELLO" and not failed and len(entry.words) > 1:
            self._resp3 = entry.words[1] == b"3"
        elif entry.shape.name == "RESET" and not failed:
            self._resp3 = False
            self._counts = dict.fromkeys(self._counts, 0)


def _kind_of(reply: Reply) -> str:
    """The first word of a push or an array: subscribe, message, …; empty where there is none."""
    match = _KIND.match(reply.prefix)
    return "" if match is None else match[1].decode()
