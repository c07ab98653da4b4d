"""Plays the settings on the embedded stack and predicts them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from devenv.core.balancers import PRODUCTS
from devenv.stack.balancers import WHEEL, override_of
from devenv.verbs.simulate.calibrate import Calibration, calibrate
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
    """One setting; a balancer is that of its wheel."""
    os.environ.update({override_of(product): WHEEL for product in PRODUCTS})
    return calibrate(setting_of(each.fields), SESSIONS, SEED, "embedded", folder, lambda text: None)


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
