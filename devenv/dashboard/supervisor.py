"""The process behind an embedded stack, with the page in its control API (``wire.edge.supervisor``)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from devenv.wire.edge import supervisor


def page_parts(state_dir: Path) -> Sequence[APIRouter]:
    """The page's parts of the control API of the stack in ``state_dir``.

    What they need is imported here, while the programs of the stack start.
    """
    from devenv.dashboard.routes import routers
    from devenv.dashboard.surroundings import EmbeddedSurroundings

    return routers(EmbeddedSurroundings(state_dir))


if __name__ == "__main__":
    sys.exit(supervisor.main(parts=page_parts))
