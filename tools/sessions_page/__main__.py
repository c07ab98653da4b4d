"""``python -m tools.sessions_page``: writes docs/sessions.md from docs/sessions.json; ``--measure``: both."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.pages import Measurement, PageTool, progress
from tools.redis_server import redis_server
from tools.sessions_page.compared import FRONTRUN, compare
from tools.sessions_page.measuring import measure_all
from tools.sessions_page.page import render


def _measure(measurement: Measurement) -> Any:
    data = {"libraries": [], "compared": [], **measurement.before}
    for rows in measure_all(measurement.folder, progress, measurement.only, data["libraries"]):
        data["libraries"] = rows
        measurement.keep(data)
    if measurement.only in ("", FRONTRUN):
        with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as port:
            data["compared"] = compare(Path(folder), port, progress)
    return data


TOOL = PageTool("sessions", _measure, render, "half an hour", selects=True)


if __name__ == "__main__":
    sys.exit(TOOL.main())
