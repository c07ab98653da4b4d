"""An exploration of sessions as a report: each violation with a picture of its order, and the counts."""

from __future__ import annotations

from devenv.core.render.document import Cell, Command, Document, Fact, Section, Table
from devenv.verbs.explore.report import RESTS_ON, SHOWS
from devenv.verbs.explore.sessions.report import picture, rests_on
from devenv.verbs.explore.sessions.result import FoundViolation, SessionExploration


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
        commands=tuple(
            Command(violation.reproduce, f"{violation.kind}: {SHOWS}")
            for violation in exploration.violations
            if violation.reproduce
        ),
    )


def _section(violation: FoundViolation) -> Section:
    confirmed = (
        f"{violation.replayed} of {violation.replays} times the same"
        if violation.confirmed
        else f"not confirmed: {violation.why}"
    )
    row = (
        Cell(str(violation.seen_in)),
        Cell(str(violation.seen_together)),
        Cell(confirmed, "good" if violation.confirmed else "bad"),
    )
    return Section(
        title=violation.kind,
        label="violation",
        note=violation.sentence,
        good=False,
        tables=(Table(("met", "with all requests under way first", "run again"), (row,)),),
        picture=tuple(picture(violation)),
        picture_title="Its shortest order",
        explanation_title="The order",
        explanation=(violation.order,),
    )
