"""What an exploration leaves beside its results: the records of the orders that it found, and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from devenv.core.model.events import Exchange, StackEvent, TraceEvent
from devenv.core.model.topology import StackStatus
from devenv.core.render.document import Document
from devenv.core.render.html import render
from devenv.harness.runs.folders import REPORT, TRACE, Run
from devenv.harness.runs.stack_state import state_before
from devenv.harness.runs.trace import event_time, trace_lines
from devenv.verbs.explain.records import for_report

ORDER = "order"
"""``StackEvent.what`` before the records of each order."""


@dataclass(frozen=True, slots=True)
class ShownOrder:
    """An order that shows a violation, as it went on real pods."""

    kind: str
    """The kind of violation."""
    order: str
    """The order in its text form."""
    records: tuple[TraceEvent, ...]
    """Its requests, Redis commands and events, in order of time."""


def keep(run: Run, status: StackStatus, orders: Sequence[ShownOrder], page: Document) -> None:
    """Write ``page`` as the run's report, and its trace.jsonl where there are ``orders``, which both have."""
    events = trace(status, orders)
    if events:
        run.write_lines(TRACE, trace_lines(events))
    run.write_text(REPORT, render(replace(page, events=for_report(events))))


def trace(status: StackStatus, orders: Sequence[ShownOrder]) -> list[TraceEvent]:
    """The records of all orders one after the other: first the stack, before each order its name.

    The requests are numbered anew, from 1. Nothing where no order has records.
    """
    recorded = [order for order in orders if order.records]
    if not recorded:
        return []
    began = event_time(recorded[0].records[0])
    events: list[TraceEvent] = [*state_before(status, (), {}, began)]
    number = 0
    for order in recorded:
        detail = {"kind": order.kind, "order": order.order}
        events.append(StackEvent(event_time(order.records[0]), ORDER, None, detail))
        for event in order.records:
            if isinstance(event, Exchange):
                number += 1
                event = replace(event, seq=number)
            events.append(event)
    return events
