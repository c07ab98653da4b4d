"""An exploration as a report: each violation with a picture of its order, and the counts."""

from __future__ import annotations

import re

from devenv.core.diagnosis.steps import NIL
from devenv.core.render.document import Document, Fact, Section
from devenv.core.render.sequence import MessageKind, SequenceMessage
from devenv.verbs.explore.result import Exploration, ExploredViolation
from devenv.verbs.explore.summary import rests_on
from devenv.verbs.explore.violation_section import RESTS_ON, commands, section

REDIS = "redis"
_PLAIN_REPLY = re.compile(r"-?[0-9]{1,19}|\[?OK\]?|QUEUED|lost")


def document(exploration: Exploration) -> Document:
    """The report of ``exploration``, without records."""
    return Document(
        language="en",
        title=f"Orders of {exploration.scenario} with {exploration.store}",
        subtitle=f"run {exploration.run_id}",
        holds=exploration.holds,
        verdict=exploration.verdict,
        sections=(
            *(_section(violation, exploration) for violation in exploration.violations),
            Section(title=RESTS_ON, explanation=rests_on(exploration)),
        ),
        facts_title="The search",
        facts=(
            Fact("what meets", exploration.scenario),
            Fact("sessions of", exploration.store),
            Fact("mode", exploration.mode),
            Fact("orders", exploration.count),
            Fact("requests to real pods", str(exploration.requests)),
            Fact("seconds", f"{exploration.seconds:.1f}"),
            Fact("Redis", exploration.engine or "not known"),
        ),
        commands_title="Again",
        commands=commands(exploration.violations),
    )


def _section(violation: ExploredViolation, exploration: Exploration) -> Section:
    seen = ("needs", "+".join(violation.requests)), ("met", exploration.share(violation))
    return section(violation, seen, "on real pods", violation.schedule, picture(violation))


def picture(violation: ExploredViolation) -> list[SequenceMessage]:
    """The order of a violation: each request as a participant, and Redis; the steps are its time."""
    messages: list[SequenceMessage] = []
    for index, step in enumerate(violation.steps):
        if not step.who:
            messages.append(SequenceMessage(index, REDIS, REDIS, step.what, "note"))
            continue
        reply = f" → {shown_reply(step.reply)}" if step.reply else ""
        kind: MessageKind = "failed" if step.reply == "lost" else "request"
        messages.append(SequenceMessage(index, step.who, REDIS, f"{step.what}{reply}", kind))
    return messages


def shown_reply(reply: str) -> str:
    """A reply of Redis in a picture: what lies in Redis is not shown, numbers apart, as it may be secret."""
    if reply in ("", NIL):
        return "nothing"
    return reply if _PLAIN_REPLY.fullmatch(reply) else "a value"
