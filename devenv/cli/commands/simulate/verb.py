"""simulate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from devenv.cli.commands.simulate.options import RunFlags, SettingFlags
from devenv.cli.commands.simulate.output import (
    show_calibration,
    show_comparison,
    show_prediction,
    show_sweep,
    show_target,
)
from devenv.cli.grouped import grouped
from devenv.cli.options import CommandContext, Common
from devenv.cli.screen import Text
from devenv.core.balancers import parse_balancer
from devenv.core.model.errors import ExpectationFailed, Inconclusive, UsageProblem
from devenv.core.model.verdict import passes
from devenv.core.simulation.run import Effort, EngineName, Prediction
from devenv.core.simulation.tally import Tally
from devenv.core.simulation.thinking import Thinking
from devenv.verbs.recordings.import_file import profile_of
from devenv.verbs.simulate.calibrate import calibrate
from devenv.verbs.simulate.clusters import Cell, ClusterName, play, played_on
from devenv.verbs.simulate.comparison import changes_of, compared
from devenv.verbs.simulate.defaults import default_fields
from devenv.verbs.simulate.fields import setting_of, share
from devenv.verbs.simulate.like import thinking_like
from devenv.verbs.simulate.plots import write_plot
from devenv.verbs.simulate.report import write_report
from devenv.verbs.simulate.sweep import axis_of, cells
from devenv.verbs.simulate.target import smallest_change

ENGINES = (*EngineName, *ClusterName)
_EVERY_SECONDS = 0.5


@grouped
def simulate(
    flags: SettingFlags,
    run: RunFlags,
    *,
    common: Common,
) -> None:
    """Predict how many sessions a setting loses, and by which cause, without running it.

    Exit 0, or with --target 1 where the setting loses more, 3 where that could not be decided. With
    --against-real 1 where the measurement contradicts the prediction, 3 where nothing can be told.
    """
    context = common.context()
    if run.engine not in ENGINES:
        raise UsageProblem(f"--engine: unknown engine {run.engine!r}", hint="known: " + ", ".join(ENGINES))
    defaults, source = default_fields(context.settings)
    texts = {**defaults, **flags.texts()}
    if flags.balancer is not None:
        if flags.policy is not None:
            raise UsageProblem(
                "--policy and --balancer: both say who chooses the pod", hint="give one of them"
            )
        texts["policy"] = parse_balancer(texts.pop("balancer")).text
    thinking = thinking_like(run.like, profile_of(context.settings)) if run.like is not None else None
    if thinking is not None and flags.think is not None:
        raise UsageProblem("--like and --think: both say the thinking time", hint="give one of them")
    local = EngineName(run.engine) if run.engine in tuple(EngineName) else EngineName.AUTO
    effort = Effort(run.sessions, share(run.precision, "precision") if run.precision else 0.0, local)
    for name, path in (("--plot", run.plot), ("--html", run.html)):
        _check_target(name, path)
    limit = share(run.target, "target") if run.target else None
    if run.against_real:
        if run.sweep or run.target or run.plot or run.html or run.compare:
            raise UsageProblem("--against-real: not with --sweep, --compare, --target, --plot or --html")
        _against_real(context, texts, thinking, run.pairs)
        return
    if run.compare:
        _compare(context, run, Cell(texts, thinking, context.settings.seed, effort), source)
        return
    axes = [axis_of(text) for text in run.sweep or ()]
    if not axes and run.engine in tuple(ClusterName):
        raise UsageProblem(f"--engine {run.engine}: --sweep is missing", hint="a cluster plays sweeps alone")
    combined = [Cell(each, thinking, context.settings.seed, effort) for each in cells(axes, texts)]
    for cell in combined:
        setting_of(cell.texts, thinking)  # a bad value is reported before anything is played
    predictions = _played(context, combined, run.engine, run.cluster)
    result: dict[str, Any] = {"seed": context.settings.seed, "defaults_from": source}
    if axes:
        swept = [{axis.field: cell.texts[axis.field] for axis in axes} for cell in combined]
        result["sweep"] = [
            {"values": values, **prediction.to_json()}
            for values, prediction in zip(swept, predictions, strict=True)
        ]
        show_sweep(context.screen, axes, predictions)
    else:
        result.update(predictions[0].to_json())
        show_prediction(context.screen, predictions[0])
    code = _target(context, texts, thinking, limit, predictions, result) if limit is not None else 0
    if run.plot is not None:
        write_plot(run.plot, axes, predictions)
    if run.html is not None:
        write_report(run.html, axes, predictions, context.settings.seed)
    context.screen.show(Text(f"seed {context.settings.seed}; what was not given is from {source}", "dim"))
    context.screen.result(result)
    if code:
        raise typer.Exit(code)


def _check_target(option: str, path: Path | None) -> None:
    if path is not None and not path.absolute().parent.is_dir():
        raise UsageProblem(f"{option} {path}: there is no folder {path.absolute().parent}")


def _played(context: CommandContext, combined: Sequence[Cell], engine: str, cluster: str) -> list[Prediction]:
    """All settings, one after the other, or on the cluster."""
    done: list[Prediction] = []
    last = [time.monotonic()]
    with context.screen.working("simulating") as progress:

        def heard(tally: Tally) -> None:
            if time.monotonic() - last[0] >= _EVERY_SECONDS:
                last[0] = time.monotonic()
                place = f"setting {len(done) + 1} of {len(combined)}: " if len(combined) > 1 else ""
                half = tally.share.half_width
                progress(f"{place}{tally.sessions:,} sessions, {tally.share.value:.2%} ± {half:.2%} lost")

        if engine in tuple(ClusterName):
            for prediction in played_on(ClusterName(engine), cluster, combined):
                done.append(prediction)
                progress(f"{len(done)} of {len(combined)} settings")
        else:
            for cell in combined:
                done.append(play(cell, heard))
    return done


def _target(
    context: CommandContext,
    texts: dict[str, str],
    thinking: Thinking | None,
    limit: float,
    predictions: Sequence[Prediction],
    result: dict[str, Any],
) -> int:
    """Whether the target is met, else the smallest change; of a sweep, of the setting without it."""
    shares = [prediction.share for prediction in predictions]
    if passes(checked=len(shares), failures=sum(each.high > limit for each in shares)):
        result["target"] = {"share": limit, "verdict": "holds"}
        show_target(context.screen, limit, None, (), held=True)
        return 0
    with context.screen.working("changes") as progress:
        change, tried = smallest_change(texts, limit, context.settings.seed, thinking, progress)
    certain = any(each.low > limit for each in shares)
    result["target"] = {
        "share": limit,
        "verdict": "fails" if certain else "inconclusive",
        "smallest_change": change.to_json() if change else None,
        "tried": [each.to_json() for each in tried],
    }
    show_target(context.screen, limit, change, tried, held=False)
    return ExpectationFailed.exit_code if certain else Inconclusive.exit_code


def _compare(context: CommandContext, run: RunFlags, cell: Cell, source: str) -> None:
    if run.sweep or run.target or run.plot or run.html or run.engine in tuple(ClusterName):
        raise UsageProblem("--compare: not with --sweep, --target, --plot, --html or a cluster's engine")
    changes = changes_of(run.compare or ())
    both = cell, replace(cell, texts={**cell.texts, **changes})
    if cell.thinking is not None and "think" in changes:
        raise UsageProblem("--like and --compare think: both say the thinking time", hint="give one of them")
    settings = [setting_of(each.texts, each.thinking) for each in both]
    if settings[0] == settings[1]:
        raise UsageProblem("--compare: the setting has these values already", hint="give another value")
    first, second = _played(context, both, run.engine, "")
    done = compared(both, (first, second))
    show_comparison(context.screen, done)
    context.screen.show(Text(f"seed {context.settings.seed}; what was not given is from {source}", "dim"))
    context.screen.result({"seed": context.settings.seed, "defaults_from": source, **done.to_json()})


def _against_real(
    context: CommandContext, texts: dict[str, str], thinking: Thinking | None, pairs: int
) -> None:
    setting = setting_of(texts, thinking)
    backend = context.settings.backend or "embedded"
    with context.screen.working("against the real stack") as progress:
        done = calibrate(setting, pairs, context.settings.seed, backend, context.settings.state_dir, progress)
    context.screen.result({"seed": context.settings.seed, **done.to_json()})
    show_calibration(context.screen, done)
    if done.exit_code:
        raise typer.Exit(done.exit_code)
