"""An explanation as a report, or as further sections of another one."""

from __future__ import annotations

from devenv.core.render.document import Cell, Command, Document, Fact, Section, Table
from devenv.verbs.explain.explanation import Explanation, Group
from devenv.verbs.explain.records import for_report

_REMARKS = "Worth knowing"


def document(explanation: Explanation, title: str, command: str) -> Document:
    """The report of one explanation; ``command`` is what shows it again."""
    facts = [Fact("trace", explanation.of), Fact("requests", explanation.summary)]
    return Document(
        language="en",
        title=title,
        subtitle=explanation.of,
        holds=explanation.exit_code == 0,
        verdict=explanation.verdict,
        sections=sections(explanation) or (_whole(explanation),),
        facts_title="What it is about",
        facts=(*facts, *(Fact("missing", text) for text in explanation.missing)),
        commands_title="Again",
        commands=(Command(command, "shows it in the terminal"),),
        events=for_report(explanation.events),
    )


def sections(explanation: Explanation) -> tuple[Section, ...]:
    """One section for each cause; none where nothing is wrong."""
    causes = tuple(_section(group) for group in explanation.groups)
    if not causes or not explanation.remarks:
        return causes
    return (*causes, Section(title=_REMARKS, explanation=explanation.remarks))


def _section(group: Group) -> Section:
    times = f" × {group.count}" if group.count > 1 else ""
    rows = tuple(
        (
            Cell(f"{line.at:+.3f} s", "quiet"),
            Cell(line.text, "code"),
            Cell("" if line.number is None else str(line.number), "quiet"),
        )
        for line in group.evidence
    )
    return Section(
        title=group.cause + times,
        label="cause",
        note=group.first.sentence,
        good=False,
        picture=group.picture,
        picture_title="What happened" if group.count == 1 else f"What happened, the first of {group.count}",
        tables=(Table(("when", "evidence", "line"), rows, "The evidence, lines of the trace"),),
        explanation_title="What to change",
        explanation=(group.first.change, *(f"Also: {sentence}" for sentence in group.also)),
    )


def _whole(explanation: Explanation) -> Section:
    return Section(
        title="What happened",
        note=explanation.summary,
        good=True,
        picture=explanation.messages,
        picture_title=f"{len(explanation.messages)} messages",
        explanation_title=_REMARKS,
        explanation=explanation.remarks,
    )
