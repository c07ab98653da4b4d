"""An exploration of sessions as a report: each violation with a picture of its order, and the counts."""

from __future__ import annotations

from devenv.core.render.document import Document, Fact, Section
from devenv.verbs.explore.sessions.report import picture, rests_on
from devenv.verbs.explore.sessions.result import FoundViolation, SessionExploration
from devenv.verbs.explore.violation_section import RESTS_ON, commands, section


def document(exploration: SessionExploration) -> Document:
    """The report of ``exploration``, without records."""
    return Document(
        language="en",
        title=f"Orders of {exploration.scenario} on {exploration.service}",
        subtitle=f"run {exploration.run_id}",
        holds=exploration.holds,
        verdict=exploration.verdict,
        sections=(
            *map(_section, exploration.violations),
            Section(title=RESTS_ON, explanation=tuple(rests_on(exploration))),
        ),
        facts_title="The search",
        facts=(
            Fact("what meets", exploration.scenario),
            Fact("service", exploration.service),
            Fact("fix", exploration.fix),
            Fact("orders of the Redis commands", str(exploration.orders)),
            Fact("runs", str(exploration.runs)),
            Fact("ends", str(exploration.outcomes)),
            Fact("requests to real pods", str(exploration.requests)),
            Fact("seconds", f"{exploration.seconds:.1f}"),
            Fact("Redis", exploration.engine or "not known"),
        ),
        commands_title="Again",
        commands=commands(exploration.violations),
    )


def _section(violation: FoundViolation) -> Section:
    seen = (
        ("met", str(violation.seen_in)),
        ("with all requests under way first", str(violation.seen_together)),
    )
    return section(violation, seen, "run again", violation.order, picture(violation))
