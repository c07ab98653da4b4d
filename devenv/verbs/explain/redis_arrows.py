"""What pods said to Redis, as the gate recorded it, drawn into a sequence picture of a client's requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from devenv.core.diagnosis.stories import join
from devenv.core.model.events import RedisCommand, TraceEvent
from devenv.core.render.sequence import SequenceMessage
from devenv.verbs.explain.picture import GATE, REDIS, picture


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A command that waited at the gate while others on its key passed."""

    command: RedisCommand
    by: tuple[RedisCommand, ...]
    """Those others, in their order."""


def with_commands(
    messages: Sequence[SequenceMessage], trace: Sequence[TraceEvent], *, crossing: bool = False
) -> list[SequenceMessage]:
    """The messages with every Redis command of the requests in ``trace``, one arrow each with its reply.

    With ``crossing`` the command that was overtaken by most others is drawn in its parts: to the gate, where
    it waits, and on to Redis. Handshakes are left out.
    """
    joined = join([_at_once(event) for event in trace])
    arrows = [
        replace(message, via=())
        for message in picture(joined, joined.calls)
        if REDIS in (message.source, message.target) and message.source != message.target
    ]
    held = overtaken(trace) if crossing else None
    if held is not None:
        arrows = [part for arrow in arrows for part in _parts(arrow, held)]
    return sorted([*messages, *arrows], key=lambda message: message.time)


def overtaken(trace: Sequence[TraceEvent]) -> Overtaken | None:
    """The command that most commands of other pods on its key overtook at the gate; None where none did."""
    sent = [
        item for item in trace if isinstance(item, RedisCommand) and item.forwarded is not None and item.key
    ]
    sent = sorted((item for item in sent if item.fate != "queued"), key=lambda item: item.forwarded or 0.0)
    latest: Overtaken | None = None
    for command in sent:
        by = tuple(
            other
            for other in sent
            if other.pod != command.pod
            and other.key == command.key
            and command.received < (other.forwarded or 0.0) < (command.forwarded or 0.0)
        )
        if by and (latest is None or len(by) > len(latest.by)):
            latest = Overtaken(command, by)
    return latest


def _at_once(event: TraceEvent) -> TraceEvent:
    """As if it had not been held: in an order every command waits for its turn, which is nothing to draw."""
    if isinstance(event, RedisCommand) and event.fate == "released" and event.forwarded is not None:
        return replace(event, received=event.forwarded, fate="passed", rule=None)
    return event


def _parts(arrow: SequenceMessage, held: Overtaken) -> list[SequenceMessage]:
    command = held.command
    if (arrow.source, arrow.target) != (command.pod, REDIS):
        return [arrow]
    if not (command.forwarded or 0.0) <= arrow.time <= (command.delivered or 0.0):
        return [arrow]
    asked, sign, reply = arrow.label.partition(" → ")
    return [
        SequenceMessage(command.received, command.pod, GATE, asked),
        SequenceMessage(command.received, GATE, GATE, "held", "note"),
        SequenceMessage(arrow.time, GATE, GATE, f"let go after {held.by[-1].command}", "note"),
        replace(arrow, source=GATE, label=f"{asked.split()[0]}{sign}{reply}"),
    ]
