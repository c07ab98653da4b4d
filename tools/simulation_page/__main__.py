"""``python -m tools.simulation_page``: writes docs/simulation.md and its pictures.

``--measure`` plays the settings first.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devenv.core.model.errors import DevenvError
from devenv.harness.runs.folders import write_atomically
from tools.simulation_page.measuring import measure_all
from tools.simulation_page.page import PICTURES, draw, render

PAGE, DATA = "simulation.md", "simulation.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.simulation_page", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="play the settings first (15 minutes)")
    parser.add_argument("--no-pictures", action="store_true", help="leave the pictures as they are")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="the folder of the page")
    parser.add_argument("--only", default="", help="with --measure: settings with this in their names")
    given = parser.parse_args(arguments)
    try:
        if given.measure:
            with tempfile.TemporaryDirectory() as folder:
                before = _read(given.docs / DATA) if given.only else None
                data = measure_all(Path(folder), _say, given.only, before)
            write_atomically(given.docs / DATA, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        data = _read(given.docs / DATA)
        if not given.no_pictures:
            for name in PICTURES:
                (given.docs / name).write_bytes(draw(name))
    except DevenvError as error:
        print(f"error: {error.message}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    write_atomically(given.docs / PAGE, render(data))
    return 0


def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
