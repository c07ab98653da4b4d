"""seed, replay, scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from devenv.cli.commands.explain_verb import show_findings, show_remarks
from devenv.cli.grouped import grouped
from devenv.cli.options import BalancerOption, Common, Junit, RedisOption, Summary, write_file
from devenv.cli.screen import Screen, Text, grid
from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import CATALOGUE_STORES, MAX_PODS, CaptchaType, Strategy
from devenv.core.render.junit import junit_xml
from devenv.core.scenario import Scenario, catalogue, find, for_services
from devenv.harness.client.seed import seed as seed_challenges
from devenv.verbs.operate.select import running_stack
from devenv.verbs.replay.judged_by import in_words, judged_by
from devenv.verbs.replay.result import ReplayResult, junit_suite
from devenv.verbs.replay.summary import summary as summary_page
from devenv.verbs.replay.usecase import replay_word


@grouped
def seed(
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, metavar="N", help="How many challenges.")
    ] = 10,
    kind: Annotated[
        CaptchaType | None, typer.Option("--type", help="Only this captcha [default: all three in turn].")
    ] = None,
    direct: Annotated[
        bool, typer.Option("--direct", help="Straight into Redis, to the key schema, past the service.")
    ] = False,
    *,
    common: Common,
) -> None:
    """Create challenges on the running stack; they and their answers go to .devenv/challenges.jsonl."""
    context = common.context()
    stack = running_stack(context.settings.backend, context.settings.state_dir)
    with context.screen.working("seeding") as progress:
        done = seed_challenges(
            stack.status(),
            count,
            kind,
            context.settings.state_dir,
            direct=direct,
            random_seed=context.settings.seed,
            progress=progress,
        )
    context.screen.result(done.to_json())
    context.screen.show(f"{len(done.seeded)} challenges with their answers: {done.path}")
    if done.note:
        context.screen.show(Text(done.note, "yellow"))


def _names(incomplete: str) -> list[tuple[str, str]]:
    return [(item.id, item.title) for item in catalogue() if item.id.startswith(incomplete)]


@dataclass(frozen=True, slots=True)
class RoutingFlags:
    """The options that say which pod gets a request."""

    pods: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_PODS, metavar="N", help="Each session's requests over N pods in turn."),
    ] = None
    through_balancer: Annotated[
        bool,
        typer.Option(
            "--through-balancer", help="Pin no request: the balancer, or the policy, chooses for all."
        ),
    ] = False
    balancer: BalancerOption = None


@grouped
def replay(
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE|NAME|RUN-ID",
            help="A scenario file, a scenario of the catalogue, or a recorded run (latest).",
            autocompletion=_names,
        ),
    ],
    strategy: Annotated[
        Strategy | None, typer.Option(help="The session store [default: the one the stack has now].")
    ] = None,
    repeat: Annotated[
        int | None, typer.Option(min=1, max=100_000, metavar="N", help="Play it N times.")
    ] = None,
    junit: Junit = None,
    summary: Summary = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            metavar='"v1 …"', help="Another order of its concurrent requests' Redis commands, in one line."
        ),
    ] = None,
    pace: Annotated[
        float, typer.Option(min=0, metavar="X", help="Pauses are X times as long; 0: none.")
    ] = 1.0,
    redis: RedisOption = None,
    *,
    routing: RoutingFlags,
    common: Common,
) -> None:
    """Play a scenario, print its sequence and judge it by what the catalogue expects of the store.

    Runs on the stack that runs, which it leaves as it was; else, or where Redis is to stand otherwise, on one
    of its own. Without --strategy a user-provided service is judged by what the file expects of every store,
    and by what the sessions of any service must keep.
    Exit 0: it holds. 1: it fails. 3: an order was not met, or it could not be judged.
    """
    if routing.pods is not None and routing.through_balancer:
        raise UsageProblem("--pods and --through-balancer exclude each other", hint="leave one of them out")
    context = common.context(redis=redis, balancer=routing.balancer)
    with context.screen.working("replay") as progress:
        done = replay_word(
            target,
            context.settings,
            strategy=strategy,
            repeat=repeat,
            schedule=schedule,
            pods=routing.pods,
            through_balancer=routing.through_balancer,
            pace=pace,
            progress=progress,
        )
    result = done.result
    if junit is not None:
        write_file("--junit", junit, junit_xml([junit_suite(result)]))
    if summary is not None:
        write_file("--summary", summary, summary_page(result, done.explanation))
    holds = result.verdict == "holds"
    explained = done.explanation.to_json()
    why = {} if holds else {"findings": explained["findings"]}
    context.screen.result(result.to_json() | why | {"remarks": explained["remarks"]})
    _show_replay(result, context.screen)
    if holds or not done.explanation.wrong:
        show_remarks(done.explanation, context.screen)
    if not holds:
        if done.explanation.wrong:
            show_findings(done.explanation, context.screen)
        else:
            context.screen.show(Text("the trace of the run shows no known cause of it", "dim"))
        context.screen.show(Text(f"with its pictures: devenv explain {done.run.id}", "dim"))
        raise typer.Exit(1 if result.verdict == "fails" else 3)


def _show_replay(result: ReplayResult, screen: Screen) -> None:
    scenario = result.scenario
    screen.show(Text(f"{scenario.id}: {scenario.title}", "bold"), Text(f"store: {result.store}", "dim"), "")
    screen.picture(result.recording.messages)
    note = scenario.note(result.strategy) if result.measured else None
    if note is not None and note.shows:
        label, style = ("the bug", "yellow") if note.bug else ("expected", "cyan")
        screen.show("", Text.assemble((f"{label}: ", style), note.shows))
    if result.repeat > 1:
        ways = "every time the same" if result.identical else f"{len(result.outcomes)} different ways"
        screen.show(Text(f"{result.repeat} times, {ways}", "dim"))
    screen.show("")
    failures = () if result.verdict == "holds" else result.failures
    for failure in failures[:20]:
        screen.show(Text(f"  {failure}", "red"))
    if len(failures) > 20:
        screen.show(Text(f"  … and {len(failures) - 20} more", "red"))
    for sentence in judged_by(result):
        screen.show(Text(sentence, "dim"))
    mark, style = {"holds": ("✓", "bold green"), "fails": ("✗", "bold red")}.get(
        result.verdict, ("?", "bold yellow")
    )
    screen.show(Text(f"{mark} {in_words(result)}", style), Text(f"again: {result.command}", "dim"))


@grouped
def scenarios(
    name: Annotated[str | None, typer.Argument(help="Show this one whole.", autocompletion=_names)] = None,
    *,
    common: Common,
) -> None:
    """List the scenarios that are shipped, or show one."""
    context = common.context()
    if name is not None:
        target = find(name)
        context.screen.result({**target.to_json(), "source": target.source})
        _show_scenario(target, context.screen)
        return
    shipped = (*catalogue(), *for_services())
    context.screen.result({"scenarios": [scenario.to_json() for scenario in shipped]})
    table = grid("scenario", "service", *CATALOGUE_STORES, "shows")
    for scenario in shipped:
        marks = (_mark(scenario, store) for store in CATALOGUE_STORES)
        table.add_row(Text(scenario.id, "bold"), scenario.service, *marks, scenario.title)
    context.screen.show(
        table, "", Text("replay one with `devenv replay NAME --strategy memory|guide|atomic`", "dim")
    )


def _mark(scenario: Scenario, strategy: Strategy) -> Text:
    if strategy not in scenario.strategies:
        return Text("–", "dim")
    return Text("bug", "red") if scenario.stores[strategy].bug else Text("ok", "green")


def _show_scenario(scenario: Scenario, screen: Screen) -> None:
    screen.show(Text(f"{scenario.id}: {scenario.title}", "bold"), "")
    screen.block(scenario.about.strip())
    screen.show("")
    for strategy, note in scenario.stores.items():
        screen.show(
            Text.assemble(
                (f"  {strategy:<8}", "bold"),
                _mark(scenario, strategy),
                "  ",
                note.shows or note.not_applicable or "",
            )
        )
    screen.show("")
    screen.code(scenario.source)
