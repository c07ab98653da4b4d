"""The process behind an embedded stack, with the page in its control API (``wire.edge.supervisor``)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devenv.stack.embedded.warm_client import warm_process

if TYPE_CHECKING:
    from fastapi import APIRouter


def page_parts(state_dir: Path) -> Sequence[APIRouter]:
    """The page's parts of the control API of the stack in ``state_dir``.

    What they need is imported here, while the programs of the stack start.
    """
    from devenv.dashboard.routes import routers
    from devenv.dashboard.surroundings import EmbeddedSurroundings

    return routers(EmbeddedSurroundings(state_dir))


def main() -> int:
    """Run the stack that the command line names; gives the exit code."""
    # Now: a process that has a thread or an event loop can no longer be forked. The fork imports what pods do
    # while this process imports what it needs itself.
    warm = None if "--cold" in sys.argv[1:] else warm_process()
    from devenv.wire.edge import supervisor

    return supervisor.main(parts=page_parts, warm=warm)


if __name__ == "__main__":
    sys.exit(main())
