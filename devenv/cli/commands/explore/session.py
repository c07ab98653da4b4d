"""explore, where devenv.toml has [session]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from devenv.cli.options import CommandContext, write_file
from devenv.cli.screen import Screen, Text, grid
from devenv.core.model.errors import Inconclusive
from devenv.core.model.session_profile import AS_IS
from devenv.core.render.junit import junit_xml
from devenv.core.serializability.meeting import is_meeting
from devenv.harness.config.settings import Settings
from devenv.verbs.explore.result import Exploration
from devenv.verbs.explore.sessions.report import junit_suite, picture
from devenv.verbs.explore.sessions.report import summary as summary_page
from devenv.verbs.explore.sessions.result import FoundViolation, SessionExploration
from devenv.verbs.explore.sessions.usecase import SessionOptions, explore_session


def is_session(expressions: Sequence[str], settings: Settings) -> bool:
    """Whether these expressions are about the [session] of the service."""
    service = settings.service
    if service is None or service.session is None:
        return False
    session = service.session
    return not service.profile.kinds or any(is_meeting(text, session) for text in expressions)


def explore_sessions(
    option_sets: Sequence[SessionOptions],
    context: CommandContext,
    junit: Path | None = None,
    summary: Path | None = None,
) -> None:
    """Explore with each fix in turn and show what is found. Exits with the code of the worst.

    ``junit`` and ``summary``: files to write it to, as JUnit XML and as Markdown.
    """
    service = context.settings.service
    assert service is not None
    for options in option_sets:
        service.fixed(options.fix)
    explorations: list[SessionExploration] = []
    interrupted = False
    wanted = sum(len(options.expressions) for options in option_sets)
    for options in (replace(options, beside_others=wanted > 1) for options in option_sets):
        try:
            with context.screen.working(_title(options)) as progress:
                for result in explore_session(options, context.settings, progress):
                    explorations.append(result)
        except KeyboardInterrupt:
            if not explorations:
                raise
            interrupted = True
        if interrupted or explorations[-1].interrupted:
            break
    if junit is not None:
        write_file("--junit", junit, junit_xml([junit_suite(one) for one in explorations]))
    if summary is not None:
        write_file("--summary", summary, summary_page(explorations))
    for one in explorations:
        _show(one, context.screen, with_fix=len(option_sets) > 1)
    if wanted > 1:
        _side_by_side(explorations, context.screen)
    results = [one.to_json() for one in explorations]
    context.screen.result({"compared": results} if wanted > 1 else results[0])
    codes = [one.exit_code for one in explorations]
    if len(explorations) < wanted:
        context.screen.note(f"interrupted: {wanted - len(explorations)} of {wanted} were not explored")
        codes.append(Inconclusive.exit_code)
    code = 1 if 1 in codes else max(codes)
    if code:
        raise typer.Exit(code)


def _title(options: SessionOptions) -> str:
    expressions = ", ".join(options.expressions)
    return f"exploring {expressions}" + (f" with the fix {options.fix}" if options.fix != AS_IS else "")


def show_verdict(exploration: Exploration | SessionExploration, screen: Screen) -> None:
    """The verdict with its mark, and beside a violation what of the search is missing."""
    style = {0: "bold green", 1: "bold red"}.get(exploration.exit_code, "bold yellow")
    mark = {0: "✓", 1: "✗"}.get(exploration.exit_code, "?")
    screen.show(Text(f"{mark} {exploration.verdict}", style))
    if exploration.incomplete and exploration.exit_code == 1:
        screen.show(Text(f"  not complete: {exploration.incomplete}", "yellow"))


def _show(exploration: SessionExploration, screen: Screen, *, with_fix: bool) -> None:
    fix = f", {exploration.fix}" if with_fix else ""
    screen.show("", Text.assemble((exploration.scenario, "bold"), f" on {exploration.service}{fix}"))
    for violation in exploration.violations:
        _show_violation(violation, screen)
    screen.show("")
    show_verdict(exploration, screen)
    if not exploration.runs:
        return
    if exploration.refused.orders:
        screen.show(
            Text(f"  in {exploration.refused} a request was refused as no sequence refuses it", "yellow")
        )
    for request, places in exploration.masked.items():
        screen.show(Text(f"  not compared, as it changes from run to run: {request}: {', '.join(places)}"))
    for note in (*(exploration.unclear if exploration.exit_code == 1 else ()), *exploration.notes):
        screen.show(Text(f"  {note}", "yellow"))
    screen.show(
        Text(
            f"  {exploration.runs} runs of {exploration.orders} orders of the Redis commands, "
            f"{exploration.outcomes} ends, {exploration.requests} requests to real pods, "
            f"{exploration.seconds:.1f} s; {exploration.engine}",
            "dim",
        ),
        Text(f"  run {exploration.run_id}", "dim"),
    )


def _show_violation(violation: FoundViolation, screen: Screen) -> None:
    at_once = ""
    if violation.seen_together != violation.seen_in:
        at_once = f"; {violation.seen_together} with all requests under way before a command runs"
    screen.show(
        "",
        Text.assemble((f" {violation.kind} ", "reverse red"), (f"  in {violation.seen_in}{at_once}", "dim")),
    )
    screen.paragraphs([violation.sentence])
    screen.show(Text(f"    {violation.order}", "cyan"), "")
    screen.picture(picture(violation), indent=4)
    screen.show("")
    if violation.confirmed:
        screen.show(Text(f"  run again: {violation.replayed} of {violation.replays} times the same", "green"))
    else:
        screen.show(Text(f"  NOT confirmed: {violation.why}", "bold yellow"))
    if violation.reproduce:
        screen.show(Text.assemble(("  Reproduce with: ", "bold"), violation.reproduce))


def _side_by_side(explorations: Sequence[SessionExploration], screen: Screen) -> None:
    """Fixes by expressions."""
    expressions = list(dict.fromkeys(one.scenario for one in explorations))
    fixes = list(dict.fromkeys(one.fix for one in explorations))
    table = grid("", *expressions)
    by_place = {(one.fix, one.scenario): one for one in explorations}
    for fix in fixes:
        cells = [by_place.get((fix, expression)) for expression in expressions]
        table.add_row(fix, *(_cell(one) for one in cells))
    screen.show("", table)


def _cell(exploration: SessionExploration | None) -> str:
    if exploration is None or not exploration.runs:
        return "not explored"
    if exploration.violations:
        kinds = ", ".join(f"{item.kind} {item.seen_in}" for item in exploration.violations)
        return kinds + ("" if exploration.exit_code == 1 else " (not confirmed)")
    return f"0 of {exploration.orders} orders" + ("" if exploration.holds else " (inconclusive)")
