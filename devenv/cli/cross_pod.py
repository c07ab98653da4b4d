"""``python -m devenv.cli.cross_pod``: what scripts/replay_cross_pod.py runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.text import Text

from devenv.cli.options import BackendOption, Json, NoColor, Seed, desk
from devenv.cli.running import run
from devenv.cli.screen import grid
from devenv.core.vocabulary import CaptchaType
from devenv.lab.cross_pod import Tally
from devenv.lab.opening import running_stack
from devenv.lab.probing import probe
from devenv.lab.prose import ENGLISH
from devenv.lab.report.story import outcomes

app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]}, pretty_exceptions_enable=False)


@app.command()
def replay_cross_pod(
    kind: Annotated[
        CaptchaType | None, typer.Option("--type", help="Only this captcha [default: all three].")
    ] = None,
    trials: Annotated[
        int, typer.Option("-n", "--trials", min=1, max=1000, metavar="N", help="Sequences per captcha.")
    ] = 3,
    as_json: Json = False,
    backend: BackendOption = None,
    no_color: NoColor = False,
    seed: Seed = None,
) -> None:
    """Create on one pod, verify on another, on the stack that runs; exit 1 where a right answer failed."""
    at = desk(as_json, no_color, backend, seed)
    status = running_stack(at.settings.backend, at.settings.state_dir).status()
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


def _cell(kind: CaptchaType, tally: Tally) -> Text:
    return Text(outcomes(kind, tally, ENGLISH), "green" if tally.success == tally.trials else "red")


if __name__ == "__main__":
    sys.exit(run(app))
