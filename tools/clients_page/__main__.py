"""``python -m tools.clients_page``: writes docs/clients.md from docs/clients.json; ``--measure``: both."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devenv.core.model.errors import DevenvError
from devenv.harness.runs.folders import write_atomically
from tools.clients_page.measuring import measure_all
from tools.clients_page.page import render
from tools.redis_server import redis_server

PAGE, DATA = "clients.md", "clients.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.clients_page", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure every client first (some minutes)")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="the folder of the page")
    given = parser.parse_args(arguments)
    try:
        if given.measure:
            with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as port:
                data = measure_all(Path(folder), port, lambda line: print(line, file=sys.stderr))  # noqa: T201
            text = json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
            write_atomically(given.docs / DATA, text)
        data = json.loads((given.docs / DATA).read_text(encoding="utf-8"))
    except DevenvError as error:
        print(f"error: {error.message}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    write_atomically(given.docs / PAGE, render(data))
    return 0


if __name__ == "__main__":
    sys.exit(main())
