"""The command line: parse and render only; the use cases are in ``devenv.verbs``."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; gives the exit code.

    0 holds, 1 fails, 2 usage, 3 inconclusive, 4 cannot run here, 70 a fault of devenv.
    """
    from devenv.cli.app import app
    from devenv.cli.running import run

    return run(app, arguments)
