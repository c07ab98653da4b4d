"""``python -m tools.failures_page``: writes docs/failures.md from docs/failures.json; ``--measure``: both."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devenv.core.model.errors import DevenvError
from devenv.harness.runs.folders import write_atomically
from tools.failures_page import data_text, play_all, render

PAGE, DATA = "failures.md", "failures.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.failures_page", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="play every scenario first (some minutes)")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="the folder of the page")
    given = parser.parse_args(arguments)
    try:
        if given.measure:
            with tempfile.TemporaryDirectory() as folder:
                data = play_all(Path(folder), lambda line: print(line, file=sys.stderr))  # noqa: T201
            write_atomically(given.docs / DATA, data_text(data))
        data = json.loads((given.docs / DATA).read_text(encoding="utf-8"))
    except DevenvError as error:
        print(f"error: {error.message}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    write_atomically(given.docs / PAGE, render(data))
    return 0


if __name__ == "__main__":
    sys.exit(main())
