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
    at = common.context()
    status = running_stack(at.settings.backend, at.settings.state_dir).status()
    for found in watch_points(status, interval):
        at.screen.result(found.to_json())
        _show(found, at.screen)
        if once:
            _leave(found)
            return


def _leave(found: Points) -> None:
    if found.alarms:
        raise typer.Exit(1)
    if not found.verifies or found.silent:
        raise typer.Exit(Inconclusive.exit_code)


def _show(found: Points, screen: Screen) -> None:
    table = grid("", f"in {found.seconds:.1f} s")
    table.add_row("verifies", f"{found.verifies:g}")
    table.add_row("Challenge not found", _share(found.not_found))
    for endpoint, counts in found.statuses.items():
        table.add_row(
            endpoint, "  ".join(f"{family} {count:g}" for family, count in sorted(counts.items()) if count)
        )
    table.add_row("time to answer, mean", _unit(found.request_ms, "ms"))
    table.add_row("Redis errors a second", f"{found.redis_errors:.1f}")
    table.add_row("Redis commands, 99 of 100 within", _unit(found.redis_p99, "s"))
    table.add_row("Redis connections, keys", f"{_unit(found.redis_clients)}, {_unit(found.redis_keys)}")
    table.add_row(
        "Redis memory", _unit(None if found.redis_memory is None else found.redis_memory / 2**20, "MiB")
    )
    table.add_row("keys expired, evicted a second", f"{found.expired:.1f}, {found.evicted:.1f}")
    for pod, info in found.pods.items():
        table.add_row(
            pod, " ".join(filter(None, (info.get("store"), info.get("strategy"), info.get("stage"))))
        )
    for pod in found.silent:
        table.add_row(pod, Text("does not answer", "bold red"))
    screen.show("", table)
    firing = found.alarms
    for alarm in ALARMS:
        if alarm in firing:
            screen.show(Text.assemble((f"ALARM {alarm.name} ", "bold red"), alarm.summary))


def _share(value: float | None) -> Text | str:
    return "no verify" if value is None else Text(f"{value:.1%}", "bold red" if value > 0.05 else "green")


def _unit(value: float | None, unit: str = "") -> str:
    return "–" if value is None else f"{value:.4g} {unit}".rstrip()
