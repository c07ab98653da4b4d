"""record, import, shrink."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import BalancerOption, CommandContext, Common, write_file
from devenv.cli.screen import Text
from devenv.core.model.durations import seconds_of
from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import MAX_PODS, Strategy
from devenv.verbs.recordings.composing import Composed, ImportOptions
from devenv.verbs.recordings.import_file import import_file
from devenv.verbs.recordings.record import record as record_traffic
from devenv.verbs.recordings.record import stack_to_record
from devenv.verbs.replay.shrink import CONFIRMATIONS
from devenv.verbs.replay.shrink import shrink as shrink_scenario

File = Annotated[Path, typer.Argument(metavar="FILE", help="The file; - is standard input.")]


@dataclass(frozen=True, slots=True)
class ImportFlags:
    """How a scenario is made of a recording, and where it is written."""

    out: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, metavar="FILE", help="Write the scenario there [default: standard output]."
        ),
    ] = None
    pods: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_PODS, metavar="N", help="Each session's requests over N pods in turn."),
    ] = None
    routed: Annotated[bool, typer.Option("--routed", help="Name no pods: the proxy's policy chooses.")] = (
        False
    )
    pauses: Annotated[
        bool, typer.Option("--pauses/--no-pauses", help="Keep the pauses between requests.")
    ] = True
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A header or field that is no secret; may be given several times."),
    ] = None

    def options(self) -> ImportOptions:
        """What the use case takes. Raises UsageProblem for options that exclude each other."""
        if self.routed and self.pods is not None:
            raise UsageProblem("--routed names no pods, --pods does: give one of them")
        return ImportOptions(self.pods, self.routed, self.pauses, tuple(self.keep or ()))


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Make a scenario of a HAR file, an access log or curl commands.",
)


@app.command()
@grouped
def har(
    *,
    file: File,
    flags: ImportFlags,
    common: Common,
) -> None:
    """Make a scenario of a HAR file of a browser or a test tool, or of a zip or a trace of Playwright."""
    _import("har", file, flags, common.context())


@app.command()
@grouped
def log(
    *,
    file: File,
    flags: ImportFlags,
    common: Common,
) -> None:
    """Make a scenario of an access log of nginx, Apache, Caddy, Traefik, HAProxy, Envoy or Istio."""
    _import("log", file, flags, common.context())


@app.command()
@grouped
def curl(
    *,
    file: File,
    flags: ImportFlags,
    common: Common,
) -> None:
    """Make a scenario of curl commands, as browsers copy them ("Copy all as cURL (bash)")."""
    _import("curl", file, flags, common.context())


@grouped
def record(
    *,
    duration: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long: 30s, 5m [default: until Ctrl-C].")
    ] = "",
    balancer: BalancerOption = None,
    flags: ImportFlags,
    common: Common,
) -> None:
    """Record what goes through the running stack's proxy, as a scenario on the pods that served it.

    With --balancer, where no stack with this one runs: on a stack of its own, which ends with the recording.
    """
    seconds = seconds_of(duration) if duration else None
    if duration and seconds is None:
        raise UsageProblem(f"--for {duration!r} is no time", hint="30s, 5m, 1h")
    context = common.context(balancer=balancer)
    with (
        context.screen.working("recording, Ctrl-C ends it" if seconds is None else "recording") as progress,
        stack_to_record(context.settings, progress) as stack,
    ):
        made = record_traffic(stack, seconds, flags.options(), progress)
    _deliver(made, flags.out, context)


@grouped
def shrink(
    target: Annotated[
        str, typer.Argument(metavar="FILE|NAME|RUN-ID", help="What fails: as replay takes it.")
    ],
    strategy: Annotated[
        Strategy | None, typer.Option(help="The session store [default: the one the stack has now].")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Write the small scenario there too.")
    ] = None,
    *,
    common: Common,
) -> None:
    """Reduce a scenario that fails to the smallest part of it that still fails in the same way.

    Exit 1: it fails, and here is the smallest part. 0: nothing fails. 3: it fails only sometimes.
    """
    context = common.context()
    with context.screen.working("shrinking") as progress:
        shrunk = shrink_scenario(target, context.settings, strategy, progress)
    if shrunk.failure is not None and out is not None:
        write_file("--out", out, shrunk.text)
    context.screen.result(shrunk.to_json() | ({"text": shrunk.text} if shrunk.text else {}))
    if shrunk.failure is None or shrunk.result is None:
        context.screen.show(Text(f"✓ {shrunk.scenario.id} holds: there is nothing to reduce", "bold green"))
        return
    context.screen.picture(shrunk.result.recording.messages)
    context.screen.show("")
    context.screen.code(shrunk.text)
    context.screen.show(Text(f"✗ {shrunk.failure}", "bold red"))
    context.screen.show(
        Text(
            f"{shrunk.after} of {shrunk.before} steps are enough, after {shrunk.plays} plays; "
            f"{shrunk.confirmed} of {CONFIRMATIONS} more failed the same way",
            "dim",
        ),
        Text.assemble(("Reproduce with: ", "bold"), shrunk.command or ""),
    )
    raise typer.Exit(1)


def _import(form: str, file: Path, flags: ImportFlags, context: CommandContext) -> None:
    with context.screen.measured(f"importing {file.name or file}") as progress:
        composed = import_file(form, file, context.settings, flags.options(), progress)
    _deliver(composed, flags.out, context)


def _deliver(made: Composed, out: Path | None, context: CommandContext) -> None:
    """The scenario, and what is to be known about it."""
    if out is not None:
        write_file("--out", out, made.pieces())
    else:
        for piece in made.pieces():
            context.screen.output(piece)
    notes = [*made.notes, *([made.too_large] if made.too_large else [])]
    if context.screen.as_json:
        context.screen.result(
            {
                "scenario": made.head["id"],
                "requests": made.requests,
                "sessions": made.sessions,
                "notes": notes,
                "file": str(out) if out is not None else None,
                "text": made.text,
            }
        )
    for note in notes:
        context.screen.note(note)
    counts = ((made.requests, "request"), (made.sessions, "challenge"))
    context.screen.note(", ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counts))
    if out is not None and made.too_large is None:
        context.screen.show(
            f"play it: devenv replay {out} --strategy memory", f"reduce it: devenv shrink {out}"
        )
