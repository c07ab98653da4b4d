"""rollout plan, run, status, promote, abort."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import CommandContext, Common
from devenv.cli.screen import Screen, Text, grid
from devenv.core.model.errors import UsageProblem
from devenv.core.rollout.outlook import outlook
from devenv.core.rollout.plan import Plan
from devenv.core.rollout.sequential import wilson
from devenv.harness.runs.journal import JournaledStack
from devenv.stack.protocol import Progress
from devenv.verbs.operate.select import fresh_stack, running_stack
from devenv.verbs.rollout.journal import Phase, RolloutJournal, ask
from devenv.verbs.rollout.plans import load_plan, shipped_plans
from devenv.verbs.rollout.usecase import (
    Rolled,
    abort_cost,
    abort_here,
    begin,
    close,
    present_state,
    resume,
    spec_for,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Go from one session store to another in steps; see beforehand what each step loses.",
)


def _names(incomplete: str) -> list[str]:
    return [name for name in shipped_plans() if name.startswith(incomplete)]


PlanWord = Annotated[
    str,
    typer.Argument(
        metavar="PLAN", help="guide, births, six-stages, cohort, or a file.", autocompletion=_names
    ),
]


@app.command("plan")
@grouped
def plan_(*, plan: PlanWord, common: Common) -> None:
    """Compute what each step of a plan loses, forward and on abort; refuse an unsafe plan with its line."""
    at = common.context()
    made, _ = load_plan(plan)
    steps = outlook(made)
    at.screen.result(
        {
            "id": made.id,
            "title": made.title,
            "strategy": made.strategy,
            "pods": list(made.pods),
            "ttl": made.ttl,
            "slack": made.slack,
            "steps": [step.to_json() for step in steps],
        }
    )
    at.screen.show(Text.assemble((made.id, "bold"), f": {made.title}"), _traffic(made), "")
    table = grid("step", "", "pods", "dwell", "lost", "accepted", "by the change", "on abort")
    for step in steps:
        table.add_row(
            str(step.step.number),
            step.step.name,
            " ".join(f"{pod[-1]}={stage.name}" for pod, stage in step.step.stages.items()),
            f"{step.step.dwell:g} s",
            Text(f"{step.loss:.1%}", "red" if step.loss else "green"),
            f"{step.limit:.1%}",
            f"{step.change:.1f}",
            f"{step.abort:.1f}",
        )
    at.screen.show(table, "")
    for step in steps:
        for pair in step.losing:
            between = f"born at {pair.born}, looked up at {pair.used}"
            at.screen.show(Text(f"  step {step.step.number}: {between}: found by {pair.lookup}", "dim"))


def _traffic(plan: Plan) -> Text:
    rate, think = plan.traffic.rate, plan.traffic.think
    return Text(
        f"{len(plan.pods)} pods, {plan.policy}; TTL {plan.ttl:g} s, slack {plan.slack:g} s; "
        f"{rate:g} sessions a second that think {think:g} s: {rate * min(think, plan.ttl):.1f} are open",
        "dim",
    )


@app.command()
@grouped
def run(
    plan: Annotated[
        str | None,
        typer.Argument(
            metavar="[PLAN]", help="guide, births, six-stages, cohort, or a file.", autocompletion=_names
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="On a stack of its own, which ends with the rollout.")
    ] = False,
    resume_: Annotated[
        bool, typer.Option("--resume", help="Go on with the rollout that was stopped or killed.")
    ] = False,
    rate: Annotated[
        float | None, typer.Option(min=0.1, max=200, metavar="R", help="Sessions a second, for the plan's.")
    ] = None,
    *,
    common: Common,
) -> None:
    """Run a plan on the stack under steady traffic: per step change, dwell, gate.

    The gate counts sessions by the checker's verdict, never by HTTP status. Exit 0: every step holds. 1: a
    step loses more than it accepts. 3: a gate could not decide, or the rollout was aborted.
    """
    at = common.context()
    if (plan is None) != resume_:
        raise UsageProblem("rollout run takes a PLAN, or --resume", hint="devenv rollout run births")
    if fresh and resume_:
        raise UsageProblem("--fresh begins, --resume goes on: give one of them")
    if plan is None:
        with at.screen.working("rolling out") as progress:
            stack = running_stack(at.settings.backend, at.settings.state_dir)
            done = resume(stack, at.settings.state_dir, seed=at.settings.seed, progress=progress)
    else:
        made, text = load_plan(plan)
        if rate is not None:
            made = replace(made, traffic=replace(made.traffic, rate=rate))
        with at.screen.working("rolling out") as progress, _stack(at, made, fresh, progress) as stack:
            done = begin(stack, at.settings.state_dir, made, text, seed=at.settings.seed, progress=progress)
    _show(done, at.screen)


@contextmanager
def _stack(at: CommandContext, plan: Plan, fresh: bool, progress: Progress) -> Iterator[JournaledStack]:
    if not fresh:
        yield running_stack(at.settings.backend, at.settings.state_dir)
        return
    spec = spec_for(plan, at.settings.seed)
    backend = at.settings.backend or "embedded"
    RolloutJournal(at.settings.state_dir).check_free()
    try:
        with fresh_stack(backend, at.settings.state_dir, spec, progress) as stack:
            yield stack
    finally:
        close(at.settings.state_dir)


@app.command()
@grouped
def status(common: Common) -> None:
    """Show the rollout that is under way, or was the last."""
    at = common.context()
    plan, state = present_state(at.settings.state_dir)
    _show(Rolled(plan, state, None), at.screen, leave=False)


@app.command()
@grouped
def promote(common: Common) -> None:
    """End a step that waits for it (promote: manual), so that the next begins."""
    at = common.context()
    state = ask(RolloutJournal(at.settings.state_dir), "promote", [Phase.WAITING])
    at.screen.result({"promoted": state.step})
    at.screen.show(f"step {state.step} is promoted")


@app.command()
@grouped
def abort(
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait for open sessions to end; they are lost.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it costs, and do nothing.")] = False,
    *,
    common: Common,
) -> None:
    """Go back to the plan's start, step by step; say first how many open sessions that costs."""
    at = common.context()
    folder = at.settings.state_dir
    stack = running_stack(at.settings.backend, folder)
    _, state = present_state(folder)
    if state.phase in (Phase.DONE, Phase.ABORTED):
        raise UsageProblem(f"the rollout of {state.name} has ended: {state.phase}")
    cost = abort_cost(stack, folder, at.screen.note)
    waits = "all at once" if now else "fewer, as it waits where that keeps sessions"
    in_memory = sum(cost.sessions.in_memory.values())
    at.screen.show(
        f"open now: {cost.sessions.in_redis} in Redis, {in_memory} in the pods' memory",
        f"going back loses about {cost.lost:.0f} of them without a wait; this way: {waits}",
    )
    if dry_run:
        at.screen.result({"cost": cost.to_json()})
        return
    if state.controlled:
        ask(RolloutJournal(folder), "abort-now" if now else "abort", list(Phase)[:6])
        at.screen.result({"cost": cost.to_json(), "asked": state.pid})
        at.screen.show(f"process {state.pid} goes back; devenv rollout status")
        return
    with at.screen.working("going back") as progress:
        done = abort_here(stack, folder, now=now, seed=at.settings.seed, progress=progress)
    at.screen.result({**done.to_json(), "cost": cost.to_json()})
    at.screen.show("all pods are at the start again")


