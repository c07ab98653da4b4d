"""``python -m tools.failures_page``: writes docs/failures.md from docs/failures.json; ``--measure``: both."""

from __future__ import annotations

import sys
from typing import Any

from tools.failures_page import data_text, play_all, render
from tools.pages import Measurement, PageTool, progress


def _measure(measurement: Measurement) -> Any:
    return play_all(measurement.folder, progress)


TOOL = PageTool("failures", _measure, render, "some minutes", data_text=data_text)


if __name__ == "__main__":
    sys.exit(TOOL.main())
