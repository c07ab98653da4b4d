"""The root command. A verb's module is imported when the verb is called, not before.

``devenv --help`` and the completion of verbs read the table in ``devenv.cli.verbs`` alone.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from devenv import __version__
from devenv.cli.signed import as_words
from devenv.cli.verbs import VERBS, Verb

ABOUT = "See, understand and prove the fix of the day a captcha service went from one pod to two."
EXIT_CODES = (
    "Exit codes: 0 holds · 1 a violation or failed expectation · 2 usage · 3 inconclusive · "
    "4 this machine cannot run it · 70 a fault of devenv itself, please report it"
)
_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
_MIN_WIDTH, _MAX_WIDTH = 40, 140


class LazyGroup(TyperGroup):
    """The verbs as stubs with name and help. The verb that is called is imported and replaces its stub."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.verbs = {verb.name: verb for verb in VERBS}
        for verb in VERBS:
            self.add_command(TyperCommand(verb.name, help=verb.help, rich_help_panel=verb.panel))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The called verb, imported, with its own arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self.verbs:
            command = load(self.verbs[name])
            if self.verbs[name].signed:
                rest = as_words(rest)
        return name, command, rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the root's help from the table: no rendering library, so that it costs next to nothing."""
        options = [
            (", ".join(parameter.opts), getattr(parameter, "help", "") or "")
            for parameter in self.get_params(ctx)
        ]
        panels = [("Options", options)]
        for title in dict.fromkeys(verb.panel for verb in VERBS):
            panels.append((title, [(verb.name, verb.help) for verb in VERBS if verb.panel == title]))
        width = max(_MIN_WIDTH, min(shutil.get_terminal_size().columns, _MAX_WIDTH))
        formatter.write(f"\n Usage: {ctx.command_path} [OPTIONS] COMMAND [ARGS]...\n\n")
        formatter.write(textwrap.fill(ABOUT, width - 2, initial_indent=" ", subsequent_indent=" ") + "\n\n")
        for title, rows in panels:
            formatter.write("\n".join(panel(title, rows, width)) + "\n")
        formatter.write(
            "\n" + textwrap.fill(EXIT_CODES, width - 2, initial_indent=" ", subsequent_indent=" ") + "\n"
        )


def panel(title: str, rows: Sequence[tuple[str, str]], width: int) -> list[str]:
    """A frame of ``width`` cells with names on its left side and their texts, wrapped, on its right side."""
    inner = width - 4
    left = max(len(name) for name, _ in rows) + 2
    lines = [f"╭─ {title} {'─' * (width - len(title) - 5)}╮"]
    for name, text in rows:
        wrapped = textwrap.wrap(text, max(inner - left, 10)) or [""]
        for number, part in enumerate(wrapped):
            cells = f"{name if number == 0 else '':<{left}}{part}"
            lines.append(f"│ {cells:<{inner}} │")
    lines.append(f"╰{'─' * (width - 2)}╯")
    return lines


def load(verb: Verb) -> Any:
    """Import a verb's module and make the command of it."""
    target = getattr(import_module(f"devenv.cli.commands.{verb.module}"), verb.attribute)
    if isinstance(target, typer.Typer):
        group = typer.main.get_command(target)
        group.name = verb.name
        return group
    single = typer.Typer(add_completion=False, rich_markup_mode="markdown", context_settings=_SETTINGS)
    single.command(verb.name)(target)
    return typer.main.get_command(single)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"devenv {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="devenv",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
    help=ABOUT,
)


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """What all verbs share stands on each of them."""
