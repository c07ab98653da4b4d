"""What the reader of a trace should know although nothing went wrong in it."""

from __future__ import annotations

from devenv.core.checker.history import SOLVED_MESSAGE
from devenv.core.diagnosis.attribution import SCRIPTS
from devenv.core.diagnosis.steps import Step
from devenv.core.diagnosis.stories import GRADED, Call, Joined, Story
from devenv.core.model.vocabulary import Outcome

_KNOWN = (Outcome.SUCCESS, Outcome.WRONG)
_GRADED = ("[right, ", "[wrong, ")
"""How the atomic store's script reports an answer that it has graded and counted."""


_NEVER_A_TTL = ("HSET", "HMSET", "SETNX", "GETSET")
"""Writes that take no time to live."""
_GIVES_TTL = {"EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "SETEX", "PSETEX", "GETEX", *SCRIPTS}
"""What can give a key one; a script may."""


def remarks(joined: Joined, since: float = float("-inf")) -> tuple[str, ...]:
    """A sentence for each answer that counted although the user could only get "try again", and for each
    that was graded although Redis had refused to show the session; and of a user-provided service one for the
    sessions that pods found of each other past Redis, and one for those that stay in Redis for ever.

    Only of requests that ended after ``since`` (seconds since the epoch).
    """
    sentences = []
    for story in joined.stories:
        for call in story.verifies:
            if call.ended < since:
                continue
            if call.exchange.status == 503 and any(_graded_unheard(step) for step in call.steps):
                sentences.append(_counted_unheard(story, call))
            if (refused := graded_unread(call)) is not None:
                sentences.append(
                    f"{call.pod} answered {call.outcome} for {story.challenge[:6]} although Redis had "
                    f"answered {refused.name} with {refused.reply}: it did not read the session there"
                )
    return (*sentences, *_known_past_redis(joined, since), *_without_ttl(joined, since))


def _known_past_redis(joined: Joined, since: float) -> list[str]:
    """How many sessions were known on a pod that had not opened them, without a command about them."""
    if not joined.user_provided:
        return []
    count = 0
    for story in joined.stories:
        if story.create is None or story.create.steps:
            continue
        crossed = (call for call in story.verifies if call.pod != story.create.pod and call.ended >= since)
        count += any(call.outcome in _KNOWN and not call.steps for call in crossed)
    if not count:
        return []
    sessions = "1 session was" if count == 1 else f"{count} sessions were"
    return [
        f"{sessions} known on a pod that had not opened them, and no Redis command about them was recorded: "
        "the pods share something else (a database, a signed token, a file). Containers share no file"
    ]


def _without_ttl(joined: Joined, since: float) -> list[str]:
    """The sessions that were written without a time to live, and not given one later.

    That a use deletes them helps those only that are used.
    """
    if not joined.user_provided:
        return []
    written = [
        wrote
        for story in joined.stories
        if story.create is not None and story.create.ended >= since
        if (wrote := story.create.wrote) is not None and story.challenge in wrote.key
        if wrote.leaves_no_ttl or wrote.name in _NEVER_A_TTL
        if not any(step.key == wrote.key and _gives_ttl(step) for step in story.steps)
        if not any(step.key == wrote.key and _ends(step) for step in story.create.steps)
    ]
    if not written:
        return []
    more = f" ({len(written) - 1} more likewise)" if len(written) > 1 else ""
    first = written[0]
    return [
        f"{first.key} was written by {first.name} without a time to live{more}, and no command gave it one: "
        "it stays in Redis until something deletes it"
    ]


def _gives_ttl(step: Step) -> bool:
    """Whether it may have given the key a time to live."""
    return step.name in _GIVES_TTL or (step.name == "SET" and not step.leaves_no_ttl)


def _ends(step: Step) -> bool:
    return step.deleted or step.may_have_deleted


def graded_unread(call: Call) -> Step | None:
    """The look at the session that Redis refused, where the use was graded and no other look succeeded."""
    read = call.read
    refused = read is not None and read.failed and read.reply is not None
    return read if refused and call.outcome in GRADED else None


def _graded_unheard(step: Step) -> bool:
    return step.name in SCRIPTS and step.lost and (step.reply or "").startswith(_GRADED)


def _counted_unheard(story: Story, call: Call) -> str:
    sentence = (
        f"the answer to {story.challenge[:6]} on {call.pod} has counted, but the reply of Redis was "
        "lost: the user could only get 'try again' (503)"
    )
    retries = [verify for verify in story.verifies if verify.started >= call.ended]
    if any(retry.answer.get("message") == SOLVED_MESSAGE for retry in retries):
        return f"{sentence}, and the next try gets “{SOLVED_MESSAGE}”: never a second success"
    return sentence
