"""What was done to the stack, told to the control process: bounded, and of one kind."""

from __future__ import annotations

from fastapi.testclient import TestClient

from devenv.core.model.events import StackEvent
from devenv.wire.control.notes import KEPT, Notes, router
from devenv.wire.control.server import control_app


def event(number: int) -> StackEvent:
    return StackEvent(float(number), "restart", "a")


def test_each_client_gets_what_is_new_to_it() -> None:
    notes = Notes()
    notes.add(event(1), event(2))
    assert notes.after(0) == [event(1), event(2)]
    assert notes.after(1) == [event(2)]
    assert notes.after(2) == []
    notes.add(*map(event, range(KEPT + 5)))
    assert len(notes.after(0)) == len(notes.events()) == KEPT
    assert notes.after(notes.total - 1) == [event(KEPT + 4)]


def test_events_are_noted_and_others_refused() -> None:
    notes = Notes()
    client = TestClient(control_app([router(notes)]), base_url="http://127.0.0.1:8081")
    assert client.post("/stack-events", json={"events": [event(1).to_json()]}).json() == {"noted": 1}
    assert notes.events() == [event(1)]
    other = {"kind": "redis", "seq": 1}
    assert client.post("/stack-events", json={"events": [other]}).status_code == 400
    assert client.post("/stack-events", json={"events": [{}] * 201}).status_code == 422
    page = {"Origin": "http://example.com"}
    assert client.post("/stack-events", json={"events": []}, headers=page).status_code == 403
    assert notes.total == 1
