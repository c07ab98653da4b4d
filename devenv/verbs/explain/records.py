"""The records of a trace as a report has them: of a user-provided service without queries and redacted.

A trace.jsonl has what the requests carried and stays with who made it; a report is handed on
(docs/security.md). The reference service is asked for captchas alone: its records are shown whole.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from devenv.core.model.events import Exchange, RedisCommand, StackEvent, TraceEvent
from devenv.core.model.ids import SessionHeader
from devenv.verbs.recordings.redaction import Redactor

_SHOWN_OF_A_SESSION = 6


def for_report(events: Sequence[TraceEvent]) -> tuple[TraceEvent, ...]:
    """The same events; those of a user-provided service redacted as a recording is (``Redactor``).

    Of a session's header or cookie the first letters stay, which tell sessions apart.
    """
    if not any(isinstance(event, StackEvent) and event.what == "service" for event in events):
        return tuple(events)
    redactor = Redactor()
    return tuple(_redacted(event, redactor) for event in events)


def _redacted(event: TraceEvent, redactor: Redactor) -> TraceEvent:
    if isinstance(event, Exchange):
        return replace(
            event,
            path=redactor.target(event.path.partition("?")[0]),
            request_body=_body(event.request_body, redactor),
            response_body=_body(event.response_body, redactor),
            session=_session(event.session),
            new_session=_session(event.new_session),
        )
    if isinstance(event, RedisCommand):
        reply = event.reply
        return replace(
            event,
            args=tuple(redactor.text(word, "") for word in event.args),
            reply=None if reply is None else redactor.text(reply, ""),
        )
    return event  # a pod's settings have been without secrets since they were written down


def _body(text: str | None, redactor: Redactor) -> str | None:
    if text is None:
        return None
    body = redactor.body(text)
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def _session(value: SessionHeader | None) -> SessionHeader | None:
    if value is None or len(value) <= _SHOWN_OF_A_SESSION:
        return value
    return SessionHeader(f"{value[:_SHOWN_OF_A_SESSION]}…")
