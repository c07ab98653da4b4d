"""What a report has of a trace: nothing that a user-provided service keeps to itself."""

from __future__ import annotations

from devenv.core.model.events import Exchange, RedisCommand, StackEvent, TraceEvent
from devenv.core.model.ids import SessionHeader
from devenv.verbs.explain.explanation import explain_trace
from devenv.verbs.explain.records import for_report
from devenv.verbs.explain.report import document

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
SERVICE = StackEvent(0.0, "service", None, {"profile": "{}"})
EXCHANGE = Exchange(
    1, "r", "127.0.0.1:1", "POST", "/login?token=s3cr3t-t0ken", "round-robin", "a", 200, 1.0, 5.0,
    request_body='{"password": "hunter2hunter2", "name": "kim"}',
    response_body='{"access_token": "abcdefgh"}',
    session=SessionHeader("0123456789abcdef"), outcome="answered",
)  # fmt: skip
COMMAND = RedisCommand(
    1, "a", 1, "SET", ("sess:1", f'{{"jwt": "{TOKEN}"}}'), "sess:1", f'{{"jwt": "{TOKEN}"}}', 1.0, 1.1
)
EVENTS: list[TraceEvent] = [SERVICE, EXCHANGE, COMMAND]


def test_secrets_of_a_service_do_not_reach_a_report() -> None:
    text = str(for_report(EVENTS))
    for secret in ("s3cr3t-t0ken", "hunter2hunter2", "abcdefgh", "0123456789abcdef", TOKEN):
        assert secret not in text
    assert "'name': 'kim'" in text.replace('"', "'")
    assert "012345…" in text
    assert "sess:1" in text


def test_records_of_the_reference_service_are_whole() -> None:
    assert for_report(EVENTS[1:]) == tuple(EVENTS[1:])


def test_the_report_of_an_explanation_has_them_redacted() -> None:
    events = document(explain_trace(EVENTS, "a trace"), "title", "devenv explain").events
    assert len(events) == len(EVENTS)
    assert "hunter2hunter2" not in str(events)
