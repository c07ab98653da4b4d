"""The verbs, registered."""

from __future__ import annotations

from typing import Annotated

import typer

from devenv import __version__
from devenv.cli import (
    check_verb,
    doctor_verb,
    explain_verb,
    explore_verb,
    export_verbs,
    gate_verbs,
    init_verb,
    recording_verbs,
    scenario_verbs,
    stack_verbs,
    story_verbs,
)

app = typer.Typer(
    name="devenv",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="See, understand and prove the fix of the day a captcha service went from one pod to two.",
    epilog="Exit codes: 0 holds · 1 a violation or failed expectation · 2 usage · 3 inconclusive · "
    "4 this machine cannot run it",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"devenv {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """What all verbs share stands on each of them."""


_SEE, _STACK, _PLAY = "See it", "The stack", "Sessions and scenarios"
app.command(rich_help_panel=_SEE)(story_verbs.demo)
app.command(rich_help_panel=_STACK)(init_verb.init)
app.command(rich_help_panel=_SEE)(explain_verb.explain)
app.command(rich_help_panel=_SEE)(explore_verb.explore)
for _verb in (
    stack_verbs.up,
    stack_verbs.down,
    stack_verbs.status,
    stack_verbs.logs,
    stack_verbs.toggle,
    stack_verbs.route,
):
    app.command(rich_help_panel=_STACK)(_verb)
app.add_typer(gate_verbs.app, name="gate", rich_help_panel=_STACK)
app.command(rich_help_panel=_PLAY)(scenario_verbs.seed)
app.command(rich_help_panel=_PLAY)(scenario_verbs.replay)
app.command(rich_help_panel=_PLAY)(scenario_verbs.scenarios)
app.command(rich_help_panel=_PLAY)(check_verb.check)
app.command(rich_help_panel=_PLAY)(recording_verbs.record)
app.add_typer(recording_verbs.app, name="import", rich_help_panel=_PLAY)
app.command(rich_help_panel=_PLAY)(recording_verbs.shrink)
app.command(rich_help_panel=_SEE)(doctor_verb.doctor)
app.add_typer(export_verbs.app, name="export", rich_help_panel="Elsewhere")
