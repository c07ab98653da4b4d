"""What somebody who reads a trace should know although nothing went wrong in it."""

from __future__ import annotations

from devenv.core.checker.history import SOLVED_MESSAGE
from devenv.core.diagnosis.attribution import SCRIPTS
from devenv.core.diagnosis.steps import Step
from devenv.core.diagnosis.stories import Call, Joined, Story

_GRADED = ("[right, ", "[wrong, ")
"""What the atomic store's script says of an answer that it has graded and counted."""


def remarks(joined: Joined, since: float = float("-inf")) -> tuple[str, ...]:
    """A sentence for each answer that counted although its user could only be told to try again.

    Only of requests that ended after ``since`` (seconds since the epoch).
    """
    return tuple(
        _counted_unheard(story, call)
        for story in joined.stories
        for call in story.verifies
        if call.ended >= since
        and call.exchange.status == 503
        and any(_graded_unheard(step) for step in call.steps)
    )


def _graded_unheard(step: Step) -> bool:
    return step.name in SCRIPTS and step.lost and (step.reply or "").startswith(_GRADED)


def _counted_unheard(story: Story, call: Call) -> str:
    sentence = (
        f"the answer to {story.challenge[:6]} on {call.pod} has counted, but the reply of Redis was "
        "lost: its user could only be told to try again (503)"
    )
    retries = [verify for verify in story.verifies if verify.started >= call.ended]
    if any(retry.answer.get("message") == SOLVED_MESSAGE for retry in retries):
        return f"{sentence}, and the next try is told “{SOLVED_MESSAGE}”: never a second success"
    return sentence
