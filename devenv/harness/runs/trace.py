"""A run's trace: what proxy and gate recorded and what was done to the stack; collected, and read back."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from devenv.core.model.errors import NoGate, UsageProblem
from devenv.core.model.events import Exchange, RedisCommand, StackEvent, TraceEvent, trace_event
from devenv.core.model.reading import read_json
from devenv.core.model.topology import StackStatus
from devenv.harness.runs.journal import Journal, JournaledStack
from devenv.harness.runs.stack_state import stack_events, state_before
from devenv.stack.files import read_text
from devenv.wire.control.client import ControlClient

PAGE = 2000
_ON_ITS_WAY = ("passed", "held", "delayed", "released", "auto-released", "queued")
"""Fates that a command may have before it is over."""

What = Literal["exchanges", "commands"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the records: the numbers of the latest exchange and of the latest Redis command."""

    exchange: int = 0
    command: int = 0


def mark(control: str) -> Mark:
    """Where the records end now."""
    with ControlClient(control) as client:
        return Mark(client.latest("exchanges"), client.latest("commands"))


def trace_since(
    control: str, since: Mark, request_ids: Collection[str] | None = None
) -> list[Mapping[str, Any]]:
    """Exchanges and Redis commands after ``since``, as trace.jsonl objects in order of time.

    Of the exchanges only those with one of ``request_ids``, where given; of the commands all, as a command
    does not say which request it belongs to. Without a gate there are no commands. Proxy and gate remember a
    bounded number of each; older ones are gone.
    """
    with ControlClient(control) as client:
        exchanges = [
            item
            for item in _all(client, "exchanges", since.exchange)
            if request_ids is None or item["request_id"] in request_ids
        ]
        commands = list(_all(client, "commands", since.command))
    return sorted(
        [*exchanges, *commands],
        key=lambda exchange: float(exchange.get("started", exchange.get("received", 0.0))),
    )


def event_time(event: TraceEvent) -> float:
    """When it began, in seconds since the epoch."""
    if isinstance(event, Exchange):
        return event.started
    return event.received if isinstance(event, RedisCommand) else event.time


@dataclass(slots=True)
class TraceCollector:
    """Collects the trace of a stack from its making on; ``gather`` now and then, so that nothing is missed.

    Proxy and gate remember a bounded number of exchanges and commands: what went by between two gatherings
    beyond that is missing, and the trace says so.
    """

    stack: JournaledStack
    clock: Callable[[], float] = time.time
    """Gives seconds since the epoch."""
    _control: str = field(init=False)
    _began: float = field(init=False)
    _first: list[StackEvent] = field(init=False)
    _mark: Mark = field(init=False)
    _exchanges: list[Exchange] = field(default_factory=list, init=False)
    _commands: dict[int, RedisCommand] = field(default_factory=dict, init=False)
    _missing: list[StackEvent] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """From here on."""
        status = self.stack.status()
        self._control = status.endpoints.control
        self._began = self.clock()
        self._mark = mark(self._control)
        with ControlClient(self._control) as client:
            gate = _gate(client)
        self._first = state_before(status, self.stack.journal.events(), gate, self._began)

    def gather(self) -> None:
        """Fetch what was recorded since the last time."""
        with ControlClient(self._control) as client:
            exchanges = [_exchange(item) for item in self._page_on(client, "exchanges", self._mark.exchange)]
            commands = [_command(item) for item in self._page_on(client, "commands", self._mark.command)]
        self._exchanges += exchanges
        self._commands |= {command.seq: command for command in commands}
        self._mark = Mark(
            exchanges[-1].seq if exchanges else self._mark.exchange,
            commands[-1].seq if commands else self._mark.command,
        )

    def trace(self, request_ids: Collection[str] | None = None) -> list[TraceEvent]:
        """Everything up to now in order of time; where given, only exchanges with these request ids."""
        self.gather()
        self._look_again()
        ours = None if request_ids is None else frozenset(request_ids)
        with ControlClient(self._control) as client:
            known, gate = [*self._exchanges, *_open(client)], _gate(client)
        exchanges = [exchange for exchange in known if ours is None or exchange.request_id in ours]
        noted, now = self.stack.journal.events(), self.clock()
        events = stack_events(self.stack.status(), noted, gate, self._began, now)
        done = [event for event in events if event.time > self._began]
        return in_order([*self._first, *done, *exchanges, *self._commands.values(), *self._missing])

    def _page_on(self, client: ControlClient, what: What, since: int) -> Iterator[Mapping[str, Any]]:
        expected = since + 1
        for item in _all(client, what, since):
            if item["seq"] > expected:
                gone = {"what": what, "from": str(expected), "to": str(item["seq"] - 1)}
                self._missing.append(StackEvent(self.clock(), "missing", None, gone))
            expected = item["seq"] + 1
            yield item

    def _look_again(self) -> None:
        """Commands that were on their way when they were fetched: how they ended."""
        open_ones = [command.seq for command in self._commands.values() if _on_its_way(command)]
        if not open_ones:
            return
        with ControlClient(self._control) as client:
            for item in _all(client, "commands", open_ones[0] - 1):
                if item["seq"] in self._commands:
                    self._commands[item["seq"]] = _command(item)


