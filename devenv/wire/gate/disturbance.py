"""What a rule does to one message: delayed, held and let go, answered otherwise, or lost."""

from __future__ import annotations

from collections.abc import Callable

from devenv.wire.gate.holds import Held, Holds, Then
from devenv.wire.gate.message_queue import Exit, Message, MessageQueue
from devenv.wire.gate.record import Entry, Fate
from devenv.wire.gate.rules import Action, Armed, Direction, Plan, Rule
from devenv.wire.gate.transaction import Transaction
from devenv.wire.gate.wires import Cancellable, Wires


class Disturbance:
    """Prepares the messages of one conversation for what rules say; ``moved`` is called when one goes on.

    ``resp3``: the connection speaks RESP3.
    """

    def __init__(
        self,
        pod: str,
        number: int,
        up: MessageQueue,
        down: MessageQueue,
        transaction: Transaction,
        holds: Holds,
        clock: Callable[[], float],
        wires: Wires,
        moved: Callable[[], None],
    ) -> None:
        self._pod = pod
        self._number = number
        self._up = up
        self._down = down
        self._transaction = transaction
        self._holds = holds
        self._clock = clock
        self._wires = wires
        self._moved = moved
        self._timers: dict[int, Cancellable] = {}
        self.resp3 = False

    def prepare(self, message: Message, entry: Entry, armed: Armed) -> None:
        """Prepare a message for what ``armed`` says."""
        rule = armed.rule
        entry.rule = rule.id
        queue = self._up if rule.direction is Direction.REQUEST else self._down
        seconds = rule.seconds or 0.0
        if rule.action is Action.DELAY:
            entry.fate = Fate.DELAYED
            message.waiting = True
            self._later(entry, seconds, lambda: self._let_go(queue, message, entry))
        elif rule.action is Action.HOLD:
            self._hold(queue, message, entry, armed)
        elif rule.action is Action.ERROR:
            entry.fate = Fate.ERROR
            entry.instead = b"-" + (rule.text or "").encode() + b"\r\n"
            message.exit = Exit.INSTEAD
        elif rule.action is Action.DISCONNECT:
            message.exit = Exit.CUT
        elif rule.action is Action.BLACKHOLE:
            message.exit = Exit.VOID
        else:
            message.exit = Exit.DROP

    def _hold(self, queue: MessageQueue, message: Message, entry: Entry, armed: Armed) -> None:
        entry.fate = Fate.HELD
        message.waiting = message.held = True
        now, seconds = self._clock(), armed.rule.seconds or 0.0
        held = Held(
            seq=entry.seq,
            pod=self._pod,
            connection=self._number,
            command=entry.shape.name,
            key=entry.first_key(),
            direction=armed.rule.direction,
            rule=armed.rule.id,
            since=now,
            until=now + seconds,
            commands=tuple(tuple(one.words) for one in entry.transaction or (entry,)),
            resp3=self.resp3,
        )

        def release(then: Then, answer: bytes) -> None:
            entry.fate = Fate.RELEASED
            self._turn(queue, message, entry, then, answer)
            self._let_go(queue, message, entry)

        def expire() -> None:
            entry.fate = Fate.AUTO_RELEASED
            self._holds.forget(entry.seq)
            self._let_go(queue, message, entry)

        self._holds.add(held, armed, release)
        self._later(entry, seconds, expire)

    def _turn(self, queue: MessageQueue, message: Message, entry: Entry, then: Then, answer: bytes) -> None:
        """Prepare a held message for what it is released to."""
        if then is Then.PASS:
            return
        if then is Then.ANSWER:
            entry.instead = answer
            message.exit = Exit.INSTEAD
            if queue is self._up:
                queue.buffered -= sum(map(len, message.chunks))
                self._transaction.answered(message, entry)
                queue.buffered += sum(map(len, message.chunks))
            return
        if queue is self._up and then in (Then.LOSE_REPLY, Then.CUT_REPLY):
            action = Action.DROP_REPLY if then is Then.LOSE_REPLY else Action.DISCONNECT
            rule = Rule(action, Direction.REPLY, id=entry.rule or "")
            entry.plan = Plan(entry.plan.request, Armed(rule))
        else:
            message.exit = Exit.DROP if then in (Then.DROP, Then.LOSE_REPLY) else Exit.CUT

    def _let_go(self, queue: MessageQueue, message: Message, entry: Entry) -> None:
        self._stop_timer(entry)
        message.waiting = message.held = False
        queue.advance()
        self._moved()

    def _later(self, entry: Entry, seconds: float, call: Callable[[], None]) -> None:
        self._timers[entry.seq] = self._wires.later(seconds, call)

    def _stop_timer(self, entry: Entry) -> None:
        if (timer := self._timers.pop(entry.seq, None)) is not None:
            timer.cancel()

    def forget(self, entry: Entry) -> None:
        """The command's message is lost: end its hold and its timer."""
        self._holds.forget(entry.seq)
        self._stop_timer(entry)

    def ended(self) -> None:
        """The conversation is over."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
