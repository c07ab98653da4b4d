"""The stream of records: where it goes on, what it says was lost, what it tells of commands on their way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from devenv.core.model.events import Exchange, RedisCommand, StackEvent
from devenv.wire.control import stream
from devenv.wire.control.notes import Notes
from devenv.wire.control.stream import BATCH, CommandSource, Position


def exchange(seq: int, **fields: Any) -> Exchange:
    usual = Exchange(seq, f"r{seq}", "127.0.0.1:1", "POST", "/x", "round-robin", "a", 200, float(seq), 1.0)
    return replace(usual, **fields)


def command(seq: int, **fields: Any) -> RedisCommand:
    usual = RedisCommand(
        seq, "a", 1, "GET", ("k",), "k", "v", float(seq), float(seq), delivered=float(seq), forwarded=1.0
    )
    return replace(usual, **fields)


class Ring:
    """A proxy and a gate that remember so many."""

    def __init__(self, exchanges: Sequence[Exchange] = (), commands: Sequence[RedisCommand] = ()) -> None:
        self.ended, self.passed = list(exchanges), list(commands)
        self.under_way: list[Exchange] = []
        self.kept: list[Any] = []

    @property
    def latest_exchange(self) -> int:
        return self.ended[-1].seq if self.ended else 0

    def exchanges(self, since: int = 0, limit: int | None = None) -> list[Exchange]:
        return [one for one in self.ended if one.seq > since][:limit]

    def open_exchanges(self) -> list[Exchange]:
        return self.under_way

    def gate(self) -> CommandSource:
        return CommandSource(
            lambda: self.passed[-1].seq if self.passed else 0,
            lambda since, limit: [one for one in self.passed if one.seq > since][:limit],
            lambda: self.kept,
        )

    def reader(self, position: Position, notes: Notes | None = None) -> Any:
        return stream._Reader("p1", self, self.gate(), position, notes or Notes())


def sent_for(texts: Sequence[str]) -> list[tuple[str, str, Any]]:
    """Name, id and data of each event."""
    events = []
    for text in texts:
        fields = dict(line.split(": ", 1) for line in text.strip().splitlines())
        events.append((fields["event"], fields["id"], json.loads(fields["data"])))
    return events


def test_what_is_done_to_the_stack_comes_at_once() -> None:
    notes = Notes()
    reader = Ring([], []).reader(Position(), notes)
    notes.add(StackEvent(1.0, "restart", "a"), StackEvent(2.0, "pod", "a"))
    [(name, _, data)] = sent_for(reader.events())
    assert (name, [event["what"] for event in data["events"]]) == ("stack", ["restart", "pod"])
    assert reader.events() == []
    notes.add(StackEvent(3.0, "redis", None, {"action": "pause"}))
    [(_, _, data)] = sent_for(reader.events())
    assert [event["detail"] for event in data["events"]] == [{"action": "pause"}]


def test_every_record_comes_once_and_the_id_says_how_far_it_is() -> None:
    ring = Ring([exchange(1), exchange(2)], [command(1)])
    reader = ring.reader(Position())
    [(name, place, data)] = sent_for(reader.events())
    assert (name, place) == ("records", "p1.2.1")
    assert [one["seq"] for one in data["exchanges"]] == [1, 2]
    assert [one["seq"] for one in data["commands"]] == [1]
    assert reader.events() == []
    ring.ended.append(exchange(3))
    [(_, place, data)] = sent_for(reader.events())
    assert (place, [one["seq"] for one in data["exchanges"]]) == ("p1.3.1", [3])


def test_a_gap_says_how_many_are_gone() -> None:
    ring = Ring([exchange(8)], [command(5), command(6)])
    gap, records = sent_for(ring.reader(Position(2, 1)).events())
    assert gap[0] == "gap"
    assert gap[2] == {"exchanges": 5, "commands": 3}
    assert records[0] == "records"


def test_nothing_is_missing_where_a_client_comes_again_in_time() -> None:
    ring = Ring([exchange(n) for n in range(1, 6)], [command(n) for n in range(1, 4)])
    position = Position.of("p1.3.2", "p1")
    assert position == Position(3, 2)
    [(name, _, data)] = sent_for(ring.reader(position).events())
    assert name == "records"
    assert ([one["seq"] for one in data["exchanges"]], [one["seq"] for one in data["commands"]]) == (
        [4, 5],
        [3],
    )


@pytest.mark.parametrize(
    "event_id", ["", "p2.3.2", "p1.3", "p1.3.2.1", "p1.x.2", "p1.-1.2", "p1..2", "p1.3.2\n"]
)
def test_an_id_of_another_process_or_no_id_is_none(event_id: str) -> None:
    assert Position.of(event_id, "p1") is None


def test_many_records_come_in_batches() -> None:
    ring = Ring([exchange(n) for n in range(1, BATCH + 11)])
    reader = ring.reader(Position())
    sizes = [len(data["exchanges"]) for _ in range(2) for _, _, data in sent_for(reader.events())]
    assert sizes == [BATCH, 10]


def test_a_held_command_is_told_again_when_it_has_moved_on() -> None:
    held = command(1, fate="held", answered=None, delivered=None, reply=None)
    ring = Ring(commands=[held, command(2)])
    reader = ring.reader(Position())
    reader.events()
    assert reader.events() == []
    ring.passed[0] = replace(held, fate="released", answered=2.0, delivered=2.0, reply="v")
    [(_, _, data)] = sent_for(reader.events())
    assert [(one["seq"], one["fate"]) for one in data["changed"]] == [(1, "released")]
    assert data["commands"] == []
    assert reader.events() == []


def test_what_is_under_way_is_told_when_it_is_something_else() -> None:
    ring = Ring()
    reader = ring.reader(Position())
    assert reader.events() == []
    ring.under_way = [exchange(0, outcome="open")]
    [(name, _, data)] = sent_for(reader.events())
    assert (name, [one["request_id"] for one in data["open"]], data["held"]) == ("live", ["r0"], [])
    assert reader.events() == []
    ring.under_way = []
    assert sent_for(reader.events())[0][2] == {"held": [], "open": []}


def test_text_of_a_pod_cannot_end_an_event() -> None:
    ring = Ring([exchange(1, response_body='{"a": "x\n\nevent: gap\u2028"}')])
    [text] = ring.reader(Position()).events()
    assert text.count("\n\n") == 1
    assert text.count("event: ") == 1 + text.count("\\n\\nevent: ")
