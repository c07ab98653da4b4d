"""``python -m devenv.cli.cross_pod``: what scripts/replay_cross_pod.py runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import CommandContext, Common
from devenv.cli.running import run
from devenv.cli.screen import Text, grid
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import CaptchaType, Outcome
from devenv.harness.client.cross_pod import Tally
from devenv.harness.client.cross_pod_check import probe
from devenv.harness.client.load_pairs import run_pairs
from devenv.verbs.demo.report import outcomes
from devenv.verbs.demo.texts import ENGLISH
from devenv.verbs.operate.select import running_stack
from devenv.wire.control.policy import present_policy

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.command()
@grouped
def replay_cross_pod(
    kind: Annotated[
        CaptchaType | None, typer.Option("--type", help="Only this captcha [default: all three].")
    ] = None,
    trials: Annotated[
        int, typer.Option("-n", "--trials", min=1, max=1000, metavar="N", help="Sequences per captcha.")
    ] = 3,
    pairs: Annotated[
        int | None,
        typer.Option(
            "--pairs",
            min=1,
            max=100_000,
            metavar="N",
            help="Instead: N create→verify pairs that pin no pod; the routing policy decides, and the share "
            "of them whose challenge was not found is the result.",
        ),
    ] = None,
    new_connections: Annotated[
        bool, typer.Option("--new-connections", help="With --pairs: a TCP connection per request.")
    ] = False,
    *,
    common: Common,
) -> None:
    """Create on one pod, verify on another, on the stack that runs; exit 1 where a right answer failed."""
    at = common.context()
    status = running_stack(at.settings.backend, at.settings.state_dir).status()
    if pairs is not None:
        _show_pairs(at, status, pairs, keep_alive=not new_connections)
        return
    with at.screen.working("replaying"):
        done = probe(status, (kind,) if kind else tuple(CaptchaType), trials, seed=at.settings.seed)
    at.screen.result(done.to_json())
    kept = ", ".join(f"{pod}: {store}" for pod, store in done.stores.items())
    at.screen.show(Text(f"stores: {kept}", "dim"), "")
    at.screen.picture(done.picture)
    table = grid(f"  {ENGLISH.captcha}", ENGLISH.cross_pod, ENGLISH.same_pod)
    for captcha, result in done.results.items():
        cells = [_cell(captcha, tally) for tally in (result.cross_pod, result.same_pod) if tally]
        table.add_row(f"  {ENGLISH.types[captcha]}", *cells)
    at.screen.show("", table, "")
    if not done.passed:
        at.screen.show(Text("✗ right answers failed: the pods do not share their sessions", "bold red"))
        raise typer.Exit(1)
    at.screen.show(Text("✓ every right answer passed", "bold green"))


def _show_pairs(at: CommandContext, status: StackStatus, total: int, *, keep_alive: bool) -> None:
    """Send the pairs and show what came of them; exit 1 where a challenge was not found."""
    with at.screen.working("pairs") as progress:
        done = run_pairs(
            status.endpoints.traffic,
            total,
            keep_alive=keep_alive,
            progress=lambda count: progress(f"{count} of {total} pairs") if count % 100 == 0 else None,
        )
    policy = present_policy(status.endpoints.control)
    facts = {"policy": policy, "pods": len(status.pods), "keep_alive": keep_alive}
    at.screen.result({**facts, **done.to_json()})
    how = "one connection per client" if keep_alive else "a new connection per request"
    at.screen.show(f"{total} create→verify pairs over {len(status.pods)} pods, {policy}, {how}")
    lost = done.outcomes.get(Outcome.NOT_FOUND, 0)
    text = f"Challenge not found: {lost} of {total} ({done.not_found_share:.1%})"
    at.screen.show(Text(text, "red" if lost else "green"))
    if lost:
        raise typer.Exit(1)


def _cell(kind: CaptchaType, tally: Tally) -> Text:
    return Text(outcomes(kind, tally, ENGLISH), "green" if tally.success == tally.trials else "red")


if __name__ == "__main__":
    sys.exit(run(app))
