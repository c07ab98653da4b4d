"""What passes between one pod's connection and Redis: matched, recorded, disturbed. Bytes in, bytes out, no
sockets.

Where no rule is in force and nothing waits, bytes are passed on as they came before they are looked at.
Otherwise they are sorted into messages, and each goes through the message queue of its direction.
"""

from __future__ import annotations

from collections.abc import Callable

from devenv.core.resp.command_shapes import shape_of
from devenv.core.resp.replies import KEPT_BYTES as KEPT_REPLY
from devenv.core.resp.replies import Reply, ReplyFramer
from devenv.core.resp.requests import Request, RequestFramer
from devenv.wire.gate.disturbance import Disturbance
from devenv.wire.gate.holds import Holds
from devenv.wire.gate.matching import Matcher
from devenv.wire.gate.message_queue import Bytes, Exit, Message, MessageQueue
from devenv.wire.gate.nodes import Relocation
from devenv.wire.gate.record import Entry, Fate, Recorder
from devenv.wire.gate.rules import RuleSet, Seen
from devenv.wire.gate.transaction import Transaction
from devenv.wire.gate.wires import Cancellable, Wires

DECIDE_AT = 64 * 1024
"""A longer command is decided about once this many bytes of it are there: rules see no key behind them."""
MAX_BUFFERED = 1024 * 1024
"""With more than this waiting in one direction the gate stops reading from its source."""
LINGER_SECONDS = 5.0
"""How long a pod that has closed its side is still given outstanding replies."""


