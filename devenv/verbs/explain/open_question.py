"""What keeps a trace in which no rule found a fault from being an all-clear."""

from __future__ import annotations

from collections.abc import Sequence

from devenv.core.diagnosis.losses import connection_fault
from devenv.core.diagnosis.remarks import graded_unread
from devenv.core.diagnosis.stories import GRADED, Call, Joined
from devenv.core.model.bodies import answered_fields
from devenv.core.model.service import GONE_STATUSES
from devenv.core.model.vocabulary import Outcome


def open_question(calls: Sequence[Call], joined: Joined) -> str:
    """Why nothing can be said although no rule found a fault; empty where all was answered.

    Every request was refused with "try again" (503), or all of a pod were; a use was graded although Redis
    had refused to show the session; or of a user-provided service no session was opened at all, an opened
    one got an answer that its profile does not know, or a request that the profile does not name was answered
    as one about a session that is not there.
    """
    if calls and all(_refused(call) for call in calls):
        return f"every request was refused (503), so nothing is known of sessions: {_why(calls[-1], joined)}"
    for pod in sorted({call.pod for call in calls if call.pod}):
        its_calls = [call for call in calls if call.pod == pod]
        if len(its_calls) > 1 and all(_refused(call) for call in its_calls):
            return f"{pod} refused every request (503): {_why(its_calls[-1], joined)}"
    opened = {story.challenge for story in joined.stories if story.create is not None}
    if joined.user_provided and (unopened := _none_opened(calls, joined)):
        return unopened
    for call in calls:
        if joined.user_provided and call.kind == "verify" and call.challenge in opened and call.unread:
            return (
                f"the profile does not say what {call.answer_in_words} means, the answer of {call.pod} to "
                f"{call.word}"
            )
        if (refused := graded_unread(call)) is not None:
            return (
                f"{call.pod} answered {call.outcome} although Redis had refused {refused.name} "
                f"({refused.reply}): whether it knew the session is not known"
            )
    return _lost_unnamed(calls, joined) if joined.user_provided else ""


def _lost_unnamed(calls: Sequence[Call], joined: Joined) -> str:
    """Where a request that the profile does not name is about a session, and looks as if that were lost."""
    opened = {call.challenge for call in calls if call.kind == "create"}
    for exchange, challenge in joined.others:
        body = exchange.response_body or ""
        outcome = joined.profile.outcome(exchange.status, answered_fields(body), body)
        if challenge in opened and (outcome is Outcome.NOT_FOUND or exchange.status in GONE_STATUSES):
            path = exchange.path.partition("?")[0].replace(challenge, challenge[:6])
            return (
                f"devenv.toml names no request {exchange.method} {path}, which is about the session "
                f"{challenge[:6]} and which {exchange.pod or 'the proxy'} answered with {exchange.status}"
            )
    return ""


def _none_opened(calls: Sequence[Call], joined: Joined) -> str:
    """Where sessions were asked for and none was opened: how the last of those requests was answered.

    Also where others of the kind were opened, and an answer that says that all is well (2xx) has no id.
    """
    creates = [call for call in calls if call.kind == "create" and not call.under_way]
    graded = any(call.kind == "verify" and call.outcome in GRADED for call in calls)
    kinds = {call.captcha for call in creates if call.challenge}
    without = [call for call in creates if not call.challenge]
    if kinds:
        without = [call for call in without if call.captcha in kinds and 200 <= call.exchange.status < 300]
    if not without or (graded and not kinds):
        return ""
    last, what = without[-1], "a session was not opened" if kinds else "no session was opened"
    state = joined.redis_state(last.ended)
    return (
        f"{what}, as far as its answers show: {last.pod or 'the proxy'} answered {last.word} with "
        f"{last.answer_in_words}{'' if state == 'running' else f'; Redis was {state} then'}"
    )


def _refused(call: Call) -> bool:
    return not call.under_way and call.exchange.status == 503


def _why(call: Call, joined: Joined) -> str:
    """What is known of Redis at the end of a refused call."""
    state = joined.redis_state(call.ended)
    fault = connection_fault(joined, call)
    if state != "running" or fault is None:
        return f"Redis is {state}" if state != "running" else f"why, its log says: `devenv logs {call.pod}`"
    return fault.sentence
