"""demo of a user-provided service."""

from __future__ import annotations

from devenv.cli.commands.explain_verb import show_findings, show_remarks
from devenv.cli.options import CommandContext
from devenv.cli.screen import Screen, Text, grid
from devenv.core.model.errors import ExpectationFailed, Inconclusive
from devenv.core.model.service import ServiceSpec
from devenv.harness.client.cross_pod import Tally
from devenv.verbs.demo.own_service import try_service
from devenv.verbs.demo.own_story import OwnAct, OwnStory, OwnVerdict

_CODES = {
    OwnVerdict.HOLDS: 0,
    OwnVerdict.FAILS: ExpectationFailed.exit_code,
    OwnVerdict.UNCLEAR: Inconclusive.exit_code,
}
_MARKS = {0: ("✓", "bold green"), 1: ("✗", "bold red")}
_NO_VERDICT = ("?", "bold yellow")


def demo_own(context: CommandContext, service: ServiceSpec, trials: int) -> int:
    """Try the service and show what became of it; gives the exit code."""
    with context.screen.working(f"demo of {service.title}") as progress:
        story = try_service(
            context.settings,
            service,
            trials=trials,
            act_ended=lambda act: _show(act, context.screen),
            progress=progress,
        )
    context.screen.result(story.to_json())
    code = _CODES[story.verdict]
    mark, style = _MARKS.get(code, _NO_VERDICT)
    context.screen.show(
        "",
        Text.assemble((f"{mark} {story.sentence}", style), (f"   {story.seconds:.1f} s", "dim")),
        *_kind_lines(story),
        f"report: {story.report}",
        f"logs: {story.logs}",
    )
    if any(trials.unclear for act in story.acts for trials in act.trials.values()):
        context.screen.show(Text("devenv.toml says how answers are understood: docs/own-service.md", "dim"))
    return code


def _kind_lines(story: OwnStory) -> list[Text]:
    """The verdict on each kind of session, where there are several or one has none."""
    if len(story.kinds) == 1 and story.verdict is not OwnVerdict.UNCLEAR:
        return []
    lines = []
    for name, kind in story.kinds.items():
        mark, style = _MARKS.get(_CODES[kind.verdict], _NO_VERDICT)
        lines.append(Text.assemble((f"  {mark} {name}: ", style), kind.sentence))
    return lines


def _show(act: OwnAct, screen: Screen) -> None:
    screen.show("", Text(f" {act.setting} ", "reverse"), "")
    screen.picture(act.picture)
    table = grid("  session", "used on another pod", "used on the same pod")
    for name, value in act.trials.items():
        table.add_row(f"  {name}", *(_cell(act, name, tally) for tally in (value.crossing, value.staying)))
    screen.show("", table)
    for name, trials in act.trials.items():
        screen.show(*(Text(f"  {name}: {answer}", "yellow") for answer in trials.unknown))
    if act.explanation.wrong:
        show_findings(act.explanation, screen)
    else:
        show_remarks(act.explanation, screen)


def _cell(act: OwnAct, kind: str, tally: Tally) -> Text:
    text, good = act.cell(kind, tally)
    return Text(text, "green" if good else "red")
