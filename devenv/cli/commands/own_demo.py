"""demo of a user-provided service."""

from __future__ import annotations

from rich.text import Text

from devenv.cli.commands.explain_verb import show_findings
from devenv.cli.options import CommandContext
from devenv.cli.screen import Screen, grid
from devenv.core.model.errors import ExpectationFailed, Inconclusive
from devenv.core.model.service import ServiceSpec
from devenv.harness.client.cross_pod import Tally
from devenv.verbs.demo.own_service import OwnAct, OwnVerdict, tally_words, try_service

_CODES = {
    OwnVerdict.HOLDS: 0,
    OwnVerdict.FAILS: ExpectationFailed.exit_code,
    OwnVerdict.UNCLEAR: Inconclusive.exit_code,
}
_MARKS = {0: ("✓", "bold green"), 1: ("✗", "bold red")}


def demo_own(at: CommandContext, service: ServiceSpec, trials: int) -> int:
    """Try the service and show what became of it; gives the exit code."""
    with at.screen.working(f"demo of {service.title}") as progress:
        story = try_service(
            at.settings,
            service,
            trials=trials,
            act_ended=lambda act: _show(act, at.screen),
            progress=progress,
        )
    at.screen.result(story.to_json())
    code = _CODES[story.verdict]
    mark, style = _MARKS.get(code, ("?", "bold yellow"))
    at.screen.show(
        "",
        Text.assemble((f"{mark} {story.sentence}", style), (f"   {story.seconds:.1f} s", "dim")),
        f"report: {story.report}",
    )
    if story.verdict is OwnVerdict.UNCLEAR:
        at.screen.show(Text("devenv.toml says how answers are understood: docs/own-service.md", "dim"))
    return code


def _show(act: OwnAct, screen: Screen) -> None:
    screen.show("", Text(f" {act.setting} ", "reverse"), "")
    screen.picture(act.picture)
    table = grid("  session", "used on another pod", "used on the same pod")
    for name, value in act.trials.items():
        table.add_row(f"  {name}", _cell(value.crossing), _cell(value.staying))
    screen.show("", table)
    if act.explanation.wrong:
        show_findings(act.explanation, screen)


def _cell(tally: Tally) -> Text:
    return Text(tally_words(tally), "green" if tally.known == tally.trials else "red")
