"""Exchanges of the proxy as a recording."""

from __future__ import annotations

from devenv.core.model.events import Exchange
from devenv.verbs.recordings.record import recording_of


def exchange(
    seq: int, started: float, pod: str | None = "a", body: str | None = None, answer: str | None = None
) -> Exchange:
    return Exchange(
        seq, f"r{seq}", "127.0.0.1:9", "POST", "/x?y=1", "random", pod, 200, started, 250.0,
        request_body=body, response_body=answer,
    )  # fmt: skip


def test_requests_in_the_order_in_which_they_began() -> None:
    recording = recording_of(
        [exchange(1, 5.0, body='{"a": 1}', answer='{"id": "x"}'), exchange(2, 3.0, answer="plain")], "n"
    )
    assert [(item.number, item.started, item.pod) for item in recording.requests] == [
        (2, 3.0, "a"),
        (1, 5.0, "a"),
    ]
    later = recording.requests[1]
    assert (later.method, later.target, later.seconds, later.status) == ("POST", "/x?y=1", 0.25, 200)
    assert later.headers == {"content-type": "application/json"}
    assert later.answer_headers == {"content-type": "application/json"}
    assert recording.requests[0].answer_headers == {"content-type": "text/plain"}
    assert recording.notes == ()


def test_what_is_left_out_or_not_whole_is_noted() -> None:
    short = '{"a": "' + "x" * 20 + '… (9000 characters)"}'
    recording = recording_of([exchange(1, 1.0, pod=None), exchange(2, 2.0, body=short)], "n")
    assert [item.number for item in recording.requests] == [1]
    assert recording.notes == (
        "left out as served by no pod: 1",
        "long bodies that the proxy shortened, so not what was sent: 1",
    )
