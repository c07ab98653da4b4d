"""explore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from devenv.cli.commands.explore.session import explore_sessions, is_session, show_verdict
from devenv.cli.grouped import grouped
from devenv.cli.options import CommandContext, Common, Junit, RedisOption, Summary, write_file
from devenv.cli.screen import Screen, Text, grid
from devenv.core.model.errors import Inconclusive, UsageProblem
from devenv.core.model.session_profile import AS_IS
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.render.junit import junit_xml
from devenv.core.search.reporter import Reporters
from devenv.verbs.explore.reporters import JsonReporter, ProgressReporter
from devenv.verbs.explore.result import (
    Exploration,
    ExploredViolation,
    ExploreOptions,
    Mode,
    junit_suite,
    parse_budget,
)
from devenv.verbs.explore.sessions.usecase import SessionOptions
from devenv.verbs.explore.summary import summary as summary_page
from devenv.verbs.explore.usecase import explore as explore_orders


@dataclass(frozen=True, slots=True)
class SearchFlags:
    """What is explored and how: the options of the search."""

    strategy: Annotated[Strategy, typer.Option(help="The session store under test.")] = Strategy.GUIDE
    mode: Annotated[
        Mode | None,
        typer.Option(
            help="learned: learn from real pods, search a model, confirm on real pods. direct: every order "
            "on real pods. random: by chance, --n runs. [default: learned; with [session] direct]",
            show_default=False,
        ),
    ] = None
    events: Annotated[
        str, typer.Option(metavar="E,E", help="More events: expiry, ageing, lost, restart (X, A, L, P).")
    ] = ""
    kind: Annotated[
        CaptchaType, typer.Option("--type", help="The captcha. A handwriting challenge has no empty answer.")
    ] = CaptchaType.ABSTRACT
    walks: Annotated[int, typer.Option("--n", min=1, metavar="N", help="Runs of mode random.")] = 1000
    preemptions: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Only orders with at most N preemptions.")
    ] = None
    budget: Annotated[
        str,
        typer.Option(metavar="N|SECONDS", help="Stop after a number of traces (1000) or a time (30s, 5m)."),
    ] = ""
    pods: Annotated[
        int | None, typer.Option(min=1, max=8, metavar="N", help="Pods to use [default: one per request].")
    ] = None
    lanes: Annotated[
        int, typer.Option(min=1, max=64, metavar="N", help="Challenges worked on at a time.")
    ] = 12
    replays: Annotated[
        int, typer.Option(min=1, max=1000, metavar="N", help="Run each violation so often on real pods.")
    ] = 3
    compare: Annotated[
        str,
        typer.Option(
            metavar="S,S",
            help="Side by side: guide,watch,atomic. Takes --strategy's place. With [session]: the names of "
            "[fixes.NAME], and as-is.",
        ),
    ] = ""

    def option_sets(self, scenario: str, stores: Sequence[Strategy]) -> list[ExploreOptions]:
        """The request for each of these stores. Raises UsageProblem for a --budget that is none."""
        traces, seconds = parse_budget(self.budget)
        return [
            ExploreOptions(
                scenario=scenario,
                strategy=store,
                mode=self.mode or Mode.LEARNED,
                events=tuple(word.strip() for word in self.events.split(",") if word.strip()),
                walks=self.walks,
                kind=self.kind,
                preemptions=self.preemptions,
                budget_traces=traces,
                budget_seconds=seconds,
                pods=self.pods,
                lanes=self.lanes,
                replays=self.replays,
            )
            for store in stores
        ]

    def session_sets(self, expressions: Sequence[str]) -> list[SessionOptions]:
        """The request for each fix. Raises UsageProblem for an option that is about challenges."""
        about_challenges = {
            "--mode": self.mode not in (None, Mode.DIRECT),
            "--events": bool(self.events),
            "--preemptions": self.preemptions is not None,
        }
        for option, given in about_challenges.items():
            if given:
                raise UsageProblem(
                    f"{option}: sessions of [session] are explored in every order of their requests, directly"
                )
        runs, seconds = parse_budget(self.budget)
        fixes = [word.strip() for word in self.compare.split(",") if word.strip()] or [AS_IS]
        return [
            SessionOptions(tuple(expressions), fix, runs, seconds, self.pods, self.replays)
            for fix in dict.fromkeys(fixes)
        ]


@grouped
def explore(
    scenario: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO...",
            help="What meets on one fresh challenge, joined by +: R right, W wrong, E empty selection, "
            "X expiry, A ageing, L lost reply, P pod restart. 'R+W+E', '3 W', 'R+W+E+X'. Where devenv.toml "
            "has [session], the names of its requests, and ask: 'a+b', 'a+logout', 'ask+logout'.",
        ),
    ],
    search: SearchFlags,
    junit: Junit = None,
    summary: Summary = None,
    redis: RedisOption = None,
    *,
    common: Common,
) -> None:
    """Try every order in which simultaneous requests' Redis commands can run; show each kind of violation.

    Exit 0: every order was tried and none violates anything. 1: a violation, with its shortest order,
    confirmed on real pods. 3: not everything was tried, and nothing found.

    Where devenv.toml has [session]: the answers, and what is left of the session, must be those of the same
    requests one after the other.
    """
    context = common.context(redis=redis)
    if is_session(scenario, context.settings):
        explore_sessions(search.session_sets(scenario), context, junit, summary)
        return
    if len(scenario) > 1:
        raise UsageProblem(
            f"{len(scenario)} scenarios: several at once are for a service with [session] in devenv.toml"
        )
    stores = _stores(search.compare)
    if stores and context.settings.service is not None:
        raise UsageProblem(f"--compare: {context.settings.service.title} has one store, its own")
    option_sets = search.option_sets(scenario[0], stores or [search.strategy])
    json_reporter = JsonReporter()
    explorations = _explored(option_sets, context, json_reporter)
    if junit is not None:
        write_file("--junit", junit, junit_xml([junit_suite(exploration) for exploration in explorations]))
    if summary is not None:
        write_file("--summary", summary, summary_page(explorations))
    for one in explorations:
        _show(one, context.screen)
    if len(explorations) > 1:
        _side_by_side(explorations, context.screen)
    context.screen.result(json_reporter.result(compared=len(option_sets) > 1))
    codes = [item.exit_code for item in explorations]
    if len(explorations) < len(option_sets):
        left = ", ".join(options.strategy for options in option_sets[len(explorations) :])
        context.screen.note(f"interrupted: not explored: {left}")
        codes.append(Inconclusive.exit_code)
    code = 1 if 1 in codes else max(codes)
    if code:
        raise typer.Exit(code)


def _explored(
    option_sets: list[ExploreOptions], context: CommandContext, json_reporter: JsonReporter
) -> list[Exploration]:
    """One after the other. Ctrl-C ends it; what was found until then stays."""
    explorations: list[Exploration] = []
    for options in option_sets:
        try:
            with context.screen.working(f"exploring {options.scenario} ({options.strategy})") as progress:
                reporter = Reporters(ProgressReporter(progress), json_reporter)
                explorations.append(explore_orders(options, context.settings, progress, reporter))
        except KeyboardInterrupt:
            if not explorations:
                raise
            break
        if explorations[-1].interrupted:
            break
    return explorations


def _stores(text: str) -> list[Strategy]:
    names = [word.strip() for word in text.split(",") if word.strip()]
    for word in names:
        if word not in list(Strategy):
            raise UsageProblem(f"--compare: {word!r} is no store", hint="--compare guide,atomic")
    return [Strategy(word) for word in dict.fromkeys(names)]


def _show(exploration: Exploration, screen: Screen) -> None:
    screen.show(
        "",
        Text.assemble((f"{exploration.scenario}", "bold"), f" with {exploration.store} ({exploration.mode})"),
    )
    for violation in exploration.violations:
        _show_violation(violation, exploration, screen)
    screen.show("")
    show_verdict(exploration, screen)
    for note in exploration.notes:
        screen.show(Text(f"  {note}", "yellow"))
    searched = exploration.stages.get("search", 0.0)
    rate = (
        f", {exploration.traces / searched:,.0f} {exploration.unit}/s"
        if exploration.traces and searched
        else ""
    )
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in exploration.stages.items())
    screen.show(
        Text(f"  {exploration.requests} requests to real pods{rate}; {stages}; {exploration.engine}", "dim"),
        Text(f"  run {exploration.run_id}", "dim"),
    )


def _show_violation(violation: ExploredViolation, exploration: Exploration, screen: Screen) -> None:
    share = f"{exploration.share(violation)}; needs {'+'.join(violation.requests)}"
    screen.show("", Text.assemble((f" {violation.kind} ", "reverse red"), (f"  {share}", "dim")))
    screen.paragraphs([violation.sentence])
    for who, steps in violation.lines:
        screen.show(Text.assemble((f"    {who:>3} ", "cyan"), steps))
    if violation.confirmed:
        screen.show(Text(f"  on real pods: {violation.replayed} of {violation.replays} the same", "green"))
        screen.show(Text.assemble(("  Reproduce with: ", "bold"), violation.reproduce or ""))
    else:
        screen.show(Text(f"  NOT confirmed on real pods: {violation.why}", "bold yellow"))


def _side_by_side(explorations: list[Exploration], screen: Screen) -> None:
    table = grid("", *(str(item.strategy) for item in explorations))
    table.add_row(
        explorations[0].unit,
        *(_counted(item.traces) + ("" if item.complete else " (not all)") for item in explorations),
    )
    kinds = dict.fromkeys(violation.kind for item in explorations for violation in item.violations)
    for kind in kinds:
        counts = [
            next((_counted(v.traces) for v in item.violations if v.kind == kind), "0")
            for item in explorations
        ]
        table.add_row(kind, *counts)
    screen.show("", table)


def _counted(traces: int | None) -> str:
    return "not counted" if traces is None else str(traces)
