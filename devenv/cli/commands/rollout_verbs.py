"""rollout plan, run, status, promote, abort."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import BalancerOption, CommandContext, Common
from devenv.cli.rollout_output import GO_ON, cost_lines, next_step, show_rollout
from devenv.cli.screen import Text, grid
from devenv.core.model.backends import Backend
from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.rollout.outlook import outlook
from devenv.core.rollout.plan import Plan
from devenv.harness.runs.journal import JournaledStack
from devenv.stack.protocol import Progress
from devenv.verbs.operate.select import fresh_stack, running_stack
from devenv.verbs.rollout.journal import Phase, RolloutJournal, RolloutState, ask
from devenv.verbs.rollout.plans import load_plan, shipped_plans
from devenv.verbs.rollout.usecase import (
    Rolled,
    abort_cost,
    abort_here,
    begin,
    close,
    open_rollout,
    present_state,
    resumable,
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


PLANS_HELP = "births, guide, six-stages, cohort, added-canary, replaced, or a file."
PlanWord = Annotated[
    str,
    typer.Argument(metavar="PLAN", help=PLANS_HELP, autocompletion=_names),
]


@app.command("plan")
@grouped
def plan_(*, plan: PlanWord, common: Common) -> None:
    """Compute what each step of a plan loses, forward and on abort; refuse an unsafe plan with its line."""
    context = common.context()
    made, _ = load_plan(plan)
    steps = outlook(made)
    context.screen.result(
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
    context.screen.show(Text.assemble((made.id, "bold"), f": {made.title}"), _traffic(made), "")
    table = grid("step", "", "pods", "dwell", "lost", "accepted", "by the change", "on abort")
    for step in steps:
        table.add_row(
            str(step.step.number),
            step.step.name,
            " ".join(
                [
                    *(f"{pod[-1]}={stage.name}" for pod, stage in step.step.stages.items()),
                    *(f"-{pod[-1]}" for pod in step.step.removed),
                ]
            ),
            f"{step.step.dwell:g} s",
            Text(f"{step.loss:.1%}", "red" if step.loss else "green"),
            f"{step.limit:.1%}",
            f"{step.change:.1f}",
            f"{step.abort:.1f}",
        )
    context.screen.show(table, "")
    for step in steps:
        for pair in step.losing:
            between = f"born at {pair.born}, looked up at {pair.used}"
            context.screen.show(Text(f"  step {step.step.number}: {between}: found by {pair.lookup}", "dim"))


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
        typer.Argument(metavar="[PLAN]", help=PLANS_HELP, autocompletion=_names),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="On a stack of its own, which ends with the rollout.")
    ] = False,
    resume_: Annotated[
        bool, typer.Option("--resume", help="Go on with the rollout that was stopped or killed.")
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=200, metavar="R", help="Sessions a second, for the plan's; kept for --resume."
        ),
    ] = None,
    balancer: BalancerOption = None,
    *,
    common: Common,
) -> None:
    """Run a plan on the stack under steady traffic: per step change, dwell, gate.

    The gate counts sessions by the checker's verdict, never by HTTP status. Exit 0: every step holds. 1: a
    step loses more than it accepts. 3: a gate could not decide, or the rollout was aborted.
    """
    context = common.context(balancer=balancer)
    if (plan is None) != resume_:
        raise UsageProblem("rollout run takes a PLAN, or --resume", hint="devenv rollout run births")
    if fresh and resume_:
        raise UsageProblem("--fresh begins, --resume goes on: give one of them")
    folder = context.settings.state_dir
    if plan is None:
        state = resumable(RolloutJournal(folder))
        with _says_how_to_go_on(context), context.screen.working("rolling out") as progress:
            stack = running_stack(_backend(context, state), folder)
            done = resume(stack, folder, seed=common.seed, rate=rate, progress=progress)
    else:
        made, text = load_plan(plan)
        with (
            _says_how_to_go_on(context),
            context.screen.working("rolling out") as progress,
            _stack(context, made, plan, fresh, progress) as stack,
        ):
            done = begin(
                stack,
                folder,
                made,
                text,
                seed=context.settings.seed,
                rate=rate,
                fresh=fresh,
                progress=progress,
            )
    show_rollout(done, context.screen)


def _backend(context: CommandContext, state: RolloutState) -> Backend | None:
    """The backend that the rollout runs on. Raises UsageProblem where another one was asked for."""
    began: Backend | None = "compose" if state.backend == "compose" else "embedded" if state.backend else None
    asked = context.settings.backend
    if began and asked and began != asked:
        raise UsageProblem(f"the rollout of {state.name} runs on the {began} backend, not on {asked}")
    return asked or began


@contextmanager
def _says_how_to_go_on(context: CommandContext) -> Iterator[None]:
    """Where Ctrl-C, or a fault of the stack, ends the controller: what is left, and how to go on."""
    try:
        yield
    except UsageProblem:
        raise
    except BaseException:
        state = RolloutJournal(context.settings.state_dir).read()
        if state is not None and not state.ended and not state.controlled:
            context.screen.note(f"the rollout of {state.name} is left at step {state.step}, {state.phase}")
            context.screen.note(GO_ON)
        raise


def _check_balancer(context: CommandContext, stack: JournaledStack) -> None:
    wished, present = context.settings.stack_spec().balancer, stack.status().spec.balancer
    if wished and wished != present:
        raise UsageProblem(
            f"the stack that runs is behind {present or 'its proxy'}, not behind {wished}",
            hint="--fresh starts a stack for the rollout, behind that balancer",
        )


@contextmanager
def _stack(
    context: CommandContext, plan: Plan, word: str, fresh: bool, progress: Progress
) -> Iterator[JournaledStack]:
    """The stack that runs, or one of its own; ``word`` is what the user calls the plan."""
    if not fresh:
        try:
            stack = running_stack(context.settings.backend, context.settings.state_dir)
        except EnvironmentProblem as problem:
            raise EnvironmentProblem(
                problem.message,
                hint=f"devenv rollout run {word} --fresh starts a stack for it; or start one with "
                f"`devenv up -d --pods {len(plan.pods)}`",
            ) from problem
        _check_balancer(context, stack)
        yield stack
        return
    spec = spec_for(plan, context.settings.seed, context.settings.stack_spec().balancer)
    backend = context.settings.backend or "embedded"
    RolloutJournal(context.settings.state_dir).check_free()
    try:
        with fresh_stack(backend, context.settings.state_dir, spec, progress) as stack:
            yield stack
    except KeyboardInterrupt:
        context.screen.note("the rollout and its stack have ended; begin again with the same command")
        raise
    finally:
        close(context.settings.state_dir)


@app.command()
@grouped
def status(common: Common) -> None:
    """Show the rollout that is under way, or was the last."""
    context = common.context()
    plan, state = present_state(context.settings.state_dir)
    show_rollout(Rolled(plan, state, None), context.screen, leave=False)
    if line := next_step(state):
        context.screen.show(line)


@app.command()
@grouped
def promote(common: Common) -> None:
    """End a step that waits for it (promote: manual), so that the next begins."""
    context = common.context()
    state = ask(RolloutJournal(context.settings.state_dir), "promote", [Phase.WAITING])
    context.screen.result({"promoted": state.step})
    context.screen.show(f"step {state.step} is promoted")


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
    context = common.context()
    folder = context.settings.state_dir
    state = open_rollout(RolloutJournal(folder))
    if state.fresh:
        raise UsageProblem(
            f"process {state.pid} runs this rollout on a stack of its own (--fresh)",
            hint="Ctrl-C there ends both; nothing is left that could go back",
        )
    stack = running_stack(_backend(context, state), folder)
    cost = abort_cost(stack, folder, context.screen.note)
    context.screen.show(*cost_lines(cost, now))
    if dry_run:
        context.screen.result({"cost": cost.to_json()})
        return
    if state.controlled:
        ask(RolloutJournal(folder), "abort-now" if now else "abort", list(Phase)[:6])
        context.screen.result({"cost": cost.to_json(), "asked": state.pid})
        context.screen.show(f"process {state.pid} goes back; devenv rollout status")
        return
    with context.screen.working("going back") as progress:
        done = abort_here(stack, folder, now=now, progress=progress)
    context.screen.result({**done.to_json(), "cost": cost.to_json()})
    context.screen.show("all pods are at the start again")