def _on_its_way(command: RedisCommand) -> bool:
    return command.delivered is None and command.fate in _ON_ITS_WAY


def live_trace(status: StackStatus, journal: Journal, now: float) -> list[TraceEvent]:
    """All that proxy and gate of a running stack remember, with what was done to it, up to ``now``.

    In order of time, in seconds since the epoch. Exchanges under way are among them, numbered -1, -2, … as
    they have no number yet.
    """
    with ControlClient(status.endpoints.control) as client:
        exchanges = [_exchange(item) for item in _all(client, "exchanges", 0)]
        commands = [_command(item) for item in _all(client, "commands", 0)]
        gate = _gate(client)
        exchanges += _open(client)
    traffic: list[TraceEvent] = [*exchanges, *commands]
    oldest = min(map(event_time, traffic), default=now)
    return in_order([*stack_events(status, journal.events(), gate, oldest, now), *traffic])


def _gate(client: ControlClient) -> Mapping[str, Any]:
    try:
        return client.gate()
    except NoGate:
        return {}


def _open(client: ControlClient) -> list[Exchange]:
    """The exchanges under way, each with a number of its own below 0."""
    return [
        replace(_exchange(item), seq=-number) for number, item in enumerate(client.open_exchanges(), start=1)
    ]


def in_order(events: Iterable[TraceEvent]) -> list[TraceEvent]:
    """By time; what was done to the stack before what then happened."""
    return sorted(events, key=lambda event: (event_time(event), not isinstance(event, StackEvent)))


def trace_lines(events: Sequence[TraceEvent]) -> Iterator[Mapping[str, Any]]:
    """The events as trace.jsonl has them."""
    return (event.to_json() for event in events)


def read_numbered(path: Path) -> list[tuple[int, TraceEvent]]:
    """The events of a trace.jsonl with their line numbers (from 1), one for each line that is not blank.

    Raises UsageProblem that names the file, and the line where one is no event.
    """
    return [
        (number, _read_event(line, f"{path}:{number}"))
        for number, line in enumerate(read_text(path).split("\n"), start=1)
        if line.strip()
    ]


def _read_event(line: str, where: str) -> TraceEvent:
    try:
        data = read_json(line)
    except ValueError as error:
        raise UsageProblem(f"{where}: not JSON: {error}") from error
    if not isinstance(data, dict):
        raise UsageProblem(f"{where}: not a JSON object")
    try:
        event = trace_event(data)
    except UsageProblem as problem:
        raise UsageProblem(f"{where}: {problem.message}") from problem
    _check_types(event, where)
    return event


@dataclass(frozen=True, slots=True)
class _FieldType:
    """What a value read from JSON must be to fit the annotation of a field."""

    classes: tuple[type, ...]
    """What the value itself must be; a whole number is a float, and a truth value is no number."""
    items: tuple[type, ...] = ()
    """What each item of a tuple, or each key and each value of a mapping, must be."""

    @classmethod
    def of(cls, annotation: Any) -> _FieldType:
        """Of an annotation: a class, a NewType, a union of these, ``tuple[X, ...]`` or ``Mapping[X, X]``."""
        annotation = getattr(annotation, "__supertype__", annotation)
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin in (UnionType, Union):
            return cls(tuple(kind for choice in arguments for kind in cls.of(choice).classes))
        if origin in (tuple, Mapping):
            return cls((origin,), cls.of(arguments[0]).classes)
        return cls((int, float) if annotation is float else (annotation,))

    def fits(self, value: object) -> bool:
        """Whether the value itself is of the type; ``items_fit`` says the rest."""
        return isinstance(value, self.classes) and not isinstance(value, bool)

    def items_fit(self, value: Any) -> bool:
        """Whether every item is of the items' type."""
        if not self.items:
            return True
        items = [*value, *value.values()] if isinstance(value, Mapping) else value
        return all(isinstance(item, self.items) for item in items)


_FIELD_TYPES: Mapping[type, Mapping[str, _FieldType]] = {
    kind: {name: _FieldType.of(annotation) for name, annotation in get_type_hints(kind).items()}
    for kind in (Exchange, RedisCommand, StackEvent)
}


def _check_types(event: TraceEvent, where: str) -> None:
    """Raise UsageProblem for a field that does not fit its annotation: no later code has to expect that."""
    for name, field_type in _FIELD_TYPES[type(event)].items():
        value = getattr(event, name)
        if not field_type.fits(value):
            raise UsageProblem(f"{where}: {name} is {value!r:.60}")
        if not field_type.items_fit(value):
            raise UsageProblem(f"{where}: {name} is not all text")


def _exchange(data: Mapping[str, Any]) -> Exchange:
    event = trace_event(data)
    assert isinstance(event, Exchange)
    return event


def _command(data: Mapping[str, Any]) -> RedisCommand:
    event = trace_event(data)
    assert isinstance(event, RedisCommand)
    return event


def _all(control: ControlClient, what: What, since: int) -> Iterator[Mapping[str, Any]]:
    fetch = control.exchanges if what == "exchanges" else control.commands
    while page := fetch(since, PAGE):
        yield from page
        since = page[-1]["seq"]