class Conversation:
    """One connection of a pod. ``ended`` must be called when it is over; nothing may be called after that.

    ``relocation``: Redis is a cluster, and what it says about its nodes is to be changed.
    """

    def __init__(
        self,
        pod: str,
        number: int,
        rules: RuleSet,
        recorder: Recorder,
        holds: Holds,
        clock: Callable[[], float],
        wires: Wires,
        relocation: Relocation | None = None,
    ) -> None:
        self._pod = pod
        self._number = number
        self._rules = rules
        self._recorder = recorder
        self._clock = clock
        self._wires = wires
        self._relocation = relocation
        self._requests = RequestFramer()
        self._replies = ReplyFramer()
        self._up = MessageQueue(self._depart_up, lambda data: wires.to_upstream(data))
        self._down = MessageQueue(self._depart_down, lambda data: wires.to_client(data))
        self._up_lost = self._down_lost = Fate.BLACKHOLED  # of what comes behind a lost message
        self.severed_by: str | None = None
        """The id of the rule by which all that follows in one direction is lost; None where nothing is."""
        self._matcher = Matcher()
        self._awaiting = self._matcher.awaiting  # sent, or answered by us in their turn
        self._request: Message | None = None  # the one that is coming in, once sorted
        self._reply: Message | None = None
        self._request_passing: Request | None = None  # the one that is coming in, its beginning passed on
        self._transaction = Transaction()
        self._disturbance = Disturbance(
            pod, number, self._up, self._down, self._transaction, holds, clock, wires, self._moved
        )
        self._lingering: Cancellable | None = None
        self._client_ended = False
        self._upstream_ended = False
        self._over = False

    # From the pod to Redis.

    def from_client(self, data: bytes) -> None:
        """Take bytes that the pod sent."""
        now = self._clock()
        up = self._up
        if (
            self._rules.armed
            or up.messages
            or up.dead
            or self._request is not None
            or self._transaction.spoiled
        ):
            self._sort_requests(data, now)
            return
        self._wires.to_upstream(data)
        words = self._requests.whole(data)
        if words is not None:
            self._sent(self._begin(words, len(data), now), now)
            return
        for request, _start, _stop in self._requests.feed(data):
            if request is None:
                continue
            if not request.complete:
                self._request_passing = request
                continue
            self._request_passing = None
            if request.count:
                self._sent(self._begin(request.words, request.size, now), now)

    def _sort_requests(self, data: bytes, now: float) -> None:
        view = memoryview(data)
        self._up.gather()
        for request, start, stop in self._requests.feed(data):
            chunk = view[start:stop]
            if request is not None and request is self._request_passing:
                if not self._up.dead:
                    self._up.send(chunk)
                if request.complete:
                    self._request_passing = None
                    self._sent(self._begin(request.words, request.size, now), now)
            else:
                self._sort_request(request, chunk, now)
        self._up.flush()
        self._relieve()

    def _sort_request(self, request: Request | None, chunk: Bytes, now: float) -> None:
        message = self._request
        if request is None:  # past a protocol error: Redis will say so
            if message is not None:
                self._request = None
                self._up.add(message)
            self._up.add(_plain(chunk))
            return
        if message is None:
            message = self._request = Message()
        decided = message.entry is not None
        if decided:
            self._up.extend(message, chunk)
        else:
            message.chunks.append(chunk)
        if request.complete:
            message.complete = True
            self._request = None
        if not decided:
            if request.count and (request.complete or request.size > DECIDE_AT):
                message.entry = self._begin(request.words, request.size, now)
                self._plan(message, message.entry)
                self._up.add(message)
            elif request.complete:  # an empty line, which Redis does not answer
                self._up.add(message)

    def _begin(self, words: list[bytes], size: int, now: float) -> Entry:
        """Record a command and keep track of what it means for the connection."""
        if not words:
            words.append(b"")
        shape = shape_of(words)
        entry = self._recorder.begin(self._pod, self._number, words, size, shape, now)
        if self._relocation is not None:
            entry.node = self._relocation.node
        matcher, transaction = self._matcher, self._transaction
        if shape.ordinary and matcher.one_by_one and not transaction.open:
            return entry
        if not matcher.begun(entry, transaction.open):
            entry.fate = Fate.UNMATCHED
        else:
            self._transaction.begun(entry)
            if entry.fate is Fate.HANDSHAKE and shape.name == "HELLO":
                self._disturbance.resp3 = words[1:2] == [b"3"]
        return entry

    def _plan(self, message: Message, entry: Entry) -> None:
        """Ask the rules about a command and prepare what they say about its request."""
        if entry.fate is Fate.UNMATCHED:
            return
        shape = entry.shape
        seen = self._seen(entry)
        if entry.fate is Fate.QUEUED:
            plan = self._rules.plan_queued(seen)
        elif entry.transaction is not None and shape.name == "EXEC":
            plan = self._rules.plan_exec(seen, [self._seen(queued) for queued in entry.transaction])
        else:
            plan = self._rules.plan(seen)
        entry.plan = plan
        if plan.request is not None:
            self._disturbance.prepare(message, entry, plan.request)
            if entry.fate is Fate.ERROR:
                self._matcher.refused(entry)
        self._transaction.planned(message, entry)

    def _seen(self, entry: Entry) -> Seen:
        shape, key = entry.shape, entry.first_key()
        # What gives up a WATCH is about the watched key, and so a step.
        quiet = shape.handshake or (shape.passive and key is None)
        return Seen(self._pod, shape.name, key, quiet=quiet)

    def _depart_up(self, message: Message) -> None:
        entry = message.entry
        if self._up.dead:
            self._lost(entry, self._up_lost)
        elif message.exit is Exit.PASS:
            for chunk in message.chunks:
                self._up.send(chunk)
            if entry is not None:
                self._sent(entry, self._clock())
        elif message.exit is Exit.INSTEAD and entry is not None:
            if entry.answerless:
                self._recorder.end(entry)
            else:
                self._matcher.add(entry)
                self._answer_ourselves()
        elif message.exit is Exit.DROP:
            self._up_lost = Fate.REQUEST_DROPPED
            self._drop(self._up, entry, Fate.REQUEST_DROPPED)
        else:
            self._void_or_cut(message)
        message.chunks.clear()

    def _sent(self, entry: Entry, now: float) -> None:
        entry.forwarded = now
        if entry.answerless and entry.fate is Fate.PASSED:
            entry.fate = Fate.NO_REPLY
        if entry.answerless or entry.fate is Fate.UNMATCHED:
            self._recorder.end(entry)
        else:
            self._matcher.add(entry)

    # From Redis to the pod.

    def from_upstream(self, data: bytes) -> None:
        """Take bytes that Redis sent."""
        now = self._clock()
        down = self._down
        if (
            self._matcher.special
            or down.messages
            or down.dead
            or self._reply is not None
            or self._relocation is not None
        ):
            self._sort_replies(data, now)
            return
        self._wires.to_client(data)
        if self._replies.whole(data):
            if self._awaiting:
                self._passed(self._matcher.take(chr(data[0])), data[:KEPT_REPLY], now)
            return
        for reply, _start, _stop in self._replies.feed(data):
            if reply is None:
                self._stop_matching()
            elif reply.complete and (entry := self._matcher.answered(reply)) is not None:
                self._passed(entry, reply.prefix, now)

    def _passed(self, entry: Entry, reply: bytes, now: float) -> None:
        entry.reply = reply
        entry.answered = entry.delivered = now
        self._recorder.end(entry)

    def _sort_replies(self, data: bytes, now: float) -> None:
        view = memoryview(data)
        self._down.gather()
        for reply, start, stop in self._replies.feed(data):
            chunk = view[start:stop]
            if reply is None:
                self._stop_matching()
                if self._reply is not None and self._reply.gathering:
                    self._down.add(self._reply)
                self._reply = None
                self._down.add(_plain(chunk))
            else:
                self._sort_reply(reply, chunk, now)
                if reply.complete:
                    self._answer_ourselves()
        self._down.flush()
        self._relieve()

    def _sort_reply(self, reply: Reply, chunk: Bytes, now: float) -> None:
        message = self._reply
        first = message is None
        if message is None:
            message = self._reply = Message()
            if self._awaiting and not (reply.push or self._matcher.whole):
                message.entry = self._awaiting[0]
            message.gathering = self._matcher.whole or (
                self._relocation is not None and self._relocation.concerns(reply, message.entry)
            )
        if reply.complete:
            message.complete = True
            self._reply = None
            answered = self._answered(reply, now)
            message.entry = message.entry or answered  # it began before anything was asked
        if message.gathering:
            first = self._gathered(message, reply, chunk)
        elif first:
            message.chunks.append(chunk)
        if message.gathering:
            return
        if not first:
            self._down.extend(message, chunk)
            if reply.complete and message.gone and message.exit is Exit.PASS and message.entry is not None:
                self._delivered(message.entry)
            return
        entry = message.entry
        if entry is not None:
            if entry.instead is not None:
                message.exit = Exit.INSTEAD
            rule = entry.plan.reply
            if rule is not None and rule.in_force:
                self._disturbance.prepare(message, entry, rule)
        self._down.add(message)

    def _gathered(self, message: Message, reply: Reply, chunk: Bytes) -> bool:
        """More of a reply that must be there whole first; whether it can go on its way now."""
        message.chunks.append(chunk)
        relocation = self._relocation
        if reply.complete and relocation is not None and relocation.concerns(reply, message.entry):
            message.chunks = [relocation.apply(b"".join(message.chunks), message.entry)]
        message.gathering = not reply.complete and reply.size <= MAX_BUFFERED
        return not message.gathering

    def _answered(self, reply: Reply, now: float) -> Entry | None:
        """A reply is complete: the oldest command has it, and is given."""
        entry = self._matcher.answered(reply)
        if entry is None:
            return None
        entry.reply = entry.instead or reply.prefix
        entry.answered = now
        return entry

    def _answer_ourselves(self) -> None:
        """Give the errors whose turn it is; their commands never reached Redis."""
        while self._awaiting and self._awaiting[0].forwarded is None and not self._replies.midway:
            entry = self._matcher.take("-")
            entry.reply = entry.instead
            entry.answered = self._clock()
            message = Message(entry)
            message.complete = True
            message.exit = Exit.INSTEAD
            self._down.add(message)

    def _depart_down(self, message: Message) -> None:
        entry = message.entry
        if self._down.dead:
            self._lost(entry, self._down_lost)
        elif message.exit is Exit.PASS:
            for chunk in message.chunks:
                self._down.send(chunk)
            if entry is not None and message.complete:
                self._delivered(entry)
        elif message.exit is Exit.INSTEAD and entry is not None:
            self._down.send(entry.instead or b"")
            self._delivered(entry)
        elif message.exit is Exit.DROP:
            self._down_lost = Fate.REPLY_DROPPED
            self._drop(self._down, entry, Fate.REPLY_DROPPED)
        else:
            self._void_or_cut(message)
        message.chunks.clear()
        self._close_if_done()

    def _delivered(self, entry: Entry) -> None:
        entry.delivered = None if self._down.dead else self._clock()
        self._recorder.end(entry)

    def _stop_matching(self) -> None:
        """What Redis sends is no RESP: from here on replies cannot be matched to commands."""
        self._matcher.give_up()
        for entry in self._awaiting:
            self._lost(entry, Fate.UNMATCHED)
        self._awaiting.clear()
        self._matcher.special = 0

    # What waited, and what is lost.

    def _moved(self) -> None:
        """A message that waited has gone on."""
        self._relieve()
        self._close_if_done()

    def _drop(self, queue: MessageQueue, entry: Entry | None, fate: Fate) -> None:
        """Lose the message of ``entry``, and all behind it in this direction."""
        self._sever(queue, entry)
        self._lost(entry, fate)

    def _void_or_cut(self, message: Message) -> None:
        """Lose both directions from ``message`` on; unless it is only to be VOID, the connection ends,
        too."""
        cut = message.exit is not Exit.VOID
        self._void(message.entry, Fate.DISCONNECTED if cut else Fate.BLACKHOLED)
        if cut:
            self._hang_up()

    def _void(self, entry: Entry | None, fate: Fate) -> None:
        self._up_lost = self._down_lost = fate
        for queue in (self._up, self._down):
            self._sever(queue, entry)
        self._lost(entry, fate)

    def _sever(self, queue: MessageQueue, entry: Entry | None) -> None:
        """Lose all that comes in one direction from here on, by the rule that met ``entry``."""
        queue.dead = True
        self.severed_by = (entry.rule if entry is not None else None) or ""

    def _lost(self, entry: Entry | None, fate: Fate) -> None:
        if entry is not None and not entry.over:
            entry.fate = fate
            self._recorder.end(entry)

    def _relieve(self) -> None:
        """Stop reading where too much waits, go on where it does no longer."""
        self._wires.read_client(self._up.buffered <= MAX_BUFFERED)
        self._wires.read_upstream(self._down.buffered <= MAX_BUFFERED)

    # Ends.

    def client_ended(self) -> None:
        """The pod sends no more. It has usually gone: what is held for it is discarded, as a lost packet
        would be.

        What is merely delayed still goes its way, and outstanding replies are waited for a moment.
        """
        self._client_ended = True
        if self._request is not None and self._request.entry is None:
            self._up.add(self._request)  # half a command
            self._request = None
        self._discard_from_held(self._up, Fate.DISCARDED)
        self._discard_from_held(self._down, Fate.UNDELIVERED)
        self._lingering = self._wires.later(LINGER_SECONDS, self._hang_up)
        self._close_if_done()

    def upstream_ended(self) -> None:
        """Redis sends no more: what waits for it is discarded; replies that wait still reach the pod."""
        self._upstream_ended = True
        for message in self._up.clear():
            self._drop_waiting(message, Fate.DISCARDED)
        self._up.dead, self._up_lost = True, Fate.DISCARDED
        self._close_if_done()

    def ended(self) -> None:
        """Both sides are closed."""
        self._over = True
        if self._lingering is not None:
            self._lingering.cancel()
        self._disturbance.ended()
        for message in self._up.clear():
            self._drop_waiting(message, Fate.DISCARDED)
        for message in self._down.clear():
            self._drop_waiting(message, Fate.UNDELIVERED)
        for entry in self._awaiting:
            self._lost(entry, Fate.UNANSWERED if entry.forwarded is not None else Fate.UNDELIVERED)
        self._awaiting.clear()

    def _discard_from_held(self, queue: MessageQueue, fate: Fate) -> None:
        """Discard the first held message and all behind it."""
        waiting = queue.clear()
        index = next((index for index, message in enumerate(waiting) if message.held), len(waiting))
        for message in waiting[index:]:
            self._drop_waiting(message, fate)
        for message in waiting[:index]:
            queue.add(message)

    def _drop_waiting(self, message: Message, fate: Fate) -> None:
        message.gone = True
        message.exit = Exit.DROP
        message.chunks.clear()
        entry = message.entry
        if entry is None:
            return
        self._disturbance.forget(entry)
        self._lost(entry, fate)

    def _close_if_done(self) -> None:
        """Pass an end on once everything before it has gone."""
        if self._over:
            return
        if self._upstream_ended and not self._down.messages and not self._down.dead:
            self._hang_up()
        elif self._client_ended and not self._up.messages:
            if self._up.dead or self._down.dead:
                self._hang_up()
            else:  # Redis will end its side once it has read that
                self._up.flush()
                self._wires.end_upstream()

    def _hang_up(self) -> None:
        self._up.flush()
        self._down.flush()
        self._wires.hang_up()


def _plain(chunk: Bytes) -> Message:
    message = Message()
    message.chunks.append(chunk)
    message.complete = True
    return message
