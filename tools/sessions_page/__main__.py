"""``python -m tools.sessions_page``: writes docs/sessions.md from docs/sessions.json; ``--measure``: both."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devenv.core.model.errors import DevenvError
from devenv.harness.runs.folders import write_atomically
from tools.redis_server import redis_server
from tools.sessions_page.compared import FRONTRUN, compare
from tools.sessions_page.measuring import measure_all
from tools.sessions_page.page import render

PAGE, DATA = "sessions.md", "sessions.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.sessions_page", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure every library first (some minutes)")
    parser.add_argument("--only", default="", metavar="TEXT", help="measure what has TEXT in its title")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="the folder of the page")
    given = parser.parse_args(arguments)
    file = given.docs / DATA
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else '{"libraries": [], "compared": []}'
        data = json.loads(text)
        if given.measure:
            with tempfile.TemporaryDirectory() as folder:
                data["libraries"] = measure_all(Path(folder), _tell, given.only, data["libraries"])
        if given.measure and given.only in ("", FRONTRUN):
            with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as port:
                data["compared"] = compare(Path(folder), port, _tell)
        if given.measure:
            write_atomically(file, json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    except DevenvError as error:
        print(f"error: {error.message}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    write_atomically(given.docs / PAGE, render(data))
    return 0


def _tell(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
