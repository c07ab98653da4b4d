"""What the terminal shows of the demo."""

from __future__ import annotations

import os
from pathlib import Path

from devenv.cli.commands.explain_verb import show_findings
from devenv.cli.screen import Screen, Text, grid
from devenv.core.model.backends import Language
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.harness.client.cross_pod import Tally
from devenv.verbs.demo.acts import Act, Observer, Verdict
from devenv.verbs.demo.kept import DemoResult
from devenv.verbs.demo.race import Race
from devenv.verbs.demo.report import diagnosis, explanation, outcomes, pattern_table, race_line, title
from devenv.verbs.demo.texts import Prose, prose


def terminal_observer(screen: Screen, language: Language) -> Observer:
    """Who shows the acts on this screen."""
    return _TerminalObserver(screen, prose(language))


class _TerminalObserver:
    """Shows the acts of the demo in the terminal while they run."""

    def __init__(self, screen: Screen, words: Prose) -> None:
        self._screen = screen
        self._words = words
        self._acts = 0

    def opened(self, status: StackStatus) -> None:
        line = self._words.subtitle.format(
            pods=len(status.pods),
            backend=status.backend,
            engine=status.redis_engine,
            version=status.redis_version,
        )
        self._screen.show(Text(self._words.title, "bold"), Text(line, "dim"))

    def act_begins(self, strategy: Strategy, race: bool) -> None:
        self._acts += 1
        about = title(strategy, race, self._words)
        label = self._words.act.format(number=self._acts)
        self._screen.busy(f"{label}: {about}")
        self._screen.show(
            "",
            Text.assemble((f" {label} ", "reverse"), "  ", (about, "bold")),
            Text(self._words.store_note[strategy], "dim"),
        )

    def act_ended(self, act: Act) -> None:
        self._screen.show("")
        self._screen.picture(act.picture)
        if act.race is not None:
            self._race(act.race)
        if act.results:
            self._results(act)
        if act.patterns:
            self._patterns(act)
        if act.race is None:
            self._keys(act)
        if act.surprises:
            self._screen.show("", Text(f"{self._words.surprises}:", "bold red"))
            self._screen.show(*(Text(f"  {surprise}", "red") for surprise in act.surprises))
        self._screen.show("")
        self._screen.paragraphs(explanation(act, self._words))

    def restarted(self, strategy: Strategy, seconds: float) -> None:
        text = self._words.restarted.format(store=strategy, seconds=seconds)
        self._screen.show("", Text(text, "yellow"))

    def _race(self, race: Race) -> None:
        times, alike, passed, order = race_line(race, self._words)
        first, *others, last = self._words.race_head
        table = grid(f"  {first}", *others)
        table.add_row(f"  {times}", alike, Text(passed, "red" if race.empty_passed else "green"))
        self._screen.show("", table, "", Text(f"  {last}", "dim"), Text(f"    {order}"))
        for group in race.findings:
            sentence, change = diagnosis(group, self._words)
            self._screen.show("", Text.assemble("  ", (f" {group.cause} ", "reverse red")))
            self._screen.paragraphs((sentence,))
            for line in group.evidence:
                self._screen.show(Text.assemble((f"    +{line.at:.3f} s  ", "dim"), line.text))
            self._screen.show(Text.assemble((f"  {self._words.change}: ", "bold green"), change))

    def _results(self, act: Act) -> None:
        table = grid(f"  {self._words.captcha}", self._words.cross_pod, self._words.same_pod)
        for kind, result in act.results.items():
            same = Text() if result.same_pod is None else self._cell(kind, result.same_pod)
            table.add_row(f"  {self._words.types[kind]}", self._cell(kind, result.cross_pod), same)
        self._screen.show("", table)

    def _patterns(self, act: Act) -> None:
        title = self._words.behind_title.format(balancer=act.balancer)
        (first, *others), rows = pattern_table(act, self._words)
        table = grid(f"  {first}", *others)
        for result, (clients, lost, *exact) in zip(act.patterns, rows, strict=True):
            colour = "red" if result.lost else "green"
            table.add_row(f"  {clients}", Text(lost, colour), *(Text(text, "dim") for text in exact))
        self._screen.show("", Text(f"  {title}", "bold"), table)

    def _cell(self, kind: CaptchaType, tally: Tally) -> Text:
        return Text(outcomes(kind, tally, self._words), "green" if tally.success == tally.trials else "red")

    def _keys(self, act: Act) -> None:
        if not act.keys:
            self._screen.show("", Text(f"  {self._words.no_keys}", "dim"))
            return
        self._screen.show("", Text(f"  {self._words.keys_title}", "dim"))
        for key in act.keys:
            left = "–" if key.ttl is None else f"{key.ttl:.0f} s"
            self._screen.show(Text(f"    {key.key}   TTL {left}"))


def show_demo(done: DemoResult, language: Language, screen: Screen) -> int:
    """Show the verdict, where the report is and, of acts that went otherwise, why; gives the exit code."""
    words = prose(language)
    screen.result(
        done.story.to_json()
        | {"run": done.run_id, "report": str(done.report.resolve()), "command": done.command}
    )
    holds = done.story.verdict is Verdict.HOLDS
    mark, style, text = ("✓", "bold green", words.holds) if holds else ("✗", "bold red", words.fails)
    screen.show(
        "",
        Text.assemble((f"{mark} {text}", style), (f"   {done.story.seconds:.1f} s", "dim")),
        f"{words.report}: {_short(done.report)}",
    )
    if holds:
        return 0
    if done.explanation is not None:
        show_findings(done.explanation, screen)
    return 1


def _short(path: Path) -> str:
    """Relative to the current folder where it is below it."""
    try:
        return os.path.relpath(path) if path.resolve().is_relative_to(Path.cwd()) else str(path)
    except ValueError:
        return str(path)
