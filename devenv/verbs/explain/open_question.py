"""What keeps a trace in which no rule found a fault from being an all-clear."""

from __future__ import annotations

from collections.abc import Sequence

from devenv.core.diagnosis.losses import connection_fault
from devenv.core.diagnosis.remarks import graded_unread
from devenv.core.diagnosis.stories import Call, Joined

_CLEAR = (422, 429)
"""Refusals of the request itself, which say nothing of a session."""


def open_question(calls: Sequence[Call], joined: Joined) -> str:
    """Why nothing can be said although no rule found a fault; empty where all was answered.

    Every request was refused with "try again" (503), or all of a pod were; an opened session got an answer
    of a service of one's own that its profile does not know; or a use was graded although Redis had refused
    to show the session.
    """
    if calls and all(_refused(call) for call in calls):
        return f"every request was refused (503), so nothing is known of sessions: {_why(calls[-1], joined)}"
    for pod in sorted({call.pod for call in calls if call.pod}):
        its_calls = [call for call in calls if call.pod == pod]
        if len(its_calls) > 1 and all(_refused(call) for call in its_calls):
            return f"{pod} refused every request (503): {_why(its_calls[-1], joined)}"
    opened = {story.challenge for story in joined.stories if story.create is not None}
    for call in calls:
        status = call.exchange.status
        unread = not call.answered and not call.under_way and call.exchange.error is None
        if (
            joined.user_provided
            and unread
            and 400 <= status < 500
            and status not in _CLEAR
            and call.challenge in opened
        ):
            return f"the profile does not say what {status} means, the answer of {call.pod} to {call.word}"
        if (refused := graded_unread(call)) is not None:
            return (
                f"{call.pod} answered {call.outcome} although Redis had refused {refused.name} "
                f"({refused.reply}): whether it knew the session is not known"
            )
    return ""


def _refused(call: Call) -> bool:
    return not call.under_way and call.exchange.status == 503


def _why(call: Call, joined: Joined) -> str:
    """What is known of Redis at the end of a refused call."""
    state = joined.redis_state(call.ended)
    fault = connection_fault(joined, call)
    if state != "running" or fault is None:
        return f"Redis is {state}" if state != "running" else f"why, its log says: `devenv logs {call.pod}`"
    return fault.sentence
