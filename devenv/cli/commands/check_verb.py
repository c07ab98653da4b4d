"""check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import Common
from devenv.cli.screen import Screen, Text
from devenv.core.checker.invariants import RECEIPTS, by_kind
from devenv.core.checker.judge import Outcome, Report, Rules
from devenv.core.checker.linearizability import DEFAULT_STEPS
from devenv.core.model.contract import CAPTCHA_TTL_SECONDS
from devenv.core.model.errors import ExpectationFailed, Inconclusive
from devenv.core.spec.captcha_session import ATTEMPTS_LIMIT
from devenv.harness.runs.check import SHOWN_PER_KIND, Checked
from devenv.harness.runs.check import check as check_history

SECONDS = 8.0
"""With this limit of the search a history of any size is answered within ten seconds, maybe by "unknown"."""


@grouped
def check(
    history: Annotated[
        str,
        typer.Argument(
            metavar="FILE|RUN-ID", help="A history.jsonl, a folder that has one, or a run (latest)."
        ),
    ],
    invariants: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="Rules of your own: YAML, or Python functions (the file is run). May be repeated.",
        ),
    ] = None,
    ttl: Annotated[
        float, typer.Option(min=0, metavar="S", help="Seconds a session lives; 0: not known.")
    ] = float(CAPTCHA_TTL_SECONDS),
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", help="Graded attempts per challenge.")
    ] = ATTEMPTS_LIMIT,
    receipts: Annotated[
        str, typer.Option(metavar="GLOB", help="Keys that may outlive their session.")
    ] = RECEIPTS,
    seconds: Annotated[
        float, typer.Option(min=0, metavar="S", help="At most S seconds of search; then: unknown.")
    ] = SECONDS,
    steps: Annotated[
        int, typer.Option(min=1, metavar="N", help="At most N steps of search per challenge.")
    ] = DEFAULT_STEPS,
    *,
    common: Common,
) -> None:
    """Judge a recorded history: could these answers have been given one after the other?

    Exit 0: it holds. 1: a violation. 3: it could not be decided.
    """
    context = common.context()
    rules = Rules(ttl=ttl or None, limit=limit, receipts=receipts)
    with context.screen.measured("checking") as progress:
        done = check_history(
            history,
            context.settings.state_dir,
            invariants=invariants or (),
            rules=rules,
            steps=steps,
            seconds=seconds,
            progress=progress,
        )
    context.screen.result(done.to_json())
    _show(done, context.screen)
    if context.settings.service is not None and done.report.verdict is Outcome.HOLDS:
        context.screen.note(
            "what no answer shows is not judged, such as a change that was lost: devenv explore"
        )
    if done.report.verdict is Outcome.VIOLATION:
        raise typer.Exit(ExpectationFailed.exit_code)
    if done.report.verdict is Outcome.UNKNOWN:
        raise typer.Exit(Inconclusive.exit_code)


def _show(done: Checked, screen: Screen) -> None:
    report = done.report
    lost = f", {report.lost} of them with a lost reply" if report.lost else ""
    screen.show(
        Text(str(done.path), "bold"),
        Text(
            f"{_several(report.challenges, 'challenge')}, {_several(report.operations, 'operation')}{lost}",
            "dim",
        ),
    )
    for kind, violations in by_kind(report.violations).items():
        screen.show("", Text.assemble((str(kind), "bold red"), (f"  {len(violations)}", "dim")))
        for violation in violations[:SHOWN_PER_KIND]:
            where = f"{violation.challenge}: " if violation.challenge else ""
            screen.show(Text(f"  {where}{violation.sentence}"))
        if len(violations) > SHOWN_PER_KIND:
            screen.show(Text(f"  … and {len(violations) - SHOWN_PER_KIND} more", "dim"))
    for gap in report.undecided[:SHOWN_PER_KIND]:
        where = f"{gap.challenge}: " if gap.challenge else ""
        screen.show("", Text(f"not judged: {where}{gap.reason}", "yellow"))
    screen.show("", _verdict(report))


def _verdict(report: Report) -> Text:
    match report.verdict:
        case Outcome.HOLDS:
            return Text("✓ holds: one session after the other explains every answer", "bold green")
        case Outcome.VIOLATION:
            return Text("✗ violated", "bold red")
        case _:
            ran_out = any(gap.challenge is not None for gap in report.undecided)
            more = " (--seconds and --steps allow more)" if ran_out else ""
            return Text(f"? unknown: not everything could be judged{more}", "bold yellow")


def _several(count: int, what: str) -> str:
    return f"{count} {what}" + "s" * (count != 1)