def _show(done: Rolled, screen: Screen, *, leave: bool = True) -> None:
    """The steps with what was predicted and measured; ends with the exit code where ``leave``."""
    screen.result(done.to_json())
    plan, state = done.plan, done.state
    where = f": {state.phase} at step {state.step} of {len(plan.steps)}"
    screen.show("", Text.assemble((plan.id, "bold"), where))
    table = grid("step", "", "predicted", "measured", "95 %", "sessions", "decision")
    for result in state.results:
        table.add_row(*_row(result))
    screen.show(table)
    for result in state.results:
        for item in result["lost_between"]:
            between = f"born at {item['born']}, looked up at {item['used']}"
            line = f"  step {result['number']}: {item['sessions']} lost: {between}: {item['why']}"
            screen.show(Text(line, "dim"))
    if done.run is not None:
        screen.show(Text(f"run {done.run.id}", "dim"))
    if leave and done.exit_code:
        raise typer.Exit(done.exit_code)


def _row(result: Mapping[str, Any]) -> list[Text | str]:
    test = result["test"]
    style = {"holds": "bold green", "stop": "bold red"}.get(result["decision"], "bold yellow")
    share, interval = "–", ""
    if test["sessions"]:
        low, high = wilson(test["lost"], test["sessions"])
        share, interval = f"{test['lost'] / test['sessions']:.1%}", f"{low:.1%} to {high:.1%}"
    decision = Text(str(result["decision"]), style)
    predicted = f"{result['predicted_loss']:.1%}"
    return [
        str(result["number"]),
        result["name"],
        predicted,
        share,
        interval,
        str(test["sessions"]),
        decision,
    ]
