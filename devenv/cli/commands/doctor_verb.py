"""doctor."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import Common
from devenv.cli.screen import Screen, Text
from devenv.core.doctor_rules.advice import UNEXPLAINED, Advice, Checked
from devenv.core.model.errors import ExpectationFailed, Inconclusive, UsageProblem
from devenv.core.model.service import ServiceProfile
from devenv.core.render.junit import junit_xml
from devenv.stack.files import write_atomically
from devenv.verbs.doctor.junit import junit_suite
from devenv.verbs.doctor.usecase import DoctorOptions, Examined, examine

_READABLE = {"exists": True, "dir_okay": False, "metavar": "FILE"}
_EXIT_CODES = {"ok": 0, "found": ExpectationFailed.exit_code, "inconclusive": Inconclusive.exit_code}
_MARK = {"ok": ("✓", "green"), "found": ("✗", "bold red"), "unknown": ("–", "yellow")}


@dataclass(frozen=True, slots=True)
class SourceFlags:
    """What is looked at, and what may be done for it."""

    env_file: Annotated[
        list[Path] | None,
        typer.Option(help="Settings of a pod, as a .env file; one for each pod.", **_READABLE),
    ] = None
    k8s: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            metavar="FILE",
            help="Kubernetes manifests, or a folder of them: Deployments with their ConfigMaps; repeatable.",
        ),
    ] = None
    redis_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Reach Redis here instead: redis[s]://[user:password@]host:port/db."
        ),
    ] = None
    service: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A service that runs: ask it for challenges, look for their keys."),
    ] = None
    ca: Annotated[
        Path | None,
        typer.Option(help="The certificate authority, in place of the one in the settings.", **_READABLE),
    ] = None
    command: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A Redis command that your service uses; repeatable."),
    ] = None
    other_prefix: Annotated[
        list[str] | None,
        typer.Option(metavar="PREFIX", help="Sessions under it are another environment's; repeatable."),
    ] = None
    yes: Annotated[bool, typer.Option("--yes", help="Touch hosts that are not this machine, unasked.")] = (
        False
    )
    no_probe: Annotated[bool, typer.Option("--no-probe", help="Read settings only, touch nothing.")] = False
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Look only: write no key, create no challenge.")
    ] = False

    def options(self, profile: ServiceProfile) -> DoctorOptions:
        """The request to the doctor, for a service of this profile."""
        return DoctorOptions(
            tuple(self.env_file or ()), tuple(self.k8s or ()), self.redis_url, self.service, self.ca,
            tuple(self.command or ()), tuple(self.other_prefix or ()), probe=not self.no_probe,
            write=not self.read_only, profile=profile,
        )  # fmt: skip


@grouped
def doctor(
    sources: SourceFlags,
    junit: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Also write JUnit XML there.")
    ] = None,
    *,
    common: Common,
) -> None:
    """Look at settings and at what they point at; link each fault to the symptom it causes.

    Without a source: the running stack, else .env of this folder. Writes one key with a TTL of 10 s under the
    prefix, deletes it, and asks before it touches a host that is not this machine.

    Exit 0: nothing found. 1: something is wrong. 2: usage. 3: nothing found, and something that matters could
    not be read. 4: nothing could be looked at.
    """
    context = common.context()
    with context.screen.working("doctor") as progress:
        examined = examine(
            sources.options(context.settings.stack_spec().profile),
            context.settings.backend,
            context.settings.state_dir,
            ask=lambda what: sources.yes or _asked(what, context.screen),
            progress=progress,
        )
    if junit is not None:
        write_atomically(junit, junit_xml([junit_suite(examined.diagnosis)]), "--junit")
    context.screen.result(examined.to_json())
    _show(examined, context.screen)
    if code := _EXIT_CODES[examined.diagnosis.verdict]:
        raise typer.Exit(code)


def _asked(what: str, screen: Screen) -> bool:
    """Ask the user. Raises UsageProblem where there is no terminal to ask on."""
    if screen.as_json or not sys.stdin.isatty():
        raise UsageProblem(
            f"doctor would {what}, and there is no terminal to ask on",
            hint="--yes allows it; --no-probe reads the settings only",
        )
    return screen.confirm(f"doctor would {what}. Go on?")


def _show(examined: Examined, screen: Screen) -> None:
    screen.show(Text(f"doctor: {examined.subject}", "bold"))
    subject = None
    for check in examined.diagnosis.checks:
        if check.subject != subject:
            subject = check.subject
            screen.show("", Text(subject, "bold"))
        _show_check(check, screen)
    for finding in examined.diagnosis.findings:
        _show_finding(finding, screen)
    for note in examined.diagnosis.notes:
        screen.show("", Text(f"note: {note}", "yellow"))
    screen.show("", _verdict(examined))


def _show_check(check: Checked, screen: Screen) -> None:
    mark, style = _MARK[check.state]
    text = ", ".join(finding.kind for finding in check.findings) or check.text
    screen.show(
        Text.assemble("  ", (mark, style), f" {check.check:<26}", (text, style if mark == "✗" else "dim"))
    )


def _show_finding(advice: Advice, screen: Screen) -> None:
    screen.show("", Text.assemble(("✗ ", "bold red"), (advice.sentence, "bold")))
    rows = [("seen", line) for line in advice.evidence]
    rows += [
        ("symptom", advice.symptom),
        ("cause", _cause(advice)),
        ("change", str(advice.change)),
    ]
    before = ""
    for label, text in rows:
        shown = label if label != before else ""
        screen.show(Text.assemble((f"    {shown:<9}", "cyan" if label == "change" else "dim"), text))
        before = label


def _cause(advice: Advice) -> str:
    if advice.cause == UNEXPLAINED:
        return "not known: nothing that was read tells it"
    return f"{advice.cause}: docs/failures.md#{advice.cause}"


def _verdict(examined: Examined) -> Text:
    count = len(examined.diagnosis.findings)
    if count:
        return Text(f"✗ {count} finding{'s' if count > 1 else ''}", "bold red")
    unread = examined.diagnosis.unread
    names = ", ".join(f"{check.check} ({check.subject})" for check in unread)
    if examined.diagnosis.verdict == "inconclusive":
        return Text(
            f"– inconclusive: nothing wrong was seen, and this could not be read: {names}", "bold yellow"
        )
    rest = f"; not read: {names}" if unread else ""
    return Text(f"✓ nothing found{rest}", "bold green")
