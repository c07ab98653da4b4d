"""``python -m tools.simulation_page``: writes docs/simulation.md from docs/simulation.json, and its pictures.

``--measure`` plays the settings first.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tools.pages import Measurement, PageTool, progress
from tools.simulation_page.measuring import measure_all
from tools.simulation_page.page import PICTURES, draw, render


def _measure(measurement: Measurement) -> Any:
    return measure_all(measurement.folder, progress, measurement.only, measurement.before, measurement.keep)


def _data_text(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _draw(docs: Path) -> None:
    for name in PICTURES:
        (docs / name).write_bytes(draw(name))


TOOL = PageTool("simulation", _measure, render, "15 minutes", selects=True, data_text=_data_text, draw=_draw)


if __name__ == "__main__":
    sys.exit(TOOL.main())
