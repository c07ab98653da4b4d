"""watch."""

from __future__ import annotations

from typing import Annotated

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import Common
from devenv.cli.screen import Screen, Text, grid
from devenv.core.model.errors import Inconclusive
from devenv.core.telemetry.alarms import ALARMS
from devenv.core.telemetry.monitoring import Points
from devenv.verbs.operate.select import running_stack
from devenv.verbs.watch.usecase import watch as watch_points


@grouped
def watch(
    once: Annotated[
        bool, typer.Option("--once", help="One interval; exit code 1 where an alarm fires.")
    ] = False,
    interval: Annotated[
        float, typer.Option(min=0.2, max=3600, metavar="SECONDS", help="Between two looks.")
    ] = 2.0,
    *,
    common: Common,
) -> None:
    """Show the monitoring points of the running stack live, with their alarms, until Ctrl-C.

    With --once, exit 0: there were verifies and no alarm fires. 1: an alarm fires. 3: no verify in the
    interval, or a pod does not answer, so that nothing is known. With --json, one object per interval.
    """
    context = common.context()
    status = running_stack(context.settings.backend, context.settings.state_dir).status()
    for points in watch_points(status, interval):
        context.screen.result(points.to_json())
        _show(points, context.screen)
        if once:
            _leave(points)
            return


def _leave(points: Points) -> None:
    if points.alarms:
        raise typer.Exit(1)
    if not points.verifies or points.silent:
        raise typer.Exit(Inconclusive.exit_code)


def _show(points: Points, screen: Screen) -> None:
    table = grid("", f"in {points.seconds:.1f} s")
    table.add_row("verifies", f"{points.verifies:g}")
    table.add_row("Challenge not found", _share(points.not_found))
    for endpoint, counts in points.statuses.items():
        table.add_row(
            endpoint, "  ".join(f"{family} {count:g}" for family, count in sorted(counts.items()) if count)
        )
    table.add_row("time to answer, mean", _unit(points.request_ms, "ms"))
    table.add_row("Redis errors a second", f"{points.redis_errors:.1f}")
    table.add_row("Redis commands, 99 of 100 within", _unit(points.redis_p99, "s"))
    table.add_row("Redis connections, keys", f"{_unit(points.redis_clients)}, {_unit(points.redis_keys)}")
    table.add_row(
        "Redis memory", _unit(None if points.redis_memory is None else points.redis_memory / 2**20, "MiB")
    )
    table.add_row("keys expired, evicted a second", f"{points.expired:.1f}, {points.evicted:.1f}")
    for pod, info in points.pods.items():
        table.add_row(
            pod, " ".join(filter(None, (info.get("store"), info.get("strategy"), info.get("stage"))))
        )
    for pod in points.silent:
        table.add_row(pod, Text("does not answer", "bold red"))
    screen.show("", table)
    firing = points.alarms
    for alarm in ALARMS:
        if alarm in firing:
            screen.show(Text.assemble((f"ALARM {alarm.name} ", "bold red"), alarm.summary))


def _share(value: float | None) -> Text | str:
    return "no verify" if value is None else Text(f"{value:.1%}", "bold red" if value > 0.05 else "green")


def _unit(value: float | None, unit: str = "") -> str:
    return "–" if value is None else f"{value:.4g} {unit}".rstrip()
