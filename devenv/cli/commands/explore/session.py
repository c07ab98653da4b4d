"""explore, where devenv.toml has [session]."""

from __future__ import annotations

from collections.abc import Sequence
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
    at: CommandContext,
    junit: Path | None = None,
    summary: Path | None = None,
) -> None:
    """Explore with each fix in turn and show what is found. Exits with the code of the worst.

    ``junit`` and ``summary``: files to write it to, as JUnit XML and as Markdown.
    """
    service = at.settings.service
    assert service is not None
    for options in option_sets:
        service.fixed(options.fix)
    found: list[SessionExploration] = []
    interrupted = False
    for options in option_sets:
        try:
            with at.screen.working(_title(options)) as progress:
                for result in explore_session(options, at.settings, progress):
                    found.append(result)
        except KeyboardInterrupt:
            if not found:
                raise
            interrupted = True
        if interrupted or found[-1].interrupted:
            break
    wanted = sum(len(options.expressions) for options in option_sets)
    if junit is not None:
        write_file("--junit", junit, junit_xml([junit_suite(one) for one in found]))
    if summary is not None:
        write_file("--summary", summary, summary_page(found))
    for one in found:
        _show(one, at.screen, with_fix=len(option_sets) > 1)
    if wanted > 1:
        _side_by_side(found, at.screen)
    results = [one.to_json() for one in found]
    at.screen.result({"compared": results} if wanted > 1 else results[0])
    codes = [one.exit_code for one in found]
    if len(found) < wanted:
        at.screen.note(f"interrupted: {wanted - len(found)} of {wanted} were not explored")
        codes.append(Inconclusive.exit_code)
    code = 1 if 1 in codes else max(codes)
    if code:
        raise typer.Exit(code)


def _title(options: SessionOptions) -> str:
    words = ", ".join(options.expressions)
    return f"exploring {words}" + (f" with the fix {options.fix}" if options.fix != AS_IS else "")


def show_verdict(found: Exploration | SessionExploration, screen: Screen) -> None:
    """The verdict with its mark, and beside a violation what of the search is missing."""
    style = {0: "bold green", 1: "bold red"}.get(found.exit_code, "bold yellow")
    mark = {0: "✓", 1: "✗"}.get(found.exit_code, "?")
    screen.show(Text(f"{mark} {found.verdict}", style))
    if found.incomplete and found.exit_code == 1:
        screen.show(Text(f"  not complete: {found.incomplete}", "yellow"))


def _show(found: SessionExploration, screen: Screen, *, with_fix: bool) -> None:
    fix = f", {found.fix}" if with_fix else ""
    screen.show("", Text.assemble((found.scenario, "bold"), f" on {found.service}{fix}"))
    for violation in found.violations:
        _show_violation(violation, screen)
    screen.show("")
    show_verdict(found, screen)
    if found.refused.orders:
        screen.show(Text(f"  in {found.refused} a request was refused as no sequence refuses it", "yellow"))
    for request, places in found.masked.items():
        screen.show(Text(f"  not compared, as it changes from run to run: {request}: {', '.join(places)}"))
    for note in (*(found.unclear if found.exit_code == 1 else ()), *found.notes):
        screen.show(Text(f"  {note}", "yellow"))
    screen.show(
        Text(
            f"  {found.runs} runs of {found.orders} orders of the Redis commands, {found.outcomes} ends, "
            f"{found.requests} requests to real pods, {found.seconds:.1f} s; {found.engine}",
            "dim",
        ),
        Text(f"  run {found.run_id}", "dim"),
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


def _side_by_side(found: Sequence[SessionExploration], screen: Screen) -> None:
    """Fixes by expressions."""
    expressions = list(dict.fromkeys(one.scenario for one in found))
    fixes = list(dict.fromkeys(one.fix for one in found))
    table = grid("", *expressions)
    by_place = {(one.fix, one.scenario): one for one in found}
    for fix in fixes:
        cells = [by_place.get((fix, expression)) for expression in expressions]
        table.add_row(fix, *(_cell(one) for one in cells))
    screen.show("", table)


def _cell(found: SessionExploration | None) -> str:
    if found is None:
        return "not explored"
    if found.violations:
        words = ", ".join(f"{item.kind} {item.seen_in}" for item in found.violations)
        return words + ("" if found.exit_code == 1 else " (not confirmed)")
    return f"0 of {found.orders} orders" + ("" if found.holds else " (inconclusive)")
