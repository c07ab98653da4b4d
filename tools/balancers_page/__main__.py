"""``python -m tools.balancers_page``: writes docs/balancers.md from docs/balancers.json.

``--measure`` measures the settings first, and ``--again`` only once more, and more often, the shares that
differ from the earlier measurement.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from tools.balancers_page.measuring import measure_again, measure_all
from tools.balancers_page.page import render
from tools.pages import Measurement, PageTool, progress


def data_text(measured: Mapping[str, Any]) -> str:
    """What was measured as JSON, a line for each setting."""
    rows = [
        f"{json.dumps(title)}: {json.dumps(record, ensure_ascii=False)}"
        for title, record in measured["settings"].items()
    ]
    return '{"settings": {\n' + ",\n".join(rows) + "\n}}\n"


def _measure(measurement: Measurement) -> Any:
    measure_all(measurement.before, measurement.only, progress, measurement.keep)
    return _again(measurement)


def _again(measurement: Measurement) -> Any:
    measure_again(measurement.before, measurement.only, progress, measurement.keep)
    return measurement.before


TOOL = PageTool("balancers", _measure, render, "an hour", selects=True, data_text=data_text, again=_again)


if __name__ == "__main__":
    sys.exit(TOOL.main())
