"""explain, and its findings as other verbs show them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import Common
from devenv.cli.screen import Screen, Text
from devenv.core.model.errors import UsageProblem
from devenv.core.render.sequence import shorten
from devenv.verbs.explain.explanation import Explanation, Group
from devenv.verbs.explain.source import explain_word
from devenv.verbs.explain.store import keep, mermaid, write_report
from devenv.verbs.operate.select import running_stack

_MARKS = {0: ("✓", "bold green"), 1: ("✗", "bold red"), 3: ("?", "bold yellow")}
MOST_DRAWN = 60
"""Messages of a picture in the terminal."""


@grouped
def explain(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="A run (id, its beginning, latest) or a trace.jsonl [default: what the running stack did "
            "last, else the latest run].",
        ),
    ] = None,
    since: Annotated[
        float | None,
        typer.Option(min=0.0, metavar="SECONDS", help="Without RUN: how far back to look [default: 60]."),
    ] = None,
    as_mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print the sequence as a Mermaid diagram instead.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Also write an HTML report there.")
    ] = None,
    *,
    common: Common,
) -> None:
    """Show what happened between client, proxy, pods, gate and Redis; say what went wrong and what to change.

    Exit code 0: nothing wrong. 1: something is, with its cause. 3: no cause is known and the run's replay
    fails, an answer leaves the question open (503, not known), or nothing can be judged.
    """
    if run is not None and since is not None:
        raise UsageProblem("--since looks at the running stack, RUN at a recorded run: give one of them")
    if common.as_json and as_mermaid:
        raise UsageProblem("--json and --mermaid exclude each other", hint="leave one of them out")
    context = common.context()
    explanation, folder = explain_word(
        run,
        context.settings.state_dir,
        lambda: running_stack(context.settings.backend, context.settings.state_dir),
        since=since,
        started=context.started,
        now=time.time(),
    )
    if folder is not None:
        keep(explanation, folder)
    if report is not None:
        write_report(explanation, report)
    context.screen.result(explanation.to_json())
    if as_mermaid:
        context.screen.output(mermaid(explanation))
    else:
        _show(explanation, context.screen)
    if explanation.exit_code:
        raise typer.Exit(explanation.exit_code)


def _show(explanation: Explanation, screen: Screen) -> None:
    screen.show(Text(explanation.of, "dim"))
    if not explanation.groups:
        screen.show("")
        screen.picture(shorten(explanation.messages, MOST_DRAWN))
    show_findings(explanation, screen, pictures=True)


def show_findings(explanation: Explanation, screen: Screen, *, pictures: bool = False) -> None:
    """The diagnosis: for each cause one sentence, its evidence and what to change."""
    for group in explanation.groups:
        screen.show("", Text.assemble((f" {group.cause} ", "reverse red"), (_times(group), "bold")))
        if pictures:
            screen.show("")
            if group.picture:
                screen.picture(shorten(group.picture, MOST_DRAWN))
            else:
                screen.show(Text("  (the requests drawn above)", "dim"))
            screen.show("")
        screen.paragraphs((group.first.sentence, *(f"also: {sentence}" for sentence in group.also)))
        for line in group.evidence:
            number = "" if line.number is None else f"   line {line.number}"
            screen.show(Text.assemble((f"    {line.at:+9.3f} s  ", "dim"), line.text, (number, "dim")))
        screen.show(Text.assemble(("  change: ", "bold green"), group.first.change))
    screen.show("")
    show_remarks(explanation, screen)
    for text in explanation.missing:
        screen.show(Text(f"not everything was kept: {text}", "yellow"))
    mark, style = _MARKS[explanation.exit_code]
    screen.show(Text(f"{mark} {explanation.verdict}", style))


def show_remarks(explanation: Explanation, screen: Screen) -> None:
    """What is no finding, and worth knowing."""
    screen.paragraphs(tuple(f"note: {text}" for text in explanation.remarks))


def _times(group: Group) -> str:
    return "" if group.count == 1 else f"  × {group.count}, the first of them:"
