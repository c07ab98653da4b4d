"""What the verbs of a rollout show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from devenv.cli.screen import Screen, Text, grid
from devenv.core.simulation.intervals import wilson
from devenv.verbs.rollout.journal import ENDED, Phase, RolloutState
from devenv.verbs.rollout.usecase import AbortCost, Rolled

GO_ON = "devenv rollout run --resume goes on, devenv rollout abort goes back"
"""What can be done with a rollout that no process runs."""


def next_step(state: RolloutState) -> str:
    """What can be done now; empty where nothing can or need be."""
    if state.phase in ENDED:
        return ""
    if state.ended:
        return "its stack was its own (--fresh) and has ended with its controller"
    if not state.controlled:
        return f"no process runs it; {GO_ON}"
    if state.phase is Phase.WAITING:
        return f"process {state.pid} waits for devenv rollout promote"
    return f"process {state.pid} runs it"


def cost_lines(cost: AbortCost, now: bool) -> tuple[str, str]:
    """How many sessions are open, and how many of them going back loses.

    The pods' memory may still hold sessions that have expired, so their number is the most that can be open.
    """
    sessions = cost.sessions
    in_memory = sum(sessions.in_memory.values())
    redis = f"{sessions.in_redis} in Redis" if sessions.complete else f"over {sessions.in_redis} in Redis"
    lost = f"about {cost.lost:.0f} of them"
    return (
        f"open now: {redis}, at most {in_memory} in the pods' memory",
        f"going back now loses {lost}"
        if now
        else f"going back with --now would lose {lost}; without it, it waits where that keeps sessions",
    )


def show_rollout(done: Rolled, screen: Screen, *, leave: bool = True) -> None:
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
        if refused := result["verdicts"].get("refused", 0):
            why = result.get("first_refusal", "")
            line = f"  step {result['number']}: {refused} sessions could not be opened, first: {why}"
            screen.show(Text(line, "yellow"))
        for item in result["lost_between"]:
            between = f"born at {item['born']}, looked up at {item['used']}"
            line = f"  step {result['number']}: {item['sessions']} lost: {between}: {item['why']}"
            screen.show(Text(line, "dim"))
    if done.run is not None:
        screen.show(Text(f"run {done.run.id}", "dim"))
    if leave and state.phase is Phase.STOPPED and not state.ended:
        screen.show(GO_ON)
    if leave and done.exit_code:
        raise typer.Exit(done.exit_code)


def _row(result: Mapping[str, Any]) -> list[Text | str]:
    test = result["test"]
    style = {"holds": "bold green", "stop": "bold red"}.get(result["decision"], "bold yellow")
    share, interval = "–", ""
    if test["sessions"]:
        measured = wilson(test["lost"], test["sessions"])
        share, interval = f"{measured.value:.1%}", f"{measured.low:.1%} to {measured.high:.1%}"
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
