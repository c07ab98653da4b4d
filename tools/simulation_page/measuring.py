"""Plays the settings on the embedded stack and predicts them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from devenv.core.balancers import Server, parse_balancer
from devenv.core.simulation.setting import Setting
from devenv.harness.client.session_load import Played, play_sessions
from devenv.stack.balancers import WHEEL, find, override_of, running_balancer
from devenv.verbs.operate.select import fresh_stack
from devenv.verbs.simulate.calibrate import Calibration, calibrate, calibration, predicted, script, spec_of
from devenv.verbs.simulate.fields import setting_of
from tools.simulation_page.settings import SESSIONS, SETTINGS, Measured

SEED = 1


def measure_all(
    folder: Path, say: Callable[[str], None], only: str = "", before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The page's data. ``folder`` is for the stacks' state; ``say`` is told each setting's result.

    Settings without ``only`` in their names keep their rows of ``before``.
    """
    kept = {row["name"]: row for row in before["settings"]} if before else {}
    rows = []
    for each in SETTINGS:
        if only not in each.name and each.name in kept:
            rows.append(kept[each.name])
            continue
        done = measure(each, folder)
        row = row_of(each, done)
        rows.append(row)
        say(f"{each.name}: {row['predicted']:.2%} predicted, {row['measured']:.2%} measured")
    return {"sessions": SESSIONS, "seed": SEED, "processors": os.cpu_count(), "settings": rows}


def measure(each: Measured, folder: Path) -> Calibration:
    """One setting."""
    setting = setting_of(each.fields)
    if not each.balancer:
        return calibrate(setting, SESSIONS, SEED, "embedded", folder, lambda text: None)
    played = _behind(each.balancer, setting, folder)
    return calibration(predicted(setting, played, SEED), played, each.balancer)


def _behind(text: str, setting: Setting, folder: Path) -> Played:
    """The sessions through a balancer beside the stack, from its wheel: the pods are the stack's."""
    spec = spec_of(replace(setting, policy="round-robin"))
    balancer = parse_balancer(text)
    program = find(balancer.product, {override_of(balancer.product): WHEEL})
    with fresh_stack("embedded", folder, spec, lambda line: None) as stack:
        addresses = {pod: urlsplit(url) for pod, url in stack.endpoints().pods.items()}
        servers = [Server(pod, str(url.hostname), url.port or 0) for pod, url in addresses.items()]

        async def play() -> Played:
            async with running_balancer(balancer, servers, program=program) as running:
                return await play_sessions(running.url, script(setting, SESSIONS, SEED), keep_alive=True)

        return asyncio.run(play())


def row_of(each: Measured, done: Calibration) -> dict[str, Any]:
    """What is kept of one setting."""
    share = done.prediction.share
    return {
        "name": each.name,
        "fields": each.fields,
        "predicted": share.value,
        "exact": share.low == share.high,
        "engine": str(done.prediction.engine),
        "measured": done.measured.value,
        "low": done.measured.low,
        "high": done.measured.high,
        "lost": done.played.lost,
        "late_seconds": round(done.played.late, 3),
        "answer_seconds": round(done.played.answer_time, 4),
    }
