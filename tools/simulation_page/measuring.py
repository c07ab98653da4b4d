"""Plays the settings on the embedded stack and predicts them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from devenv.core.balancers import PRODUCTS
from devenv.core.model.errors import Inconclusive
from devenv.stack.balancers import WHEEL, override_of
from devenv.verbs.simulate.calibrate import MOST_LATE, Calibration, calibrate
from devenv.verbs.simulate.fields import setting_of
from tools.simulation_page.settings import SESSIONS, SETTINGS, Measured

SEED = 1
ATTEMPTS = 3
"""A setting is played this often while the machine is too busy to open the sessions in time."""


def measure_all(
    folder: Path,
    say: Callable[[str], None],
    only: str = "",
    before: Mapping[str, Any] | None = None,
    keep: Callable[[Any], None] = lambda data: None,
) -> dict[str, Any]:
    """The page's data. ``folder`` is for the stacks' state; ``say`` is given each setting's result.

    Settings without ``only`` in their names keep their rows of ``before``. ``keep`` is given the data after
    each setting. Raises Inconclusive that names the settings for which the machine was too busy: they keep
    their rows of ``before``, as a row of late sessions is one of another setting.
    """
    rows = {row["name"]: row for row in before["settings"]} if before else {}
    busy = []
    for each in SETTINGS:
        if only not in each.name and each.name in rows:
            continue
        done = measure(each, folder, say)
        if done is None:
            busy.append(each.name)
            continue
        row = rows[each.name] = row_of(each, done)
        say(f"{each.name}: {row['predicted']:.2%} predicted, {row['measured']:.2%} measured")
        keep(_data(rows))
    if busy:
        names = "; ".join(busy)
        raise Inconclusive(
            f"the machine was too busy to open the sessions in time, {ATTEMPTS} times: {names}"
        )
    return _data(rows)


def _data(rows: Mapping[str, Any]) -> dict[str, Any]:
    settings = [rows[each.name] for each in SETTINGS if each.name in rows]
    return {"sessions": SESSIONS, "seed": SEED, "processors": os.cpu_count(), "settings": settings}


def measure(each: Measured, folder: Path, say: Callable[[str], None]) -> Calibration | None:
    """One setting; a balancer is that of its wheel. None where the machine was too busy each time."""
    os.environ.update({override_of(product): WHEEL for product in PRODUCTS})
    for _ in range(ATTEMPTS):
        done = calibrate(setting_of(each.fields), SESSIONS, SEED, "embedded", folder, lambda text: None)
        late = done.played.mostly_late
        if late <= MOST_LATE:
            return done
        say(f"{each.name}: the machine was too busy: 1 % of sessions were opened {late:.1f} s late")
    return None


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
