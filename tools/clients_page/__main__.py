"""``python -m tools.clients_page``: writes docs/clients.md from docs/clients.json; ``--measure``: both."""

from __future__ import annotations

import sys
from typing import Any

from tools.clients_page.measuring import measure_all
from tools.clients_page.page import render
from tools.pages import Measurement, PageTool, progress
from tools.redis_server import redis_server


def _measure(measurement: Measurement) -> Any:
    with redis_server(measurement.folder) as port:
        return measure_all(measurement.folder, port, progress)


TOOL = PageTool("clients", _measure, render, "some minutes")


if __name__ == "__main__":
    sys.exit(TOOL.main())
