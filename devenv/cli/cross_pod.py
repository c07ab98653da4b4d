"""``python -m devenv.cli.cross_pod``: what scripts/replay_cross_pod.py runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import CommandContext, Common
from devenv.cli.running import run
from devenv.cli.screen import Text, grid
from devenv.core.model.errors import ExpectationFailed, Inconclusive
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import CaptchaType, Outcome
from devenv.harness.client.cross_pod import Tally
from devenv.harness.client.cross_pod_check import probe
from devenv.harness.client.load_pairs import Pairs, run_pairs
from devenv.verbs.demo.report import outcomes
from devenv.verbs.demo.texts import ENGLISH
from devenv.verbs.operate.select import running_stack
from devenv.wire.control.policy import present_policy

_ALONE = 20
"""This many pairs are sent one after the other."""
_BETWEEN = ("no request between", "one request between")
_BY_TURNS = (
    "The pairs that lost none are no fix: pods that take turns, or a client that keeps its connection, hide "
    "the loss from some clients. `devenv balance` measures for which."
)

_NOT_CROSSED = (
    "Nothing was tried across pods: each pair met one pod alone. {chooser} keeps this client on its pod, and "
    "clients of which it does not can lose their sessions all the same. `devenv balance` measures for which."
)

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
            "of them whose challenge was not found is the result; 20 of them also one after the other, "
            "without and with a request in between. Exit 3 where no pair met two pods.",
        ),
    ] = None,
    new_connections: Annotated[
        bool, typer.Option("--new-connections", help="With --pairs: a TCP connection per request.")
    ] = False,
    *,
    common: Common,
) -> None:
    """Create on one pod, verify on another, on the stack that runs; exit 1 where a right answer failed."""
    context = common.context()
    status = running_stack(context.settings.backend, context.settings.state_dir).status()
    if pairs is not None:
        _show_pairs(context, status, pairs, keep_alive=not new_connections)
        return
    with context.screen.working("replaying"):
        done = probe(status, (kind,) if kind else tuple(CaptchaType), trials, seed=context.settings.seed)
    context.screen.result(done.to_json())
    kept = ", ".join(f"{pod}: {store}" for pod, store in done.stores.items())
    context.screen.show(Text(f"stores: {kept}", "dim"), "")
    context.screen.picture(done.picture)
    table = grid(f"  {ENGLISH.captcha}", ENGLISH.cross_pod, ENGLISH.same_pod)
    for captcha, result in done.results.items():
        cells = [_cell(captcha, tally) for tally in (result.cross_pod, result.same_pod) if tally]
        table.add_row(f"  {ENGLISH.types[captcha]}", *cells)
    context.screen.show("", table, "")
    if not done.passed:
        context.screen.show(Text("✗ right answers failed: the pods do not share their sessions", "bold red"))
        raise typer.Exit(1)
    context.screen.show(Text("✓ every right answer passed", "bold green"))


def _show_pairs(context: CommandContext, status: StackStatus, total: int, *, keep_alive: bool) -> None:
    """Send the pairs and show what came of them; exit 1 where a challenge was not found.

    Pods that take turns lose all pairs or none, by the number of requests in between and of those in flight.
    So some pairs are sent one after the other as well, without and with another request in between. Exit 3
    where no pair met two pods.
    """
    traffic = status.endpoints.traffic
    with context.screen.working("pairs") as progress:
        done = run_pairs(
            traffic,
            total,
            keep_alive=keep_alive,
            progress=lambda count: progress(f"{count} of {total} pairs") if count % 100 == 0 else None,
        )
        alone = {
            name: run_pairs(traffic, min(total, _ALONE), keep_alive=keep_alive, in_flight=1, between=between)
            for between, name in enumerate(_BETWEEN)
        }
    policy = present_policy(status.endpoints.control)
    facts = {"policy": policy, "pods": len(status.pods), "keep_alive": keep_alive}
    one_at_a_time = {name.replace(" ", "_"): pairs.to_json() for name, pairs in alone.items()}
    context.screen.result({**facts, **done.to_json(), "one_at_a_time": one_at_a_time})
    how = "one connection per client" if keep_alive else "a new connection per request"
    context.screen.show(f"{total} create→verify pairs over {len(status.pods)} pods, {policy}, {how}")
    _show_lost(context, "Challenge not found", done)
    for name, pairs in alone.items():
        _show_lost(context, f"  one pair at a time, {name}", pairs)
    lost = [_lost(each) for each in (done, *alone.values())]
    if any(lost) and not all(lost):
        context.screen.paragraphs([_BY_TURNS])
    if any(lost):
        raise typer.Exit(ExpectationFailed.exit_code)
    if len(status.pods) > 1 and not any(each.crossed for each in (done, *alone.values())):
        context.screen.paragraphs([_NOT_CROSSED.format(chooser=policy)])
        raise typer.Exit(Inconclusive.exit_code)


def _lost(pairs: Pairs) -> int:
    return pairs.outcomes.get(Outcome.NOT_FOUND, 0)


def _show_lost(context: CommandContext, what: str, pairs: Pairs) -> None:
    text = f"{what}: {_lost(pairs)} of {pairs.total} ({pairs.not_found_share:.1%})"
    context.screen.show(Text(text, "red" if _lost(pairs) else "green"))


def _cell(kind: CaptchaType, tally: Tally) -> Text:
    return Text(outcomes(kind, tally, ENGLISH), "green" if tally.success == tally.trials else "red")


if __name__ == "__main__":
    sys.exit(run(app))
