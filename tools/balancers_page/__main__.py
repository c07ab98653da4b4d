"""``python -m tools.balancers_page``: writes docs/balancers.md from docs/balancers.json.

``--measure`` measures the settings first.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devenv.core.model.errors import DevenvError
from devenv.harness.runs.folders import write_atomically
from tools.balancers_page.measuring import measure_all
from tools.balancers_page.page import render

PAGE, DATA = "balancers.md", "balancers.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.balancers_page", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure the settings first (an hour)")
    parser.add_argument("--only", default="", help="with --measure: settings with this in their titles")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="the folder of the page")
    given = parser.parse_args(arguments)
    file = given.docs / DATA
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def keep(measured: Mapping[str, Any]) -> None:
        write_atomically(file, data_text(measured))

    try:
        if given.measure:
            measure_all(data, given.only, lambda line: print(line, file=sys.stderr, flush=True), keep)  # noqa: T201
    except DevenvError as error:
        print(f"error: {error.message}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    write_atomically(given.docs / PAGE, render(data))
    return 0


def data_text(measured: Mapping[str, Any]) -> str:
    """What was measured as JSON, a line for each setting."""
    rows = [
        f"{json.dumps(title)}: {json.dumps(record, ensure_ascii=False)}"
        for title, record in measured["settings"].items()
    ]
    return '{"settings": {\n' + ",\n".join(rows) + "\n}}\n"


if __name__ == "__main__":
    sys.exit(main())
