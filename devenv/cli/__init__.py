"""The command line: parse and render only; the use cases are in ``devenv.verbs``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextvars import ContextVar

STARTED: ContextVar[float] = ContextVar("STARTED")
"""When the command began, in seconds since the epoch: windows such as --since count from there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; gives the exit code.

    0 holds, 1 fails, 2 usage, 3 inconclusive, 4 cannot run here, 70 a fault of devenv.
    """
    STARTED.set(time.time())
    from devenv.cli.app import app
    from devenv.cli.running import run

    return run(app, arguments)
